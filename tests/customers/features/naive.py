"""Features computed anew from all events, slowly and by themselves: what the product is compared with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from opportune.customers.features import Feature, Source
from opportune.decide.limits.windows import Length
from opportune.rules import evaluate

__all__ = ["Happened", "naive"]


@dataclass(frozen=True)
class Happened:
    """One event or contact; `recorded` is when it became known."""

    key: int
    at: datetime
    type: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    recorded: datetime | None = None


def naive(feature: Feature, events: Sequence[Happened], now: datetime, zone: str, closed: bool = False) -> Any:
    """Give the value of a feature; None where it is missing.

    Args:
        closed: takes what happened at the very begin of the window too, which is wrong.
    """
    begin = _begin(feature.within, now, zone)
    events = list({event.key: event for event in events}.values())
    inside = [event for event in events if _within(event, begin, now, closed)]
    chosen = _chosen(feature.source, inside, zone)
    values = [value for _, value in chosen]
    kind = feature.kind
    if kind == "count":
        return len(chosen)
    if kind in ("sum", "mean"):
        total = float(sum(map(Fraction, values)))
        return total if kind == "sum" else (total / len(values) if values else None)
    if kind in ("min", "max"):
        return {"min": min, "max": max}[kind](values) if values else None
    if kind == "last":
        return max(((at, value) for at, value in chosen), default=(None, None))[1]
    if kind == "first":
        return min(((at, value) for at, value in chosen), default=(None, None))[1]
    if kind == "time_since":
        moments = [at for at, _ in chosen]
        return (now - max(moments)) / timedelta(hours=1) if moments else None
    if kind == "distinct":
        return sum(value not in values[:place] for place, value in enumerate(values))
    if kind == "decayed":
        halves = [((now - at).total_seconds() / feature.half_life, value) for at, value in chosen]
        return math.fsum((1 if value is None else value) * 0.5**age for age, value in halves)
    if kind == "rate":
        return _rate(feature, events, chosen, begin, zone, now, closed)
    if kind == "share":
        return _share(feature, values)
    return _sequence(feature, chosen, inside, zone)


def _begin(length: Length | None, now: datetime, zone: str) -> datetime | None:
    if length is None:
        return None
    moment = now
    if length.days:
        local = now.astimezone(ZoneInfo(zone))
        wall = local.replace(tzinfo=None) - timedelta(days=length.days)
        moment = wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)
    return moment - timedelta(seconds=length.seconds)


def _within(event: Happened, begin: datetime | None, now: datetime, closed: bool) -> bool:
    if event.at > now:
        return False
    return begin is None or event.at > begin or (closed and event.at == begin)


def _chosen(source: Source, events: Sequence[Happened], zone: str) -> list[tuple[datetime, Any]]:
    found = []
    for event in events:
        if event.type != source.type:
            continue
        known = {name: value for name, value in event.attributes.items() if value is not None}
        if source.where is not None:
            facts = {f"event.{name}": value for name, value in known.items()}
            if evaluate(source.where, {**facts, "now": event.at, "zone": zone}) is not True:
                continue
        needed = [name for name in (source.attribute, source.weight) if name]
        if any(name not in known for name in needed):
            continue
        value = None if not needed else known[needed[0]] if len(needed) == 1 else tuple(known[name] for name in needed)
        found.append((event.at, value))
    return found


def _rate(
    feature: Feature,
    events: Sequence[Happened],
    chosen: list[tuple[datetime, Any]],
    begin: datetime | None,
    zone: str,
    now: datetime,
    closed: bool,
) -> float | None:
    assert feature.within is not None
    assert begin is not None
    doubled = _begin(Length(2 * feature.within.days, 2 * feature.within.seconds), now, zone)
    earlier = [event for event in events if _within(event, doubled, begin, closed)]
    sizes = []
    for part in (chosen, _chosen(feature.source, earlier, zone)):
        values = [1 if feature.source.attribute is None else value for _, value in part]
        sizes.append(float(sum(map(Fraction, values))))
    return (sizes[0] - sizes[1]) / abs(sizes[1]) if sizes[1] else None


def _share(feature: Feature, values: Sequence[Any]) -> float | None:
    pairs = [(value, 1.0) if feature.source.weight is None else value for value in values]
    whole = float(sum(Fraction(weight) for _, weight in pairs))
    part = float(sum(Fraction(weight) for value, weight in pairs if value in feature.values))
    return part / whole if whole > 0 else None


def _sequence(feature: Feature, firsts: list[tuple[datetime, Any]], inside: Sequence[Happened], zone: str) -> bool:
    assert feature.then is not None
    thens = [at for at, _ in _chosen(feature.then, inside, zone)]
    same = feature.then.type == feature.source.type
    moments = [at for at, _ in firsts]
    if feature.is_without:
        return bool(moments) and not any(then >= max(moments) for then in thens)
    for first in moments:
        for then in thens:
            begin = _begin(feature.gap, then, zone)
            if (then > first if same else then >= first) and (begin is None or first > begin):
                return True
    return False
