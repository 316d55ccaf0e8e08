"""Do the keys of every attribute fit its type?"""

from __future__ import annotations

from collections.abc import Mapping

from opportune.records import ValueType
from opportune.strategy.checks.notes import Notes, Path
from opportune.strategy.sections.attributes import EventAttribute

__all__ = ["check_attribute", "check_attributes"]

ROLES = {"products": ValueType.TEXTS, "time_zone": ValueType.TEXT, "language": ValueType.TEXT}
"""Customer attributes that the engine itself reads, and the type that they must have."""

FITTING: Mapping[str, tuple[ValueType, ...]] = {
    "range": (ValueType.INTEGER, ValueType.NUMBER),
    "values": (ValueType.TEXT, ValueType.TEXTS),
    "max_length": (ValueType.TEXT, ValueType.TEXTS),
    "max_items": (ValueType.TEXTS,),
    "unit": (ValueType.INTEGER, ValueType.NUMBER),
}
"""Keys that have a meaning for some types only."""


def check_attributes(notes: Notes) -> None:
    """Check attributes of customers, contexts and events."""
    project = notes.project
    for name, attribute in project.attributes.items():
        before = len(notes.problems)
        check_attribute(notes, attribute, "attributes.yaml", [name])
        if name in ROLES and attribute.type is not ROLES[name]:
            message = f"'{name}' is read by the engine: expected type {ROLES[name].value}, found {attribute.type.value}"
            notes.report("attributes.yaml", [name, "type"], message, "change the type or rename it", "role-type")
        if len(notes.problems) > before:
            notes.doubt("attributes.yaml", name)
    for name, context in project.context.items():
        before = len(notes.problems)
        check_attribute(notes, context, "context.yaml", [name])
        if len(notes.problems) > before:
            notes.doubt("context.yaml", name)
    for event, kind in project.events.items():
        for name, part in kind.attributes.items():
            check_attribute(notes, part, "events.yaml", [event, "attributes", name])
    for key in ("cloud_events", "segment"):
        _check_foreign(notes, key)


def _check_foreign(notes: Notes, key: str) -> None:
    """Refuse a name of others that means two event types."""
    owner: dict[str, str] = {}
    for event, kind in notes.project.events.items():
        for number, name in enumerate(getattr(kind, key)):
            if owner.setdefault(name, event) != event:
                message = f"'{name}' means '{owner[name]}' already"
                notes.report("events.yaml", [event, key, number], message, "leave it at one of them", "foreign-name")


def check_attribute(notes: Notes, attribute: EventAttribute, file: str, path: Path) -> None:
    """Check one attribute at its place."""
    for key, types in FITTING.items():
        if key in attribute.model_fields_set and attribute.type not in types:
            words = " and ".join(kind.value for kind in types)
            message = f"'{key}' is for {words}, but the type is {attribute.type.value}"
            notes.report(file, [*path, key], message, "remove it or change the type", "unfit-key", key=True)
            return
    _check_range(notes, attribute, file, [*path, "range"])
    _check_values(notes, attribute, file, [*path, "values"])


def _check_range(notes: Notes, attribute: EventAttribute, file: str, path: Path) -> None:
    low, high = attribute.range or (None, None)
    if attribute.range == (None, None):
        notes.report(file, path, "both sides are open", "remove the key", "empty-range")
    if low is not None and high is not None and low > high:
        message = f"the smallest value {low:g} is above the largest {high:g}"
        notes.report(file, path, message, f"write [{high:g}, {low:g}]", "empty-range")
    if attribute.type is ValueType.INTEGER and any(side is not None and side != int(side) for side in (low, high)):
        notes.report(file, path, "expected whole numbers", "round them or use type number", "range-type")


def _check_values(notes: Notes, attribute: EventAttribute, file: str, path: Path) -> None:
    values = attribute.values
    if values is None:
        return
    if not values:
        notes.report(file, path, "no value is allowed", "list the values or remove the key", "empty-values")
    for index, value in enumerate(values):
        if len(value) > attribute.max_length:
            message = f"longer than max_length {attribute.max_length}"
            notes.report(file, [*path, index], message, "shorten it or raise max_length", "too-long")
