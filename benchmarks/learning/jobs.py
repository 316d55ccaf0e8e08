"""Runs what is not in the cache, each in a process of its own pool, and shows how far it is."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from typing import Any, NamedTuple

from rich.console import Console

from benchmarks.learning import runs
from benchmarks.learning.cache import Cache
from benchmarks.learning.contenders import contenders
from benchmarks.learning.contenders.base import Contender
from benchmarks.learning.stream import Rounds, Stream
from benchmarks.learning.tasks import TASKS, Choosing, load

__all__ = ["Job", "run", "run_all"]


class Job(NamedTuple):
    """One contender on one task with one seed, on the first `rows` of the data or all; `data` is their digest."""

    task: str
    contender: str
    seed: int
    rows: int | None
    data: str


def run(job: Job) -> dict[str, Any]:
    """Run one job and give its result with the seconds it took.

    Raises:
        ModuleNotFoundError: a peer is not installed.
    """
    task, data = TASKS[job.task], load(job.task, job.rows)
    contender = named(job.contender, isinstance(task, Choosing))
    begin = time.process_time()
    player = contender.make(data.predictors, data.candidates, job.seed)
    if isinstance(task, Choosing):
        assert isinstance(data, Rounds)
        result = runs.choose(player, task, data, job.seed)
    else:
        assert isinstance(data, Stream)
        result = runs.predict(player, [data.answers[i] for i in runs.order_of(data, job.seed)])
    return {"seconds": round(time.process_time() - begin, 1), **result}


def named(name: str, chooses: bool) -> Contender:
    """Find a contender by its name."""
    return next(contender for contender in contenders(chooses) if contender.name == name)


def run_all(jobs: Sequence[Job], cache: Cache, processes: int, console: Console) -> dict[str, str]:
    """Run jobs, put their results into the cache; give who failed and why."""
    failed: dict[str, str] = {}
    begin = time.monotonic()

    def finish(number: int, job: Job, work: Any) -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001
            failed[job.contender] = f"{type(error).__name__}: {error}"
            console.print(f"{job.task}, {job.contender}: failed, {type(error).__name__}: {error}", markup=False)
            return
        chooses = isinstance(TASKS[job.task], Choosing)
        cache.put(job.task, named(job.contender, chooses), job.seed, job.data, result)
        took = f"{result['seconds']:.0f} s, {time.monotonic() - begin:.0f} s in all"
        console.print(f"{number}/{len(jobs)} {job.task}, {job.contender}, seed {job.seed}: {took}", markup=False)

    if processes == 0:
        for number, job in enumerate(jobs, start=1):
            finish(number, job, lambda job=job: run(job))
        return failed
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_modestly) as pool:
        waiting: dict[Future[dict[str, Any]], Job] = {pool.submit(run, job): job for job in jobs}
        for number, future in enumerate(as_completed(waiting), start=1):
            finish(number, waiting[future], future.result)
    return failed


def _modestly() -> None:
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
