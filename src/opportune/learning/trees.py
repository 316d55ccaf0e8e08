"""Boosted trees that are trained anew in the background; online, their scores are corrected by what happens.

The trees come as an artefact, by `take_part`: flat arrays, scored here without the package that trained them. Until
there is one, and where an outcome had too few answers for trees, the rates of the candidates stand in.
Formulas: docs/concepts/models.md, "trees". Notation: tree_arrays.py, tree_frame.py.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from opportune.learning import tree_numpy
from opportune.learning.base import CandidateKey, Predictor, Snapshot
from opportune.learning.kernels import resolve_kernel
from opportune.learning.moves import Moves
from opportune.learning.rates import Doubles
from opportune.learning.snapshot import from_bytes
from opportune.learning.supplied import SuppliedModel
from opportune.learning.tree_arrays import TreeArrays, arrays_from
from opportune.learning.tree_frame import PARTS, Frame, frame_from
from opportune.records import Facts

__all__ = ["ARTEFACT_FORMAT", "BYTES_MAX", "PART", "TreesModel"]

PART = "trees"
ARTEFACT_FORMAT = "trees 1"
BYTES_MAX = 16_000_000


@functools.cache
def _numba() -> ModuleType:
    from opportune.learning import tree_numba

    tree_numba.warm_up()
    return tree_numba


@dataclass(frozen=True, slots=True)
class _Forest:
    """An artefact that was read.

    Args:
        outcomes: what `heads` of the trees count.
        digest: of the artefact's bytes.
        answers: that there were when they were trained.
    """

    trees: TreeArrays
    frame: Frame
    outcomes: tuple[str, ...]
    digest: str
    answers: int


class TreesModel(SuppliedModel):
    """Trees as a propensity model.

    Args:
        predictors: facts it may see; names are distinct.
        outcomes: names of its heads, distinct, at least one.
        kernel: "auto", "numpy" or "numba".
    """

    name = "trees"
    additive: ClassVar[bool] = False

    def __init__(self, predictors: Sequence[Predictor], outcomes: Sequence[str], kernel: str = "auto") -> None:
        self._forest: _Forest | None = None
        super().__init__(predictors, outcomes, recalibrate=True)
        self.kernel = resolve_kernel(kernel)
        self._steps: Any = _numba() if self.kernel == "numba" else tree_numpy
        self._types = {one.name: one.type for one in predictors}

    @property
    def has_trees(self) -> bool:
        """Whether trees were trained for it."""
        return self._forest is not None

    @property
    def trained(self) -> int:
        """Answers that there were when its trees were trained; 0 without trees."""
        return 0 if self._forest is None else self._forest.answers

    def supplied(self) -> Mapping[str, Any]:
        """Give the artefact's digest; "" without one."""
        return {"digest": "" if self._forest is None else self._forest.digest}

    def bind(self, catalogue: Sequence[CandidateKey]) -> None:
        """Fix the candidate axis."""
        super().bind(catalogue)
        self._place_candidates()

    def _place_candidates(self) -> None:
        forest = self._forest
        if forest is None:
            return
        codes = forest.frame.candidates(self.catalogue)
        self._prepared = self._steps.prepare(forest.trees, len(forest.frame.columns), codes)
        self._heads = [_place(forest.outcomes, name) for name in self.outcomes]

    def take_part(self, part: str, artefact: bytes) -> None:
        """Take over trees; the correction of scores begins anew, since theirs are others.

        Raises:
            ValueError: the part is unknown, or the bytes are no trees; nothing is changed.
        """
        if part != PART:
            raise ValueError(f"model {self.name}: it has no part {part[:60]!r}")
        if len(artefact) > BYTES_MAX:
            raise ValueError(f"trees: expected at most {BYTES_MAX} bytes, found {len(artefact)}")
        self._take(_read(from_bytes(artefact), hashlib.blake2b(artefact, digest_size=32).hexdigest()))
        self.tally.arrays["scores"][:] = 0

    def _take(self, forest: _Forest | None) -> None:
        self._forest = forest
        self._place_candidates()
        self._forget_derived()

    def score(self, facts: Facts) -> Doubles | None:
        """Score all candidates by the trees."""
        forest = self._forest
        if forest is None:
            return None
        row = forest.frame.row(facts, self._types)
        found = np.zeros((len(forest.outcomes), len(self.catalogue)))
        self._steps.score(self._prepared, row, found)
        scores = np.full((len(self.outcomes), len(self.catalogue)), math.nan)
        with_trees = set(forest.trees.heads.tolist())
        for o, head in enumerate(self._heads):
            if head in with_trees:
                scores[o] = found[head]
        return scores

    def snapshot(self) -> Snapshot:
        """Copy the counts and the trees."""
        state = super().snapshot()
        if self._forest is None:
            return state
        forest = {
            "frame": self._forest.frame.described(),
            "outcomes": list(self._forest.outcomes),
            "answers": self._forest.answers,
        }
        return Snapshot({**state.arrays, **self._forest.trees.arrays()}, {**state.meta, "forest": forest})

    def restore(self, snapshot: Snapshot) -> None:
        """Take over counts and trees; a refused state changes nothing."""
        forest = _forest_of(snapshot)
        before = self._forest
        # What is described of the scores is that of the trees in the state.
        self._forest = forest
        try:
            super().restore(snapshot)
        except ValueError:
            self._forest = before
            raise
        self._take(forest)

    def adopt(self, snapshot: Snapshot, moves: Moves) -> None:
        """Take over rates and trees; columns of predictors that are gone count as missing."""
        if snapshot.meta.get("model") != self.name:
            raise ValueError("snapshot: it is of another model")
        forest, before = _forest_of(snapshot), self._forest
        self._forest = forest
        try:
            state = self.tally.carried(self._with_own_arrays(snapshot), moves)
            self.tally = self.tally.restored(state, self.catalogue)
        except ValueError:
            self._forest = before
            raise
        moved = None if forest is None else replace(forest, frame=forest.frame.moved(moves))
        self._take(moved)


def _place(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else -1


def _forest_of(snapshot: Snapshot) -> _Forest | None:
    """Read the trees of a state; None where it has none."""
    described, supplied = snapshot.meta.get("forest"), snapshot.meta.get("supplied")
    if described is None:
        return None
    if not (isinstance(described, dict) and isinstance(supplied, dict) and isinstance(supplied.get("digest"), str)):
        raise ValueError("snapshot: its trees are not described")
    return _read(Snapshot(snapshot.arrays, {"format": ARTEFACT_FORMAT, **described}), supplied["digest"])


def _read(artefact: Snapshot, digest: str) -> _Forest:
    if artefact.meta.get("format") != ARTEFACT_FORMAT:
        raise ValueError("trees: these bytes are something else")
    outcomes = artefact.meta.get("outcomes")
    if not (isinstance(outcomes, list) and all(isinstance(name, str) for name in outcomes)):
        raise ValueError("trees: their outcomes are missing")
    answers = artefact.meta.get("answers")
    if type(answers) is not int or answers < 0:
        raise ValueError("trees: the number of answers is missing")
    frame = frame_from(artefact.meta.get("frame"))
    trees = arrays_from(artefact, len(outcomes), len(frame.columns) + PARTS)
    return _Forest(trees, frame, tuple(outcomes), digest, answers)
