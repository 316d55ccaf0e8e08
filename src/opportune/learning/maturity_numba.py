"""Draw of a place under ramp-up and ceiling, compiled: the same steps and notation as in maturity_numpy.py."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opportune.learning.exploration_numba import Field, next_place, nowhere
from opportune.learning.selection import Selection
from opportune.learning.selection_numba import pick, plain

__all__ = ["Fields", "limited_place", "nowhere_limited"]

Singles = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Booleans = npt.NDArray[np.bool_]


class Fields(NamedTuple):
    """Fields of the place before: among all alive, and among the free."""

    everybody: Field
    free: Field


@plain
def nowhere_limited() -> Fields:
    """Give fields from which every draw is stale."""
    return Fields(nowhere(), nowhere())


@plain
def _dense(drawn: Selection, who: Places, p: Doubles) -> None:
    """Fill the chance of each of `who`, who are all that were alive."""
    place = 0
    for i in range(len(who)):
        p[i] = drawn.rest
        if place < len(drawn.contenders) and drawn.contenders[place] == who[i]:
            p[i] = drawn.probabilities[place]
            place += 1


@plain
def _hold_back(p: Doubles, who: Places, free: Booleans, share: Doubles, action_of: Places) -> float:
    """Lower the chances of actions in ramp-up to their shares; give what that frees."""
    freed = 0.0
    start = 0
    while start < len(who):
        end = start
        total = 0.0
        while end < len(who) and action_of[who[end]] == action_of[who[start]]:
            total += p[end]
            end += 1
        most = share[who[start]]
        if not free[start] and total > most:
            for i in range(start, end):
                p[i] *= most / total
            freed += total - most
        start = end
    return freed


@plain
def _keep_ceiling(p: Doubles, mean: Singles, who: Places, free: Booleans, least: float, ceiling: float) -> None:
    """Lower the chances of all but the best of the free, down to their floor, so that they keep the ceiling."""
    highest = np.float32(-np.inf)
    for i in range(len(who)):
        if free[i]:
            highest = max(highest, mean[who[i]])
    others = room = 0.0
    best = 0
    for i in range(len(who)):
        if free[i] and mean[who[i]] == highest:
            best += 1
        else:
            others += p[i]
            room += max(p[i] - least, 0.0)
    over = min(others - ceiling, room)
    if over <= 0.0:
        return
    for i in range(len(who)):
        if free[i] and mean[who[i]] == highest:
            p[i] += over / best
        else:
            p[i] -= max(p[i] - least, 0.0) * (over / room)


@plain
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
    """Draw one place as `next_place` does, then hold back who is in ramp-up, then who is not the best."""
    drawn, everybody = next_place(fields.everybody, mean, spread, alive, u, places, method, strength, floor)
    free_field = fields.free
    if drawn.alive <= 0:
        return drawn, Fields(everybody, free_field)
    who = np.empty(drawn.alive, dtype=np.intp)
    free = np.ones(drawn.alive, dtype=np.bool_)
    n = n_free = 0
    for c in range(len(alive)):
        if alive[c]:
            who[n] = c
            free[n] = len(share) == 0 or share[c] >= 1.0
            n_free += free[n]
            n += 1
    if n_free == 0:
        free[:] = True
        n_free = n
    p = np.empty(n)
    _dense(drawn, who, p)
    if n_free < n:
        freed = _hold_back(p, who, free, share, action_of)
        if freed > 0.0:
            freely = np.zeros(len(alive), dtype=np.bool_)
            freely[who[free]] = True
            among, free_field = next_place(free_field, mean, spread, freely, u, places, method, strength, floor)
            q = np.empty(n_free)
            _dense(among, who[free], q)
            p[free] += freed * q
    _keep_ceiling(p, mean, who, free, floor / n, ceiling)
    chosen, chance = pick(alive, who, p, 0.0, 0, u)
    return Selection(chosen, chance, who, p, 0.0, n), Fields(everybody, free_field)
