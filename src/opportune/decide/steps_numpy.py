"""Array steps of a decision, NumPy form; notation: plan.py.

A slate's "contenders" are the candidates with a chance of their own, see docs/concepts/exploration.md.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opportune.learning import exploration_numpy as race
from opportune.learning import maturity_numpy as guarded
from opportune.learning.selection import Selection
from opportune.learning.selection_numpy import nobody
from opportune.records import Stage
from opportune.rules.index import dead_words

__all__ = [
    "ALREADY_SHOWN",
    "EXCLUSIVE",
    "INVALID",
    "LAYERS",
    "LIMITED",
    "LINKED",
    "OPEN",
    "OUTRANKED",
    "SHOWN",
    "close",
    "fill",
    "gate",
    "limit",
    "lower",
    "show",
    "take",
    "weigh",
]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]

OPEN = 255
"""Passed the gate; composing the slate decides what becomes of it."""
INVALID = -1
"""In place of a number of places: somebody's priority or its deviation is not finite."""
LAYERS = np.array([[Stage.ELIGIBILITY], [Stage.APPLICABILITY], [Stage.SUITABILITY]], dtype=np.uint8)
"""Stage of every layer of the gate; OPEN has all bits and is higher than any."""
SHOWN, EXCLUSIVE, ALREADY_SHOWN, OUTRANKED, LINKED = (
    int(stage) for stage in (Stage.SHOWN, Stage.EXCLUSIVE, Stage.ALREADY_SHOWN, Stage.OUTRANKED, Stage.LINKED)
)
"""As plain numbers: arrays ask members of an enumeration for much before they take them."""
LIMITED = int(Stage.LIMITED)
_NOWHERE, _NOWHERE_LIMITED = race.nowhere(), guarded.nowhere_limited()


def gate(
    table: Words, rows: Indices, prior: Words, words: int, layers: Indices, bits: Indices, action_of: Indices
) -> Bytes:
    """Give every candidate OPEN or the first layer of engagement policy that failed, uint8 [C].

    Args:
        table, words, layers: of the index of the 3A conditions; `rows` are those that the facts select, beside those
            that are in `prior`.
        bits: intp [3A], bit of every condition.
    """
    dead = np.unpackbits(dead_words(table, rows, prior, words, layers).view(np.uint8), bitorder="little")
    failed = dead.take(bits).reshape(len(LAYERS), -1)
    # Less one has all bits where a layer passed, which then says OPEN; the first that failed is the lowest.
    failed -= 1
    failed |= LAYERS
    by_action: Bytes = np.minimum.reduce(failed, axis=0)
    return by_action.take(action_of)


def lower(standing: Bytes, by_rules: Bytes) -> Bytes:
    """Give every candidate the lower of two stages, uint8 [C]."""
    stages: Bytes = np.minimum(standing, by_rules)
    return stages


def limit(stages: Bytes, members: Booleans, begin: int, end: int) -> None:
    """Say LIMITED of the members from `begin` to before `end` that no earlier stage dropped."""
    own = stages[begin:end]
    own[members[begin:end] & (own > LIMITED)] = LIMITED


def weigh(propensity: Floats, spread: Floats, values: Floats, shown: Floats, boost: Floats) -> tuple[Floats, Floats]:
    """Give priority and its standard deviation, float32 [C].

    Args:
        propensity: float32 [O, C]; `spread` of its log odds.
        values: float32 [O, C], worth of each outcome; `shown` float32 [C], worth of showing.
        boost: float32 [C], lever × context weight.
    """
    gain = propensity * values
    parts = (1 - propensity) * spread
    parts *= gain
    priority = gain[0] if len(gain) == 1 else gain.sum(axis=0)
    if len(gain) == 1:
        deviation: Floats = np.abs(parts[0])
    else:
        # Squares of great values do not fit single precision.
        deviation = np.sqrt(np.square(parts, dtype=np.float64).sum(axis=0)).astype(np.float32)
    priority += shown
    priority *= boost
    deviation *= boost
    return priority, deviation


def fill(
    stages: Bytes,
    priority: Floats,
    deviation: Floats,
    mandatory: Indices,
    uniforms: Doubles,
    method: int,
    strength: float,
    floor: float,
    ceiling: float,
    share: Doubles,
    action_of: Indices,
    members: Booleans,
    left: Indices,
    closes: Bytes,
    count: int,
    propensity: Floats,
    spread: Floats,
    evidence: Floats,
) -> tuple[int, Indices, Doubles, npt.NDArray[np.uint32], Floats]:
    """Fill the places of one placement from the OPEN candidates and say in `stages` what became of everybody.

    Args:
        mandatory: intp, the tier that comes before all others, in order, undrawn.
        uniforms: float64, the draw of every place, in [0, 1).
        method, strength: as in exploration_numpy.py.
        floor, ceiling, share: as in maturity_numpy.py.
        members, left, closes: as in `opportune.decide.rooms.Rooms`; `left` is changed.
        count: score parts are kept of the chosen, then of so many of the best by priority, ties in candidate order.

    Returns:
        places that mandatory candidates took, INVALID where a priority or deviation is not finite.
        chosen: intp [k], candidate of every place.
        chances: float64 [k], with which it was picked, given the places before.
        kept: uint32 [n].
        parts: float32 [n, 3 O + 2], propensity, spread and evidence per outcome, priority, chance for the first drawn
            place.
    """
    alive = stages == OPEN
    best = _best(priority, alive, count)
    chosen: list[int] = []
    chances: list[float] = []
    for candidate in mandatory.tolist():
        if len(chosen) < len(uniforms) and alive[candidate]:
            chosen.append(candidate)
            chances.append(1.0)
            take(candidate, stages, action_of, members, left, closes)
            np.equal(stages, OPEN, out=alive)
    undrawn = len(chosen)
    field, fields, first = _NOWHERE, _NOWHERE_LIMITED, nobody(0)
    is_limited = ceiling < 1.0 or len(share) > 0
    for place, u in enumerate(uniforms.tolist()[undrawn:], start=undrawn):
        places = len(uniforms) - place
        if is_limited:
            drawn, fields = guarded.limited_place(
                *(fields, priority, deviation, alive, u, places),
                *(method, strength, floor, ceiling, share, action_of),
            )
        else:
            drawn, field = race.next_place(field, priority, deviation, alive, u, places, method, strength, floor)
        if drawn.alive <= 0:
            undrawn = undrawn if drawn.alive == 0 else INVALID
            break
        if place == undrawn:
            first = drawn
        chosen.append(drawn.chosen)
        chances.append(drawn.probability)
        take(drawn.chosen, stages, action_of, members, left, closes)
        np.equal(stages, OPEN, out=alive)
    stages[alive] = OUTRANKED
    kept = np.array([*chosen, *(i for i in best if i not in chosen)], dtype=np.intp)
    parts = _parts(kept, first, priority, propensity, spread, evidence)
    parts[:undrawn, -1] = 1.0
    return undrawn, np.array(chosen, dtype=np.intp), np.array(chances), kept.astype(np.uint32), parts


def take(candidate: int, stages: Bytes, action_of: Indices, members: Booleans, left: Indices, closes: Bytes) -> None:
    """Show a candidate, and close who may not stand beside it."""
    show(candidate, stages, action_of)
    if len(members):
        rows = members[:, candidate].nonzero()[0]
        left[rows] -= 1
        close(rows, stages, members, left, closes)


def show(candidate: int, stages: Bytes, action_of: Indices) -> None:
    """Show a candidate, and no other of its action; candidates of one action lie side by side."""
    for step in (-1, 1):
        other = candidate + step
        while 0 <= other < len(stages) and action_of[other] == action_of[candidate]:
            if stages[other] == OPEN:
                stages[other] = ALREADY_SHOWN
            other += step
    stages[candidate] = SHOWN


def close(rows: Indices, stages: Bytes, members: Booleans, left: Indices, closes: Bytes) -> None:
    """Close who has no room left in one of the rows."""
    for row in rows[left[rows] <= 0].tolist():
        stages[members[row] & (stages == OPEN)] = closes[row]


def _best(priority: Floats, alive: Booleans, count: int) -> list[int]:
    """Give the `count` alive with the highest priorities, ties in candidate order."""
    open_ones = alive.nonzero()[0]
    # Negated, so that the best come first and equals stay in candidate order.
    rank = -priority.take(open_ones)
    if len(open_ones) > count:
        in_parts = rank.copy()
        in_parts.partition(count - 1)
        near = (rank <= in_parts[count - 1]).nonzero()[0]
        rank, open_ones = rank.take(near), open_ones.take(near)
    best: list[int] = open_ones.take(rank.argsort(kind="stable")[:count]).tolist()
    return best


def _parts(
    kept: Indices, first: Selection, priority: Floats, propensity: Floats, spread: Floats, evidence: Floats
) -> Floats:
    outcomes = len(propensity)
    parts = np.empty((len(kept), 3 * outcomes + 2), dtype=np.float32)
    for column, known in enumerate((propensity, spread, evidence)):
        parts[:, column * outcomes : (column + 1) * outcomes] = known.take(kept, axis=1).T
    parts[:, -2] = priority.take(kept)
    chances = np.empty(len(priority))
    chances.fill(first.rest)
    chances[first.contenders] = first.probabilities
    parts[:, -1] = chances.take(kept)
    return parts
