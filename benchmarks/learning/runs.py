"""One contender on one task with one seed."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.learning.contenders.base import Chooser, Scorer
from benchmarks.learning.stream import Answer, Rounds, Stream
from benchmarks.learning.tasks import Choosing

__all__ = ["choose", "order_of", "predict"]

Places = npt.NDArray[np.intp]


def order_of(data: Stream | Rounds, seed: int, rounds: int | None = None) -> Places:
    """Give the order of a seed: that of the file for the first, else shuffled where order means nothing.

    Args:
        rounds: length; the data are gone over again, shuffled anew, as often as it takes.
    """
    size = len(data.answers) if isinstance(data, Stream) else len(data.facts)
    random = np.random.default_rng(1_000 + seed)
    if isinstance(data, Stream):
        return np.arange(size) if seed == 0 or data.ordered else random.permutation(size)
    block = np.zeros(size, dtype=np.intp) if data.block is None else data.block
    first = np.arange(size) if seed == 0 else np.lexsort((random.random(size), block))
    passes = [first]
    while rounds is not None and sum(map(len, passes)) < rounds:
        passes.append(random.permutation(size))
    return np.concatenate(passes)[:rounds]


def predict(scorer: Scorer, answers: Sequence[Answer]) -> dict[str, list[Any]]:
    """Predict every answer, then learn it."""
    said = []
    for facts, candidate, happened in answers:
        said.append(float(f"{scorer.predict(facts, candidate):.6g}"))
        scorer.learn(facts, candidate, happened)
    return {"predictions": said}


def choose(chooser: Chooser, task: Choosing, data: Rounds, seed: int) -> dict[str, list[Any]]:
    """Choose in every round and learn the answer `delay` rounds later; keep which rounds counted and their worth.

    Worth is the chance of acceptance of the choice where that is known, else the logged answer.
    """
    order = order_of(data, seed, task.rounds)
    random = np.random.default_rng(2_000 + seed)
    draws, answers = random.random(len(order)).tolist(), random.random(len(order)).tolist()
    waiting: deque[tuple[int, int, float, bool]] = deque()
    rounds, worth = [], []
    for number, row in enumerate(order.tolist()):
        facts = data.facts[row]
        chosen, chance = chooser.choose(facts, draws[number])
        if data.logged is None or int(data.logged[row]) == chosen:
            value = float(data.rewards[row, chosen])
            rounds.append(number)
            worth.append(round(value, 4))
            waiting.append((row, chosen, chance, answers[number] < value))
        # Answers come in the order of their rounds; in a replay only rounds that counted pass the time.
        while len(waiting) > task.delay:
            late, candidate, its_chance, happened = waiting.popleft()
            chooser.learn(data.facts[late], candidate, its_chance, happened)
    return {"rounds": rounds, "worth": worth}
