"""What the draw of one place gives, and what it is drawn from; notation: exploration.py.

Both are named tuples, since compiled code can make and read them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["GREEDY", "STALE", "THOMPSON", "UNIFORM", "Field", "Selection"]

THOMPSON, GREEDY, UNIFORM = range(3)
"""Methods, in the order of their names in exploration.py."""

STALE = -1
"""`alive` of a selection that could not be drawn: its field has lost more of the best than places were planned for, or
somebody's mean or spread is not finite."""


class Field(NamedTuple):
    """Contenders of the next places and their normals over one grid; arrays are not changed.

    Args:
        cut: where the grid begins: the lower end that the best of the candidates for the last place has at least.
        contenders: intp [K], candidate indices, ascending; `lows` float64 [K], mean - REACH * s.
        row_of: intp [K], row of each contender; BOUND is the pool's.
        below: float32 [R * Q], chance that a row's draw is below each node; of the pool, that of one member.
        shares: float32 [R * Q], what the chance of a row gains at each node, as a part of the product of all rows.
        rows: R.
    """

    cut: float
    contenders: npt.NDArray[np.intp]
    lows: npt.NDArray[np.float64]
    row_of: npt.NDArray[np.intp]
    below: npt.NDArray[np.float32]
    shares: npt.NDArray[np.float32]
    rows: int


class Selection(NamedTuple):
    """The draw of one place with the probabilities it was drawn from.

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
