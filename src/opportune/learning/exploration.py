"""Who takes the next places: selection probabilities first, then a draw from them, place by place.

Formulas: docs/concepts/exploration.md. A method is a name in METHODS, its number in selection.py, one function in both
forms that gives a `Selection`, and the line of `next_place` that calls it.

Notation:
    C      candidates of the plan
    mean   float32 [C], expected priority
    spread float32 [C], standard deviation of the priority
    alive  bool [C], candidates that may take this place; n of them
    n      number of alive candidates
    s_i    scale * spread_i, standard deviation of the Thompson draw
    t_i    chance that candidate i's normal draw is the largest
    p_i    (1 - floor) * t_i + floor / n, selection probability
"""

from __future__ import annotations

import functools
import math
from types import ModuleType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from opportune.learning import exploration_numpy, maturity_numpy
from opportune.learning.kernels import resolve_kernel
from opportune.learning.maturity import NO_SHARES
from opportune.learning.selection import IGW, Selection

__all__ = ["GAMMA_SCALE", "METHODS", "Method", "Race", "Selection", "gamma_of", "select"]

Method = Literal["thompson", "greedy", "uniform", "igw"]
METHODS: tuple[Method, ...] = ("thompson", "greedy", "uniform", "igw")

GAMMA_SCALE = 10.0
"""Gamma of inverse gap weighting per root of the answers learned."""


def gamma_of(answers: float) -> float:
    """Give gamma of inverse gap weighting after so many answers: the more is known, the less is tried."""
    return GAMMA_SCALE * math.sqrt(max(0.0, answers))


class Race:
    """Consecutive places among the same candidates: what does not change between them is worked out once.

    Args:
        mean: float32 [C].
        spread: float32 [C], >= 0.
        places: how many will be drawn; more may be, at a higher cost.
        scale: share of the spread that Thompson draws use, >= 0; 0 makes "thompson" greedy.
        floor: probability shared evenly by all alive candidates, in [0, 1].
        method: "thompson"; "greedy": the best, ties to the lowest index, plus the floor; "uniform": 1/n each;
            "igw": the rarer the further behind the best.
        kernel: "auto", "numpy" or "numba".
        gamma: of "igw", >= 0: how fast chances fall with the gap.
        ceiling: most that may go to others than the best, in [floor, 1]; 1 is no ceiling.
        share: float64 [C], most that the candidates of one action may take together, 1 where they are free;
            None where nobody is held back.
        action_of: intp [C], ascending, action of each candidate; None where each is an action of its own.

    Raises:
        ValueError: an argument is out of range, or shapes differ.
    """

    def __init__(
        self,
        mean: npt.NDArray[np.float32],
        spread: npt.NDArray[np.float32],
        *,
        places: int = 1,
        scale: float = 0.2,
        floor: float = 0.02,
        method: Method = "thompson",
        kernel: str = "auto",
        gamma: float = 0.0,
        ceiling: float = 1.0,
        share: npt.NDArray[np.float64] | None = None,
        action_of: npt.NDArray[np.intp] | None = None,
    ) -> None:
        if not (0.0 <= scale < math.inf and 0.0 <= floor <= 1.0):
            raise ValueError("scale: expected a finite number >= 0; floor: expected a number in [0, 1]")
        if not (0.0 <= gamma < math.inf and floor <= ceiling <= 1.0):
            raise ValueError("gamma: expected a finite number >= 0; ceiling: expected a number in [floor, 1]")
        if method not in METHODS:
            raise ValueError(f"method: expected one of {', '.join(METHODS)}")
        if not (mean.shape == spread.shape and mean.ndim == 1):
            raise ValueError(f"expected one axis of equal length, found {mean.shape}, {spread.shape}")
        if share is not None and (share.shape != mean.shape or not ((share > 0.0) & (share <= 1.0)).all()):
            raise ValueError("share: expected a number in (0, 1] for every candidate")
        self._mean = np.ascontiguousarray(mean, dtype=np.float32)
        self._spread = np.ascontiguousarray(spread, dtype=np.float32)
        self._places, self._floor, self._ceiling = max(1, places), float(floor), float(ceiling)
        self._method = METHODS.index(method)
        self._strength = float(gamma if self._method == IGW else scale)
        self._share = NO_SHARES if share is None else np.ascontiguousarray(share, dtype=np.float64)
        self._action_of = np.arange(len(mean)) if action_of is None else np.ascontiguousarray(action_of, dtype=np.intp)
        self._is_limited = ceiling < 1.0 or share is not None
        self._steps: Any = _numba(self._is_limited) if resolve_kernel(kernel) == "numba" else _numpy(self._is_limited)
        self._field: Any = self._steps.nowhere_limited() if self._is_limited else self._steps.nowhere()

    def draw(self, alive: npt.NDArray[np.bool_], u: float) -> Selection:
        """Pick the candidate of the next place.

        Args:
            alive: bool [C], who may take it: those of the place before, or some of them.
            u: uniform draw in [0, 1).

        Raises:
            ValueError: `u` or the shape is wrong, or the mean or spread of one who is alive is not finite.
        """
        if not 0.0 <= u < 1.0:
            raise ValueError("u: expected a number in [0, 1)")
        if alive.shape != self._mean.shape:
            raise ValueError(f"expected one axis of equal length, found {self._mean.shape}, {alive.shape}")
        alive = np.ascontiguousarray(alive)
        limits = (self._ceiling, self._share, self._action_of) if self._is_limited else ()
        place = self._steps.limited_place if self._is_limited else self._steps.next_place
        drawn: Selection
        drawn, self._field = place(
            *(self._field, self._mean, self._spread, alive, u),
            *(self._places, self._method, self._strength, self._floor, *limits),
        )
        if drawn.alive < 0:
            raise ValueError("mean and spread: expected finite numbers (spread >= 0) for every alive candidate")
        self._places = max(1, self._places - 1)
        return drawn


def select(
    mean: npt.NDArray[np.float32],
    spread: npt.NDArray[np.float32],
    alive: npt.NDArray[np.bool_],
    u: float,
    **options: Any,
) -> Selection:
    """Pick the candidate of a single place; arguments, options and errors are those of `Race`."""
    return Race(mean, spread, **options).draw(alive, u)


def _numpy(is_limited: bool) -> ModuleType:
    return maturity_numpy if is_limited else exploration_numpy


@functools.cache
def _numba(is_limited: bool) -> ModuleType:
    from opportune.learning import exploration_numba, maturity_numba

    return maturity_numba if is_limited else exploration_numba
