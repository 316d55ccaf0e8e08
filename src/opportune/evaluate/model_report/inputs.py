"""Inputs of decisions: are those of now like those that models learned from?"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from opportune.evaluate.model_report.parts import InputHealth
from opportune.learning import Predictor
from opportune.records import Facts, Value, ValueType

__all__ = ["inputs"]

VALUES_LEAST = 100
NUMBER_GROUPS = 10
LEVELS_SHOWN = 12
LEVEL_LEAST = 20
"""Decisions that a value must stand in to be named: a rarer one may tell who somebody is."""
SHARE_LEAST = 1e-4
"""An empty group counts as this share, so that one that comes or goes has a finite weight."""
_NUMBERS = (ValueType.NUMBER, ValueType.INTEGER)

_Group = tuple[str, float, float]
"""What stands in it, and its shares of before and now."""
_Compared = tuple[float, float, list[_Group]]
"""Share of values never seen before, stability index, groups."""


def inputs(predictors: Sequence[Predictor], before: Sequence[Facts], now: Sequence[Facts]) -> list[InputHealth]:
    """Compare every predictor in decisions of before and of now, most drifted first."""
    found = [_input(predictor, before, now) for predictor in predictors]
    return sorted(found, key=lambda one: (-(one.drift or 0.0), one.predictor))


def _input(predictor: Predictor, before: Sequence[Facts], now: Sequence[Facts]) -> InputHealth:
    old, new = (_values(predictor, facts) for facts in (before, now))
    missing = [
        sum(predictor.name not in facts for facts in some) / len(some) if some else 0.0 for some in (before, now)
    ]
    if predictor.type is ValueType.TIMESTAMP:
        never_seen, drift, groups = _moments(predictor.name, before, now)
    elif predictor.type in _NUMBERS:
        never_seen, drift, groups = _numbers(list(map(float, old)), list(map(float, new)))
    else:
        groups = _level_groups(old, new)
        never_seen, drift = _unknown(old, new), _stability(groups)
    enough = min(len(old), len(new)) >= VALUES_LEAST
    return InputHealth(
        predictor=predictor.name,
        type=str(predictor.type),
        missing_before=missing[0],
        missing_now=missing[1],
        never_seen=never_seen,
        drift=drift if enough else None,
        groups=tuple(groups),
    )


def _numbers(old: list[float], new: list[float], said: Callable[[float], str] = "{:,.4g}".format) -> _Compared:
    groups = _number_groups(old, new, said)
    return _outside(old, new), _stability(groups), groups


def _moments(name: str, before: Sequence[Facts], now: Sequence[Facts]) -> _Compared:
    """Compare ages and dates, and give what differs less.

    Those who came on one day grow older together, and what happened of late has always another date.
    """
    old, new = ([one for facts in some if (one := _aged(name, facts)) is not None] for some in (before, now))
    ages = _numbers(list(map(_days, old)), list(map(_days, new)), "{:,.4g} d".format)
    dates = _numbers([value.timestamp() for value, _ in old], [value.timestamp() for value, _ in new], _date)
    never_seen = min(ages[0], dates[0])
    return (never_seen, *min(ages[1:], dates[1:], key=lambda one: one[0]))


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def _values(predictor: Predictor, some: Sequence[Facts]) -> list[float] | list[str]:
    values = [facts[predictor.name] for facts in some if predictor.name in facts]
    if predictor.type is ValueType.TIMESTAMP:
        return [_days(moments) for moments in (_aged(predictor.name, facts) for facts in some) if moments is not None]
    if predictor.type in _NUMBERS:
        return [float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)]
    if predictor.type is ValueType.TEXTS:
        return [item for value in values if isinstance(value, list | tuple) for item in value]
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in values]


def _aged(name: str, facts: Facts) -> tuple[datetime, datetime] | None:
    value: Value | None = facts.get(name)
    now = facts.get("now")
    return (value, now) if isinstance(value, datetime) and isinstance(now, datetime) else None


def _days(moments: tuple[datetime, datetime]) -> float:
    value, now = moments
    return (now - value).total_seconds() / 86_400.0


def _number_groups(old: list[float], new: list[float], said: Callable[[float], str]) -> list[_Group]:
    """Cut where the values of before fall into tenths; a value at which several tenths begin is a group by itself."""
    known = sorted(old)
    if not known:
        return []
    begins = Counter(known[len(known) * k // NUMBER_GROUPS] for k in range(NUMBER_GROUPS))
    behind = [bisect_right(known, value) for value, tenths in begins.items() if tenths > 1]
    cuts = sorted({*begins, *(known[place] for place in behind if place < len(known))} - {known[0]})
    counts = [Counter(bisect_right(cuts, value) for value in some) for some in (old, new)]
    labels = [
        *(f"< {said(cut)}" for cut in cuts[:1]),
        *(f"{said(low)} – {said(high)}" for low, high in pairwise(cuts)),
        f"≥ {said(cuts[-1])}" if cuts else said(known[0]),
    ]
    return [(label, counts[0][k] / max(1, len(old)), counts[1][k] / max(1, len(new))) for k, label in enumerate(labels)]


def _level_groups(old: Sequence[float] | Sequence[str], new: Sequence[float] | Sequence[str]) -> list[_Group]:
    """The commonest values of before, and all others together."""
    counts = [Counter(map(str, some)) for some in (old, new)]
    common = [(level, count) for level, count in counts[0].items() if count >= LEVEL_LEAST]
    levels = [level for level, _ in sorted(common, key=lambda item: (-item[1], item[0]))[:LEVELS_SHOWN]]
    sizes = [max(1, len(old)), max(1, len(new))]
    groups = [(level, counts[0][level] / sizes[0], counts[1][level] / sizes[1]) for level in levels]
    rest = [sum(count.values()) - sum(count[level] for level in levels) for count in counts]
    if any(rest):
        groups.append(("…", rest[0] / sizes[0], rest[1] / sizes[1]))
    return groups


def _stability(groups: Sequence[_Group]) -> float:
    """Population stability index: Σ (now - before) ln(now / before)."""
    pairs = [(max(a, SHARE_LEAST), max(b, SHARE_LEAST)) for _, a, b in groups]
    return math.fsum((b - a) * math.log(b / a) for a, b in pairs)


def _outside(old: list[float], new: list[float]) -> float:
    if not old or not new:
        return 0.0
    low, high = min(old), max(old)
    return sum(not low <= value <= high for value in new) / len(new)


def _unknown(old: Sequence[float] | Sequence[str], new: Sequence[float] | Sequence[str]) -> float:
    known = set(old)
    return sum(value not in known for value in new) / len(new) if known and new else 0.0
