"""Counts that belong to candidate keys, as sums over answers: their order is without effect, each can be taken back.

Notation:
    O  outcomes (heads), C candidates of the bound catalogue, K candidate keys of the catalogue or learned
    counts  int64 [O, K, 2], answers and how many of them happened
Further arrays of whole numbers, int64 [O, K, ...], go the same way from state to state and from revision to revision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.learning.base import CandidateKey, Floats, Snapshot
from opportune.learning.moves import Moves
from opportune.learning.snapshot import read_array

__all__ = ["Counts", "Tally", "names_of"]

COUNT_MAX = 1 << 53
"""Larger counts are no longer whole as float64."""

Counts = npt.NDArray[np.int64]
Names = tuple[str, str, str, str]


class Tally:
    """Counts per outcome and candidate key.

    Args:
        outcomes: names of the heads.
        more: name -> shape behind [O, K] of further arrays.

    Attributes:
        arrays: name -> int64 [O, K, ...], "counts" among them; rows of `bound` are those of the catalogue.
        bound: int64 [C], row of every candidate.
        groups, actions: int64 [K], rows of one group, or of one action, share a number.
    """

    def __init__(self, outcomes: Sequence[str], more: Mapping[str, tuple[int, ...]] | None = None) -> None:
        self.outcomes = tuple(outcomes)
        self._shapes: dict[str, tuple[int, ...]] = {"counts": (2,), **(more or {})}
        self.keys: list[CandidateKey] = []
        self.arrays = self._zeros(0)
        self.bind(())

    def _zeros(self, keys: int) -> dict[str, Counts]:
        heads = len(self.outcomes)
        return {name: np.zeros((heads, keys, *shape), dtype=np.int64) for name, shape in self._shapes.items()}

    def bind(self, catalogue: Sequence[CandidateKey]) -> None:
        """Fix the candidate axis; keys that leave and come back find their counts.

        Raises:
            ValueError: a key stands in the catalogue twice.
        """
        if len(set(catalogue)) != len(catalogue):
            raise ValueError("catalogue: every candidate key must stand there once")
        learned = self._learned()
        keys = sorted({self.keys[k] for k in learned} | set(catalogue), key=names_of)
        place = {key: k for k, key in enumerate(keys)}
        arrays = self._zeros(len(keys))
        rows = [place[self.keys[k]] for k in learned]
        for name, values in arrays.items():
            values[:, rows] = self.arrays[name][:, learned]
        self.keys, self.arrays = keys, arrays
        self.bound = np.array([place[key] for key in catalogue], dtype=np.int64)
        self.groups = _numbered([key.group for key in keys])
        self.actions = _numbered([(key.group, key.action) for key in keys])

    def widen(self, name: str, size: int) -> None:
        """Give the third axis of a further array room for `size`."""
        shape = (size, *self._shapes[name][1:])
        self._shapes[name] = shape
        values = self.arrays[name]
        wider = np.zeros((*values.shape[:2], *shape), dtype=np.int64)
        wider[:, :, : values.shape[2]] = values
        self.arrays[name] = wider

    def _learned(self) -> list[int]:
        return [int(k) for k in np.flatnonzero(self.arrays["counts"][..., 0].sum(axis=0))]

    def evidence(self) -> Floats:
        """Number of answers, float32 [O, C]."""
        return self.arrays["counts"][:, self.bound, 0].astype(np.float32)

    def row(self, candidate: int, outcome: int) -> int:
        """Give the row of a candidate.

        Raises:
            IndexError: the candidate or the outcome is not bound.
        """
        if not (0 <= candidate < len(self.bound) and 0 <= outcome < len(self.outcomes)):
            raise IndexError("candidate or outcome: not bound")
        return int(self.bound[candidate])

    def add(self, candidate: int, outcome: int, happened: bool) -> None:
        """Count an answer.

        Raises:
            IndexError: the candidate or the outcome is not bound.
        """
        self.arrays["counts"][outcome, self.row(candidate, outcome)] += (1, happened)

    def take(self, candidate: int, outcome: int, happened: bool) -> bool:
        """Take an answer back; False where none like it is left.

        Raises:
            IndexError: the candidate or the outcome is not bound.
        """
        row = self.row(candidate, outcome)
        answers, positives = self.arrays["counts"][outcome, row].tolist()
        if (positives if happened else answers - positives) <= 0:
            return False
        self.arrays["counts"][outcome, row] -= (1, happened)
        if not self.arrays["counts"][:, row, 0].any():
            for values in self.arrays.values():
                values[:, row] = 0
        return True

    def snapshot(self) -> Snapshot:
        """Copy keys that learned anything, in order, and their counts."""
        learned = self._learned()
        meta = {"outcomes": list(self.outcomes), "keys": [list(names_of(self.keys[k])) for k in learned]}
        return Snapshot({name: values[:, learned].copy() for name, values in self.arrays.items()}, meta)

    def restored(self, snapshot: Snapshot, catalogue: Sequence[CandidateKey]) -> Tally:
        """Make a tally of the same heads with the counts of a snapshot, bound to a catalogue.

        Raises:
            ValueError: heads differ, or keys or counts are missing or wrong.
        """
        if snapshot.meta.get("outcomes") != list(self.outcomes):
            raise ValueError("snapshot: outcomes are not those of this model")
        other = Tally(self.outcomes, self._shapes)
        other.keys, other.arrays = _read_keys(snapshot.meta.get("keys")), self._read(snapshot, len(self.outcomes))
        other.bind(catalogue)
        return other

    def _read(self, snapshot: Snapshot, heads: int) -> dict[str, Counts]:
        keys = len(_read_keys(snapshot.meta.get("keys")))
        arrays: dict[str, Counts] = {}
        for name, shape in self._shapes.items():
            arrays[name] = read_array(snapshot, name, np.int64, (heads, keys, *shape)).copy()
            if (np.abs(arrays[name]) > COUNT_MAX).any():
                raise ValueError(f"snapshot: {name}: a count is too large")
        counts = arrays["counts"]
        if (counts < 0).any() or (counts[..., 1] > counts[..., 0]).any():
            raise ValueError("snapshot: counts are negative, or more happened than was answered")
        return arrays

    def carried(self, snapshot: Snapshot, moves: Moves) -> Snapshot:
        """Give the state of a tally of these heads that knows what a snapshot of another one knows.

        Raises:
            ValueError: the snapshot is not of a tally with the same arrays.
        """
        heads = snapshot.meta.get("outcomes")
        if not (isinstance(heads, list) and all(isinstance(name, str) for name in heads)):
            raise ValueError("snapshot: outcomes are missing")
        keys = _read_keys(snapshot.meta.get("keys"))
        arrays = self._read(snapshot, len(heads))
        targets, sources = _moved(keys, arrays["counts"][..., 0].sum(axis=0), moves)
        stay = [name for name in self.outcomes if name in heads]
        own, former = [self.outcomes.index(name) for name in stay], [heads.index(name) for name in stay]
        later = self._zeros(len(targets))
        for name, values in later.items():
            values[own] = arrays[name][former][:, sources]
        kept = [int(k) for k in np.flatnonzero(later["counts"][..., 0].sum(axis=0))]
        meta: dict[str, Any] = {"outcomes": list(self.outcomes), "keys": [list(targets[k]) for k in kept]}
        return Snapshot({name: values[:, kept] for name, values in later.items()}, meta)


def names_of(key: CandidateKey) -> Names:
    """Give the names of a key, in the order in which keys are sorted."""
    return key.group, key.action, key.channel, key.treatment


def _numbered(names: Sequence[object]) -> Counts:
    rows: dict[object, int] = {}
    return np.array([rows.setdefault(name, len(rows)) for name in names], dtype=np.int64)


def _read_keys(value: object) -> list[CandidateKey]:
    if not isinstance(value, list):
        raise ValueError("snapshot: keys are missing")
    keys = []
    for names in value:
        if not (isinstance(names, list) and len(names) == 4 and all(isinstance(name, str) for name in names)):
            raise ValueError("snapshot: keys: expected lists of 4 names")
        keys.append(tuple(names))
    if keys != sorted(set(keys)):
        raise ValueError("snapshot: keys: expected distinct keys in order")
    return [CandidateKey(*names) for names in keys]


def _moved(keys: Sequence[CandidateKey], answers: Counts, moves: Moves) -> tuple[list[tuple[str, ...]], list[int]]:
    """Give the new keys in order and the old place of each; of several, the one with the most answers, then first."""
    chosen: dict[tuple[str, ...], int] = {}
    for k, key in enumerate(keys):
        target = moves.place(names_of(key))
        if target not in chosen or answers[k] > answers[chosen[target]]:
            chosen[target] = k
    targets = sorted(chosen)
    return targets, [chosen[target] for target in targets]
