"""What the draw of one place gives; notation: exploration.py."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["GREEDY", "IGW", "STALE", "THOMPSON", "UNIFORM", "Selection"]

THOMPSON, GREEDY, UNIFORM, IGW = range(4)
"""Methods, in the order of their names in exploration.py."""

STALE = -1
"""`alive` of a selection that could not be drawn: its field has lost more of the best than places were planned for, or
somebody's mean or spread is not finite."""


class Selection(NamedTuple):
    """The draw of one place with the probabilities it was drawn from; a tuple, so that compiled code can make it.

    Args:
        chosen: candidate index, -1 where nobody is alive.
        probability: chance with which `chosen` was picked, 0 where nobody is alive.
        contenders: intp [K], candidates with a real chance, ascending.
        probabilities: float64 [K], theirs.
        rest: probability of every other alive candidate.
        alive: number of alive candidates.
    """

    chosen: int
    probability: float
    contenders: npt.NDArray[np.intp]
    probabilities: npt.NDArray[np.float64]
    rest: float
    alive: int

    def probability_of(self, candidate: int) -> float:
        """Selection probability of a candidate that was alive."""
        place = int(np.searchsorted(self.contenders, candidate))
        if place < len(self.contenders) and int(self.contenders[place]) == candidate:
            return float(self.probabilities[place])
        return self.rest
