"""How well models foresaw the answers that they learned afterwards: sums that only grow, in bounded memory.

One row per head and action, one per head, one of all; each in BLOCKS stretches of answers, which double when they are
used up. Two models are compared by blocks that both foresaw from beginning to end, so that their difference has an
interval that bears drift and runs of alike answers. Formulas: docs/concepts/contest.md.

Notation: B bins of the propensity on the scale of log odds, K blocks.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from opportune.learning.base import Snapshot
from opportune.learning.snapshot import read_array

__all__ = ["BINS", "BLOCKS", "EDGES", "Row", "Score", "Scoreboard"]

BLOCKS = 16
BLOCK_LEAST = 8
"""Answers of a block to begin with."""
EDGES = (-6.0, -5.0, -4.25, -3.5, -3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.5)
"""Log odds between the bins: finer where propensities of offers are."""
BINS = len(EDGES) + 1
CHANCE_LEAST = 1e-6
"""A propensity nearer to 0 or 1 counts as this near: one answer must not outweigh a thousand."""

PARTS: Mapping[str, tuple[int, type[np.generic]]] = {
    "count": (BLOCKS, np.int64),
    "loss": (BLOCKS, np.float64),
    "brier": (BLOCKS, np.float64),
    "no": (BINS, np.int64),
    "yes": (BINS, np.int64),
    "chance": (BINS, np.float64),
}
"""Sums of a score: how many numbers, and of which type."""

T = TypeVar("T", int, float)

Key = tuple[str, str]
"""Head and action; "" for all of them."""


class Score:
    """What one model foresaw in one row.

    Lists, which take one number more in a tenth of the time that arrays need.

    Attributes:
        count: answers foreseen, [K].
        loss: sum of log loss in nats, [K]; `brier` of squared error.
        no, yes: answers that did not happen and that did, [B]; `chance` sum of the propensities, [B].
    """

    __slots__ = ("brier", "chance", "count", "loss", "no", "yes")

    def __init__(self) -> None:
        self.count = [0] * BLOCKS
        self.loss = [0.0] * BLOCKS
        self.brier = [0.0] * BLOCKS
        self.no = [0] * BINS
        self.yes = [0] * BINS
        self.chance = [0.0] * BINS

    def add(self, block: int, place: int, chance: float, loss: float, happened: bool) -> None:
        """Add one answer."""
        self.count[block] += 1
        self.loss[block] += loss
        self.brier[block] += (chance - happened) ** 2
        (self.yes if happened else self.no)[place] += 1
        self.chance[place] += chance

    def take_back(self, block: int, place: int, chance: float, loss: float, happened: bool) -> None:
        """Take one answer back, from the nearest bin that has one like it; sums of losses never fall below nothing, and
        nothing is left of where no answer is."""
        self.count[block] -= 1
        is_left = self.count[block] > 0
        self.loss[block] = max(0.0, self.loss[block] - loss) * is_left
        self.brier[block] = max(0.0, self.brier[block] - (chance - happened) ** 2) * is_left
        answers = self.yes if happened else self.no
        nearest = min((one for one in range(BINS) if answers[one]), key=lambda one: abs(one - place), default=-1)
        if nearest >= 0:
            if nearest != place:
                chance = self.chance[nearest] / (self.no[nearest] + self.yes[nearest])
            answers[nearest] -= 1
            is_left = self.no[nearest] + self.yes[nearest] > 0
            self.chance[nearest] = max(0.0, self.chance[nearest] - chance) * is_left

    def halve(self) -> None:
        """Join neighbouring blocks."""
        self.count = _halved(self.count)
        self.loss = _halved(self.loss)
        self.brier = _halved(self.brier)


class Row:
    """The answers of one head and action, by model.

    Attributes:
        size: answers of a full block.
        count: answers in each block, [K]; `block` is the one that is being filled.
        scores: model → what it foresaw.
    """

    __slots__ = ("block", "count", "filled", "scores", "size")

    def __init__(self) -> None:
        self.size = BLOCK_LEAST
        self.block = 0
        self.filled = 0
        self.count = [0] * BLOCKS
        self.scores: dict[str, Score] = {}

    def add(self, foreseen: Iterable[tuple[str, int, float, float]], happened: bool) -> None:
        """Add one answer.

        Args:
            foreseen: model, bin, propensity and loss of each.
        """
        if self.filled == self.size:
            self._next_block()
        self.filled += 1
        self.count[self.block] += 1
        for name, place, chance, loss in foreseen:
            score = self.scores.get(name)
            if score is None:
                score = self.scores[name] = Score()
            score.add(self.block, place, chance, loss, happened)

    def take_back(self, foreseen: Iterable[tuple[str, int, float, float]], happened: bool) -> None:
        """Take one answer out of the block that is being filled, or of the one before; arguments are those of `add`."""
        if not self.filled and self.block:
            self.block -= 1
            self.filled = self.size
        if not self.filled:
            return
        self.filled -= 1
        self.count[self.block] -= 1
        for name, place, chance, loss in foreseen:
            score = self.scores.get(name)
            if score is not None and score.count[self.block]:
                score.take_back(self.block, place, chance, loss, happened)

    def under(self, models: Mapping[str, str]) -> Row:
        """Give the row with the models' next names; those without one are left out."""
        row = Row()
        row.size, row.block, row.filled = self.size, self.block, self.filled
        row.count = list(self.count)
        row.scores = {models[name]: score for name, score in self.scores.items() if name in models}
        return row

    def _next_block(self) -> None:
        self.block += 1
        self.filled = 0
        if self.block == BLOCKS:
            for score in self.scores.values():
                score.halve()
            self.count = _halved(self.count)
            self.size *= 2
            self.block = BLOCKS // 2


class Scoreboard:
    """Figures of some models, by head and action.

    Args:
        outcomes: the heads.
    """

    def __init__(self, outcomes: Sequence[str]) -> None:
        self.outcomes = tuple(outcomes)
        self.rows: dict[Key, Row] = {}

    def add(self, head: int, action: str, foreseen: Mapping[str, float], happened: bool) -> None:
        """Add one answer.

        Args:
            foreseen: model → its propensity before it learned the answer, finite.
        """
        told = [(name, *_placed(chance, happened)) for name, chance in foreseen.items()]
        name = self.outcomes[head]
        for key in ((name, action), (name, ""), ("", "")):
            row = self.rows.get(key)
            if row is None:
                row = self.rows[key] = Row()
            row.add(told, happened)

    def take_back(self, head: int, action: str, foreseen: Mapping[str, float], happened: bool) -> None:
        """Take one answer out again, where any like it is left.

        Args:
            foreseen: model → its propensity without the answer; what it foresaw at the time is not kept.
        """
        told = [(name, *_placed(chance, happened)) for name, chance in foreseen.items()]
        name = self.outcomes[head]
        for key in ((name, action), (name, ""), ("", "")):
            if key in self.rows:
                self.rows[key].take_back(told, happened)

    def forget(self, model: str) -> None:
        """Drop the figures of a model."""
        for row in self.rows.values():
            row.scores.pop(model, None)

    def carried(self, outcomes: Sequence[str], models: Mapping[str, str], action: Callable[[str], str]) -> Scoreboard:
        """Give the figures under the heads and names of the next revision; of others nothing stays.

        Args:
            models: name of today → next name, of those whose figures stay.
            action: gives the next name of an action; of several that come to one, the one with the most answers stays.
        """
        board = Scoreboard(outcomes)
        for (head, name), row in sorted(self.rows.items()):
            if head and head not in board.outcomes:
                continue
            key = (head, name and action(name))
            before = board.rows.get(key)
            if before is None or sum(before.count) < sum(row.count):
                board.rows[key] = row.under(models)
        return board

    def snapshot(self) -> Snapshot:
        """Copy the figures."""
        keys = sorted(self.rows)
        pairs = [(k, name) for k, key in enumerate(keys) for name in sorted(self.rows[key].scores)]
        scores = [self.rows[keys[k]].scores[name] for k, name in pairs]
        rows = [self.rows[key] for key in keys]
        arrays: dict[str, npt.NDArray[Any]] = {
            "blocks": np.array([row.count for row in rows], dtype=np.int64).reshape(-1, BLOCKS),
            "places": np.array([[row.size, row.block, row.filled] for row in rows], dtype=np.int64).reshape(-1, 3),
        }
        for part, (size, dtype) in PARTS.items():
            arrays[part] = np.array([getattr(score, part) for score in scores], dtype=dtype).reshape(-1, size)
        return Snapshot(arrays, {"rows": [list(key) for key in keys], "scores": [[k, name] for k, name in pairs]})

    @classmethod
    def of(cls, snapshot: Snapshot, outcomes: Sequence[str]) -> Scoreboard:
        """Read what `snapshot` gave.

        Raises:
            ValueError: it is no such copy.
        """
        try:
            keys = [(str(head), str(action)) for head, action in snapshot.meta["rows"]]
            pairs = [(int(k), str(name)) for k, name in snapshot.meta["scores"]]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError("snapshot: the scoreboard is not described") from error
        own = {part: read_array(snapshot, part, dtype, (len(pairs), size)) for part, (size, dtype) in PARTS.items()} | {
            "blocks": read_array(snapshot, "blocks", np.int64, (len(keys), BLOCKS)),
            "places": read_array(snapshot, "places", np.int64, (len(keys), 3)),
        }
        if len(set(keys)) != len(keys) or any(not 0 <= k < len(keys) for k, _ in pairs):
            raise ValueError("snapshot: the scoreboard is described wrongly")
        board = cls(outcomes)
        for k, key in enumerate(keys):
            row = board.rows[key] = Row()
            row.size, row.block, row.filled = (int(value) for value in own["places"][k])
            row.count = own["blocks"][k].tolist()
            if row.size < BLOCK_LEAST or not 0 <= row.block < BLOCKS:
                raise ValueError("snapshot: the scoreboard is described wrongly")
        for n, (k, name) in enumerate(pairs):
            score = board.rows[keys[k]].scores[name] = Score()
            for part in PARTS:
                setattr(score, part, own[part][n].tolist())
        return board


def _placed(chance: float, happened: bool) -> tuple[int, float, float]:
    """Give bin, propensity and loss of one answer."""
    bounded = min(max(chance, CHANCE_LEAST), 1.0 - CHANCE_LEAST)
    odds = math.log(bounded / (1.0 - bounded))
    return bisect_right(EDGES, odds), bounded, -math.log(bounded if happened else 1.0 - bounded)


def _halved(values: list[T]) -> list[T]:
    """Join neighbouring blocks; the second half is free then."""
    pairs = zip(values[::2], values[1::2], strict=True)
    return [one + other for one, other in pairs] + [type(values[0])()] * (BLOCKS // 2)
