"""How well models foresaw the answers that they learned afterwards: sums that only grow, in bounded memory.

One row per head and action, one per head, one of all; each in BLOCKS stretches of answers, which double when they are
used up. Two models are compared by blocks that both foresaw from beginning to end, so that their difference has an
interval that bears drift and runs of alike answers. Formulas: docs/concepts/learning.md.

Notation: B bins of the propensity on the scale of log odds, K blocks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

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

Key = tuple[str, str]
"""Head and action; "" for all of them."""


class Score:
    """What one model foresaw in one row.

    Attributes:
        count: answers foreseen, [K].
        loss: sum of log loss in nats, [K]; `brier` of squared error.
        answers: [B, 2], not happened and happened; `chance` [B], sum of the propensities.
    """

    __slots__ = ("answers", "brier", "chance", "count", "loss")

    def __init__(self) -> None:
        self.count = np.zeros(BLOCKS, dtype=np.int64)
        self.loss = np.zeros(BLOCKS)
        self.brier = np.zeros(BLOCKS)
        self.answers = np.zeros((BINS, 2), dtype=np.int64)
        self.chance = np.zeros(BINS)

    def add(self, block: int, place: int, chance: float, loss: float, happened: bool) -> None:
        """Add one answer."""
        self.count[block] += 1
        self.loss[block] += loss
        self.brier[block] += (chance - happened) ** 2
        self.answers[place, int(happened)] += 1
        self.chance[place] += chance

    def halve(self) -> None:
        """Join neighbouring blocks."""
        for values in (self.count, self.loss, self.brier):
            values[: BLOCKS // 2] = values[::2] + values[1::2]
            values[BLOCKS // 2 :] = 0


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
        self.count = np.zeros(BLOCKS, dtype=np.int64)
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

    def under(self, models: Mapping[str, str]) -> Row:
        """Give the row with the models' next names; those without one are left out."""
        row = Row()
        row.size, row.block, row.filled = self.size, self.block, self.filled
        row.count[:] = self.count
        row.scores = {models[name]: score for name, score in self.scores.items() if name in models}
        return row

    def _next_block(self) -> None:
        self.block += 1
        self.filled = 0
        if self.block == BLOCKS:
            for score in self.scores.values():
                score.halve()
            self.count[: BLOCKS // 2] = self.count[::2] + self.count[1::2]
            self.count[BLOCKS // 2 :] = 0
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
            if before is None or before.count.sum() < row.count.sum():
                board.rows[key] = row.under(models)
        return board

    def snapshot(self) -> Snapshot:
        """Copy the figures."""
        keys = sorted(self.rows)
        pairs = [(k, name) for k, key in enumerate(keys) for name in sorted(self.rows[key].scores)]
        scores = [self.rows[keys[k]].scores[name] for k, name in pairs]
        rows = [self.rows[key] for key in keys]
        arrays: dict[str, npt.NDArray[Any]] = {
            "blocks": _stacked([row.count for row in rows], (BLOCKS,), np.int64),
            "places": np.array([[row.size, row.block, row.filled] for row in rows], dtype=np.int64).reshape(-1, 3),
            "count": _stacked([score.count for score in scores], (BLOCKS,), np.int64),
            "loss": _stacked([score.loss for score in scores], (BLOCKS,), np.float64),
            "brier": _stacked([score.brier for score in scores], (BLOCKS,), np.float64),
            "answers": _stacked([score.answers for score in scores], (BINS, 2), np.int64),
            "chance": _stacked([score.chance for score in scores], (BINS,), np.float64),
        }
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
        own = {
            "blocks": read_array(snapshot, "blocks", np.int64, (len(keys), BLOCKS)),
            "places": read_array(snapshot, "places", np.int64, (len(keys), 3)),
            "count": read_array(snapshot, "count", np.int64, (len(pairs), BLOCKS)),
            "loss": read_array(snapshot, "loss", np.float64, (len(pairs), BLOCKS)),
            "brier": read_array(snapshot, "brier", np.float64, (len(pairs), BLOCKS)),
            "answers": read_array(snapshot, "answers", np.int64, (len(pairs), BINS, 2)),
            "chance": read_array(snapshot, "chance", np.float64, (len(pairs), BINS)),
        }
        if len(set(keys)) != len(keys) or any(not 0 <= k < len(keys) for k, _ in pairs):
            raise ValueError("snapshot: the scoreboard is described wrongly")
        board = cls(outcomes)
        for k, key in enumerate(keys):
            row = board.rows[key] = Row()
            row.size, row.block, row.filled = (int(value) for value in own["places"][k])
            row.count[:] = own["blocks"][k]
            if row.size < BLOCK_LEAST or not 0 <= row.block < BLOCKS:
                raise ValueError("snapshot: the scoreboard is described wrongly")
        for n, (k, name) in enumerate(pairs):
            score = board.rows[keys[k]].scores[name] = Score()
            for part in ("count", "loss", "brier", "answers", "chance"):
                getattr(score, part)[:] = own[part][n]
        return board


def _placed(chance: float, happened: bool) -> tuple[int, float, float]:
    """Give bin, propensity and loss of one answer."""
    bounded = min(max(chance, CHANCE_LEAST), 1.0 - CHANCE_LEAST)
    odds = math.log(bounded / (1.0 - bounded))
    place = sum(odds >= edge for edge in EDGES)
    return place, bounded, -math.log(bounded if happened else 1.0 - bounded)


def _stacked(values: list[npt.NDArray[Any]], shape: tuple[int, ...], dtype: type[np.generic]) -> npt.NDArray[Any]:
    if not values:
        return np.zeros((0, *shape), dtype=dtype)
    return np.stack(values).astype(dtype)
