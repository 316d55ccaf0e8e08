"""Has trees trained beside the service when enough new answers have come, and orders their adoption by the journal."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

import msgspec
import structlog

from opportune.learning import Contest, MixtureModel, PropensityModel, TreesModel
from opportune.learning.tree_training import has_lightgbm, is_due
from opportune.learning.trees import BYTES_MAX, PART
from opportune.outcomes import Learner
from opportune.service.tree_job import Task
from opportune.storage import ChangeModels
from opportune.storage.digests import digest_of

__all__ = ["AUTHOR", "TreeTrainer"]

AUTHOR = "background training"
END_SECONDS = 5.0

log = structlog.get_logger()


@dataclass(slots=True)
class _Job:
    task: Task
    process: subprocess.Popen[bytes]
    output: IO[bytes]


class TreeTrainer:
    """Asks now and then whether trees are due, and trains one model at a time.

    The schedule follows from the number of answers alone: `opportune.learning.tree_training.is_due`. A training that
    failed is tried again when the next one would be due.

    Args:
        url: of the store, for the process that trains; "" trains nothing.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._job: _Job | None = None
        self._tried: dict[str, int] = {}
        self._told = False

    def order(self, learner: Learner) -> ChangeModels | None:
        """Give the order to adopt trees that are ready, or begin to train some; nothing may be learned meanwhile."""
        if self._job is not None:
            return self._finished(self._job)
        for name, (model, trees) in _with_trees(learner.model).items():
            answers = int(model.evidence().sum())
            if trees.trained >= self._tried.get(name, 0):
                # Adopted: should a model that was learned anew stand here later, without trees, it gets some at once.
                self._tried.pop(name, None)
            last = max(trees.trained, self._tried.get(name, 0))
            if is_due(answers, last) and self._can_train(is_wanted=model is trees):
                self._tried[name] = answers
                self._begin(Task(url=self._url, model=name, until=learner.position, answers=answers))
                break
        return None

    def _can_train(self, is_wanted: bool) -> bool:
        """Say whether trees can be trained; that they cannot be is told where a project asks for them by name."""
        if self._url and has_lightgbm():
            return True
        if is_wanted and not self._told:
            self._told = True
            why = "the extra 'trees' is not installed" if self._url else "no other process can open the store"
            log.warning("trees are not trained", reason=why)
        return False

    def _begin(self, task: Task) -> None:
        output = tempfile.TemporaryFile()  # noqa: SIM115  The job closes it.
        process = subprocess.Popen(
            [sys.executable, "-m", "opportune.service.tree_job"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdin is not None
        try:
            process.stdin.write(msgspec.json.encode(task))
            process.stdin.close()
        except BrokenPipeError:
            # It ended at once; its exit code says so.
            pass
        self._job = _Job(task, process, output)
        log.info("training of trees begins", model=task.model, answers=task.answers)

    def _finished(self, job: _Job) -> ChangeModels | None:
        """Give the order of a job that has ended; None while it runs, and where nothing came of it."""
        code = job.process.poll()
        if code is None:
            return None
        self._job = None
        job.output.seek(0)
        artefact = job.output.read(BYTES_MAX + 1)
        job.output.close()
        if code == 0 and not artefact:
            # Nothing is wrong: too few answers, or all alike.
            log.info("too little to train trees on yet", model=job.task.model, answers=job.task.answers)
            return None
        if code != 0 or len(artefact) > BYTES_MAX:
            log.warning("no trees came of a training", model=job.task.model, exit=code, size=len(artefact))
            return None
        return ChangeModels(
            id=f"trees-{job.task.model}-{job.task.until}",
            order="part",
            model=job.task.model,
            part=PART,
            position=job.task.until,
            hash=digest_of(artefact).hex(),
            state=artefact,
            author=AUTHOR,
            reason=f"trained on what followed {job.task.answers} answers",
        )

    def close(self) -> None:
        """End a training that runs."""
        job, self._job = self._job, None
        if job is None:
            return
        job.process.terminate()
        try:
            job.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            job.process.kill()
            job.process.wait()
        job.output.close()


def _with_trees(model: PropensityModel) -> Mapping[str, tuple[PropensityModel, TreesModel]]:
    """Find the models that learn and are of trees, or have such an expert: name → the model and its trees."""
    found: dict[str, tuple[PropensityModel, TreesModel]] = {}
    for name, one in model.models.items() if isinstance(model, Contest) else ():
        trees = one.trees if isinstance(one, MixtureModel) else one
        if isinstance(trees, TreesModel):
            found[name] = one, trees
    return found
