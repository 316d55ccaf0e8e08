"""What features make of the events that count, one function per kind; docs/concepts/features.md has the formulas.

A function gets spans, which hold at least one event each but for the later ones of `rate` and `sequence`, and gives
what stays as long as the same events count. Of kinds that change with every moment, `passing` makes the value of that.
No result depends on the order in which events of one moment stand.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from opportune.customers.features.feature import Feature
from opportune.customers.features.series import Span
from opportune.decide.limits.windows import MICRO, instant
from opportune.records import Value

__all__ = ["KINDS", "Kind"]

_HOUR = 3_600 * MICRO

Settle = Callable[[Feature, Sequence[Span], str], Any]
"""(feature, spans, zone) → what the events come to; None is missing."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of feature.

    Args:
        settle: what the events come to.
        nothing: the value where no event counts; None is missing.
        passing: (feature, what the events come to, now in microseconds) → value; None where that is the value.
        spans: what is counted: "one" window, this window and the one "before", or two "sources".
    """

    settle: Settle
    nothing: Value | None = None
    passing: Callable[[Feature, Any, int], Value] | None = None
    spans: str = "one"


def _count(feature: Feature, spans: Sequence[Span], zone: str) -> int:
    return len(spans[0])


def _sum(feature: Feature, spans: Sequence[Span], zone: str) -> float | None:
    return _total(spans[0].values)


def _mean(feature: Feature, spans: Sequence[Span], zone: str) -> float | None:
    total = _total(spans[0].values)
    return None if total is None else total / len(spans[0])


def _min(feature: Feature, spans: Sequence[Span], zone: str) -> Value:
    least: Value = min(spans[0].values)
    return least


def _max(feature: Feature, spans: Sequence[Span], zone: str) -> Value:
    greatest: Value = max(spans[0].values)
    return greatest


def _last(feature: Feature, spans: Sequence[Span], zone: str) -> Value:
    """Give the newest value; of several of one moment the greatest."""
    span = spans[0]
    ats = span.series.ats
    first = bisect_left(ats, ats[span.end - 1], span.first, span.end)
    value: Value = max(Span(span.series, first, span.end).values)
    return value


def _first(feature: Feature, spans: Sequence[Span], zone: str) -> Value:
    """Give the oldest value; of several of one moment the least."""
    span = spans[0]
    ats = span.ats
    end = span.first + ats.count(ats[0])
    value: Value = min(Span(span.series, span.first, end).values)
    return value


def _newest(feature: Feature, spans: Sequence[Span], zone: str) -> int:
    return spans[0].series.ats[spans[0].end - 1]


def _hours_since(feature: Feature, newest: int, now: int) -> float:
    return (now - newest) / _HOUR


def _distinct(feature: Feature, spans: Sequence[Span], zone: str) -> int:
    return len(set(spans[0].values))


def _decayed(feature: Feature, spans: Sequence[Span], zone: str) -> tuple[float, int] | None:
    """Give the sum as of the newest event, and when that was: what decays is the same for all from then on."""
    span = spans[0]
    ats = span.ats
    newest = ats[-1]
    scale = 1.0 / (feature.half_life * MICRO)
    weights = [math.exp2((at - newest) * scale) for at in ats]
    total = _total(
        weights if span.series.values is None else list(map(float.__mul__, weights, map(float, span.values)))
    )
    return None if total is None else (total, newest)


def _decay(feature: Feature, settled: tuple[float, int], now: int) -> float:
    total, newest = settled
    return total * math.exp2((newest - now) / (feature.half_life * MICRO))


def _rate(feature: Feature, spans: Sequence[Span], zone: str) -> float | None:
    """Give by how much this window has more than the one before, as a part of that one; missing where it has none."""
    this, before = (_size(span) for span in spans)
    return None if this is None or not before else _finite((this - before) / abs(before))


def _size(span: Span) -> float | None:
    return float(len(span)) if span.series.values is None else _total(span.values)


def _share(feature: Feature, spans: Sequence[Span], zone: str) -> float | None:
    """Give the part of the categories that are named; missing where there is nothing to share."""
    values = spans[0].values
    if feature.source.weight is None:
        return sum(value in feature.values for value in values) / len(values)
    whole = _total([weight for _, weight in values])
    part = _total([weight if value in feature.values else 0 * weight for value, weight in values])
    return None if whole is None or part is None or whole <= 0 else _finite(part / whole)


def _sequence(feature: Feature, spans: Sequence[Span], zone: str) -> bool:
    """Say whether one thing followed another; of one moment, things of two types count as followed."""
    firsts, thens = spans[0].ats, spans[1].ats
    is_same = feature.then is not None and feature.then.type == feature.source.type
    if feature.is_without:
        return not thens or thens[-1] < firsts[-1]
    for then in reversed(thens):
        place = (bisect_left if is_same else _right)(firsts, then)
        if place and (feature.gap is None or firsts[place - 1] > feature.gap.before(instant(then), zone)):
            return True
    return False


def _right(ats: list[int], at: int) -> int:
    return bisect_left(ats, at + 1)


def _total(values: Sequence[float]) -> float | None:
    """Add up exactly and round once, so that the order does not matter; None beyond all numbers."""
    if values and type(values[0]) is int:
        return float(sum(values))
    try:
        return math.fsum(values)
    except OverflowError:
        return _huge(values)


def _huge(values: Sequence[float]) -> float | None:
    """Add up what overflows in between in one order and not in another."""
    try:
        return float(sum(map(Fraction, values)))
    except OverflowError:
        return None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


KINDS: Mapping[str, Kind] = {
    "count": Kind(_count, nothing=0),
    "sum": Kind(_sum, nothing=0.0),
    "mean": Kind(_mean),
    "min": Kind(_min),
    "max": Kind(_max),
    "last": Kind(_last),
    "first": Kind(_first),
    "time_since": Kind(_newest, passing=_hours_since),
    "distinct": Kind(_distinct, nothing=0),
    "decayed": Kind(_decayed, nothing=0.0, passing=_decay),
    "rate": Kind(_rate, spans="before"),
    "share": Kind(_share),
    "sequence": Kind(_sequence, nothing=False, spans="sources"),
}
"""Kind → how it is made."""
