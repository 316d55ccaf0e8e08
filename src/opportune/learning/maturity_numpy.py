"""Draw of a place under ramp-up and ceiling, NumPy form. Rules and formulas: docs/concepts/exploration.md.

Notation of exploration.py, and:
    share  float64 [C], largest probability of all candidates of the candidate's action together; 1 is free
    free   alive candidates whose share is 1
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opportune.learning.exploration_numpy import Field, next_place, nowhere
from opportune.learning.selection import Selection
from opportune.learning.selection_numpy import pick

__all__ = ["Fields", "limited_place", "nowhere_limited"]

Singles = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Booleans = npt.NDArray[np.bool_]


class Fields(NamedTuple):
    """Fields of the place before: among all alive, and among the free."""

    everybody: Field
    free: Field


def nowhere_limited() -> Fields:
    """Give fields from which every draw is stale."""
    return Fields(nowhere(), nowhere())


def limited_place(
    fields: Fields,
    mean: Singles,
    spread: Singles,
    alive: Booleans,
    u: float,
    places: int,
    method: int,
    strength: float,
    floor: float,
    ceiling: float,
    share: Doubles,
    action_of: Places,
) -> tuple[Selection, Fields]:
    """Draw one place as `next_place` does, then hold back who is in ramp-up, then who is not the best.

    Args:
        ceiling: most that may go to others than the best of the free, >= floor.
        share: float64 [C], or empty where nobody is in a ramp-up.
        action_of: intp [C], ascending.
    """
    drawn, everybody = next_place(fields.everybody, mean, spread, alive, u, places, method, strength, floor)
    free_field = fields.free
    if drawn.alive <= 0:
        return drawn, Fields(everybody, free_field)
    who = np.flatnonzero(alive)
    p = np.full(len(who), drawn.rest)
    p[who.searchsorted(drawn.contenders)] = drawn.probabilities
    free = share[who] >= 1.0 if len(share) else np.ones(len(who), dtype=bool)
    if not free.any():
        free[:] = True
    if not free.all():
        freed = _hold_back(p, free, share[who], action_of[who])
        if freed > 0.0:
            freely = np.zeros_like(alive)
            freely[who[free]] = True
            among, free_field = next_place(free_field, mean, spread, freely, u, places, method, strength, floor)
            q = np.full(int(np.count_nonzero(free)), among.rest)
            q[who[free].searchsorted(among.contenders)] = among.probabilities
            p[free] += freed * q
    _keep_ceiling(p, mean[who], free, floor / len(who), ceiling)
    chosen, chance = pick(alive, who, p, 0.0, u, len(who))
    return Selection(chosen, chance, who, p, 0.0, len(who)), Fields(everybody, free_field)


def _hold_back(p: Doubles, free: Booleans, share: Doubles, action_of: Places) -> float:
    """Lower the chances of actions in ramp-up to their shares; give what that frees."""
    held = np.flatnonzero(~free)
    actions, run = np.unique(action_of[held], return_inverse=True)
    most, total = np.ones(len(actions)), np.zeros(len(actions))
    most[run] = share[held]
    np.add.at(total, run, p[held])
    over = total > most
    factor = np.ones(len(actions))
    factor[over] = most[over] / total[over]
    p[held] *= factor[run]
    freed = np.where(over, total - most, 0.0)
    return float(np.add.accumulate(freed)[-1])


def _keep_ceiling(p: Doubles, mean: Singles, free: Booleans, least: float, ceiling: float) -> None:
    """Lower the chances of all but the best of the free, down to their floor, so that together they keep the ceiling.

    Args:
        least: the floor of each.
    """
    is_best = free & (mean == mean[free].max())
    others = p[~is_best]
    above = np.maximum(others - least, 0.0)
    if not len(others):
        return
    over = float(np.add.accumulate(others)[-1]) - ceiling
    room = float(np.add.accumulate(above)[-1])
    if over <= 0.0 or room <= 0.0:
        return
    over = min(over, room)
    p[~is_best] = others - above * (over / room)
    p[is_best] += over / np.count_nonzero(is_best)
