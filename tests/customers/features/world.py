"""A shop's events and features of every kind over them, for tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from opportune.customers import Attribute, Registry
from opportune.customers.features import EventHistory, Feature, FeatureSet, Source
from opportune.decide.limits.windows import Length, micros
from opportune.records import Value, ValueType
from opportune.rules import Rule, Schema, check
from tests.customers.features.naive import Happened, naive

__all__ = ["LENGTHS", "REGISTRIES", "TYPES", "differences", "every_kind", "history_of", "read", "rule"]

ATTRIBUTES = {
    "amount": ValueType.NUMBER,
    "pieces": ValueType.INTEGER,
    "category": ValueType.TEXT,
    "due": ValueType.TIMESTAMP,
    "tags": ValueType.TEXTS,
    "gift": ValueType.BOOLEAN,
}
TYPES = ("purchase", "view", "call")
REGISTRIES = {name: Registry([Attribute(one, kind) for one, kind in ATTRIBUTES.items()], "event.") for name in TYPES}
LENGTHS = (None, Length(0, 60), Length(0, 7_200), Length(1), Length(7, 3_600), Length(30), Length(730))
_RULES: dict[str, Rule] = {}
_TYPES = {
    **dict.fromkeys(("count", "distinct"), ValueType.INTEGER),
    **dict.fromkeys(("sum", "mean", "time_since", "decayed", "share", "rate"), ValueType.NUMBER),
    "sequence": ValueType.BOOLEAN,
}


def rule(source: str) -> Rule:
    """Give the checked condition on an event; equal texts are one."""
    if source not in _RULES:
        _RULES[source] = check(source, Schema({f"event.{name}": kind for name, kind in ATTRIBUTES.items()}))
    return _RULES[source]


def every_kind(within: Length | None, where: str | None = None) -> list[Feature]:
    """Give a feature of every kind, and of every form of a kind, over one window."""
    condition = None if where is None else rule(where)

    def of(kind: str, attribute: str | None = None, **more: Any) -> Feature:
        source = Source("purchase", attribute, more.pop("weight", None), condition)
        name = "_".join(filter(None, (kind, attribute, *more.pop("named", ()))))
        type_ = _TYPES.get(kind) or ATTRIBUTES[attribute or ""]
        return Feature(name, kind, type_, source, within, **more)

    features = [
        of("count"),
        *(of("sum", one) for one in ("amount", "pieces")),
        *(of("mean", one) for one in ("amount", "pieces")),
        *(of(kind, one) for kind in ("min", "max") for one in ("amount", "pieces", "due")),
        *(of(kind, one) for kind in ("last", "first") for one in ATTRIBUTES),
        of("time_since"),
        *(of("distinct", one) for one in ("category", "pieces", "gift")),
        of("decayed", half_life=3_600.0),
        of("decayed", "amount", half_life=86_400.0),
        of("share", "category", values=frozenset(("fresh", "bread"))),
        of("share", "category", values=frozenset(("fresh",)), weight="amount", named=("by",)),
        of("sequence", then=Source("view"), named=("then",)),
        of("sequence", then=Source("view"), gap=Length(0, 3_600), named=("within",)),
        of("sequence", then=Source("view", where=condition), gap=Length(1), named=("day",)),
        of("sequence", then=Source("purchase"), gap=Length(2), named=("again",)),
        of("sequence", then=Source("call"), is_without=True, named=("without",)),
    ]
    if within is not None:
        features += [of("rate"), of("rate", "amount")]
    return features


def history_of(events: Iterable[Happened]) -> EventHistory:
    """Give the history that takes events in the order given."""
    history = EventHistory()
    for event in events:
        history.add(event.key, micros(event.at), event.type, event.attributes)
    return history


def differences(
    features: Sequence[Feature],
    events: Sequence[Happened],
    found: dict[str, Value],
    now: datetime,
    zone: str,
    closed: bool = False,
) -> list[str]:
    """Name the features whose value is not the one that counting anew gives."""
    wrong = []
    for feature in features:
        expected = naive(feature, events, now, zone, closed)
        value = found.get(feature.key)
        if feature.kind == "decayed":
            # Powers are rounded, and are taken from another moment on: see the formulas.
            is_equal = value is not None and abs(value - expected) <= 1e-9 * (1 + abs(expected))  # type: ignore[operator]
        else:
            is_equal = value == expected and type(value) is type(expected)
        if not is_equal:
            wrong.append(feature.name)
    return wrong


def read(features: Sequence[Feature], events: Iterable[Happened], now: datetime, zone: str) -> dict[str, Value]:
    """Read features of events taken in the order given."""
    return FeatureSet(features, REGISTRIES).read(history_of(events), (), now, zone)
