"""Inputs of decisions: are those of now like those that models learned from?"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
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
_NUMBERS = (ValueType.NUMBER, ValueType.INTEGER, ValueType.TIMESTAMP)


def inputs(predictors: Sequence[Predictor], before: Sequence[Facts], now: Sequence[Facts]) -> list[InputHealth]:
    """Compare every predictor in decisions of before and of now, most drifted first."""
    found = [_input(predictor, before, now) for predictor in predictors]
    return sorted(found, key=lambda one: (-(one.drift or 0.0), one.predictor))


def _input(predictor: Predictor, before: Sequence[Facts], now: Sequence[Facts]) -> InputHealth:
    old, new = (_values(predictor, facts) for facts in (before, now))
    missing = [
        sum(predictor.name not in facts for facts in some) / len(some) if some else 0.0 for some in (before, now)
    ]
    numbers = predictor.type in _NUMBERS
    groups = _number_groups(old, new, predictor.type) if numbers else _level_groups(old, new)
    enough = min(len(old), len(new)) >= VALUES_LEAST
    return InputHealth(
        predictor=predictor.name,
        type=str(predictor.type),
        missing_before=missing[0],
        missing_now=missing[1],
        never_seen=_outside(old, new) if numbers else _unknown(old, new),
        drift=_stability(groups) if enough else None,
        groups=tuple(groups),
    )


def _values(predictor: Predictor, some: Sequence[Facts]) -> list[float] | list[str]:
    values = [facts[predictor.name] for facts in some if predictor.name in facts]
    if predictor.type is ValueType.TIMESTAMP:
        # A moment matters by its age at the decision.
        return [_days(facts) for facts in (_aged(predictor.name, facts) for facts in some) if facts is not None]
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


def _number_groups(
    old: Sequence[float] | Sequence[str], new: Sequence[float] | Sequence[str], kind: ValueType
) -> list[tuple[str, float, float]]:
    """Cut where the values of before fall into tenths; a value at which several tenths begin is a group by itself."""
    known = sorted(map(float, old))
    if not known:
        return []
    begins = Counter(known[len(known) * k // NUMBER_GROUPS] for k in range(NUMBER_GROUPS))
    behind = [bisect_right(known, value) for value, tenths in begins.items() if tenths > 1]
    cuts = sorted({*begins, *(known[place] for place in behind if place < len(known))} - {known[0]})
    counts = [Counter(bisect_right(cuts, float(value)) for value in some) for some in (old, new)]
    unit = " d" if kind is ValueType.TIMESTAMP else ""
    labels = [
        *(f"< {cut:,.4g}{unit}" for cut in cuts[:1]),
        *(f"{low:,.4g} – {high:,.4g}{unit}" for low, high in pairwise(cuts)),
        f"≥ {cuts[-1]:,.4g}{unit}" if cuts else f"{known[0]:,.4g}{unit}",
    ]
    return [(label, counts[0][k] / max(1, len(old)), counts[1][k] / max(1, len(new))) for k, label in enumerate(labels)]


def _level_groups(
    old: Sequence[float] | Sequence[str], new: Sequence[float] | Sequence[str]
) -> list[tuple[str, float, float]]:
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


def _stability(groups: Sequence[tuple[str, float, float]]) -> float:
    """Population stability index: Σ (now - before) ln(now / before)."""
    pairs = [(max(a, SHARE_LEAST), max(b, SHARE_LEAST)) for _, a, b in groups]
    return math.fsum((b - a) * math.log(b / a) for a, b in pairs)


def _outside(old: Sequence[float] | Sequence[str], new: Sequence[float] | Sequence[str]) -> float:
    if not old or not new:
        return 0.0
    low, high = min(map(float, old)), max(map(float, old))
    return sum(not low <= float(value) <= high for value in new) / len(new)


def _unknown(old: Sequence[float] | Sequence[str], new: Sequence[float] | Sequence[str]) -> float:
    known = set(old)
    return sum(value not in known for value in new) / len(new) if known and new else 0.0
