"""Who takes the next places: selection probabilities first, then a draw from them, place by place.

Formulas: docs/concepts/exploration.md.

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

from opportune.learning import exploration_numpy
from opportune.learning.kernels import resolve_kernel
from opportune.learning.selection import Selection

__all__ = ["METHODS", "Method", "Race", "Selection", "select"]

Method = Literal["thompson", "greedy", "uniform"]
METHODS: tuple[Method, ...] = ("thompson", "greedy", "uniform")


class Race:
    """Consecutive places among the same candidates: what does not change between them is worked out once.

    Args:
        mean: float32 [C].
        spread: float32 [C], >= 0.
        places: how many will be drawn; more may be, at a higher cost.
        scale: share of the spread that Thompson draws use, >= 0; 0 makes "thompson" greedy.
        floor: probability shared evenly by all alive candidates, in [0, 1].
        method: "thompson"; "greedy": the best, ties to the lowest index, plus the floor; "uniform": 1/n each.
        kernel: "auto", "numpy" or "numba".

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
    ) -> None:
        if not (0.0 <= scale < math.inf and 0.0 <= floor <= 1.0):
            raise ValueError("scale: expected a finite number >= 0; floor: expected a number in [0, 1]")
        if method not in METHODS:
            raise ValueError(f"method: expected one of {', '.join(METHODS)}")
        if not (mean.shape == spread.shape and mean.ndim == 1):
            raise ValueError(f"expected one axis of equal length, found {mean.shape}, {spread.shape}")
        self._mean = np.ascontiguousarray(mean, dtype=np.float32)
        self._spread = np.ascontiguousarray(spread, dtype=np.float32)
        self._places, self._scale, self._floor = max(1, places), float(scale), float(floor)
        self._method = METHODS.index(method)
        self._steps: Any = _numba() if resolve_kernel(kernel) == "numba" else exploration_numpy
        self._field: Any = self._steps.nowhere()

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
        drawn: Selection
        drawn, self._field = self._steps.next_place(
            self._field, self._mean, self._spread, alive, u, self._places, self._method, self._scale, self._floor
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
    *,
    scale: float = 0.2,
    floor: float = 0.02,
    method: Method = "thompson",
    kernel: str = "auto",
) -> Selection:
    """Pick the candidate of a single place; arguments and errors are those of `Race`."""
    return Race(mean, spread, scale=scale, floor=floor, method=method, kernel=kernel).draw(alive, u)


@functools.cache
def _numba() -> ModuleType:
    from opportune.learning import exploration_numba

    return exploration_numba
