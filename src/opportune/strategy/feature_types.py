"""What the values of features are, as attributes: type, range and texts that rules and models may count on."""

from __future__ import annotations

from opportune.records import ValueType
from opportune.strategy.project import Project
from opportune.strategy.sections.attributes import ContextAttribute, EventAttribute
from opportune.strategy.sections.features import Feature

__all__ = ["CONTACT_ATTRIBUTE", "feature_attribute", "feature_attributes", "per_action", "value_of"]

CONTACT_ATTRIBUTE = EventAttribute(type=ValueType.TEXT)
"""What contacts hold: action, group, channel, placement and treatment."""
_TYPES = {
    "count": ValueType.INTEGER,
    "distinct": ValueType.INTEGER,
    "sequence": ValueType.BOOLEAN,
    **dict.fromkeys(("sum", "mean", "time_since", "decayed", "rate", "share"), ValueType.NUMBER),
}
"""Kinds whose type does not depend on what is counted."""
_FROM_ZERO = ("count", "distinct", "time_since")


def feature_attributes(project: Project) -> dict[str, ContextAttribute]:
    """Give every feature whose type is known, as an attribute, in file order."""
    found = ((name, feature_attribute(project, name)) for name in project.features)
    return {name: attribute for name, attribute in found if attribute is not None}


def per_action(project: Project) -> frozenset[str]:
    """Give the fact keys of features that have a value for each action."""
    return frozenset(f"feature.{name}" for name, feature in project.features.items() if feature.per == "action")


def value_of(project: Project, feature: Feature, attribute: str | None) -> EventAttribute | None:
    """Give what is declared of an attribute of what a feature counts; None where nothing is."""
    if attribute is None:
        return None
    if feature.over == "contacts":
        return CONTACT_ATTRIBUTE
    kind = project.events.get(feature.counted[0])
    return None if kind is None else kind.attributes.get(attribute)


def feature_attribute(project: Project, name: str) -> ContextAttribute | None:
    """Give a feature as an attribute; None where there is none, or its type is not known."""
    feature = project.features.get(name)
    if feature is None or len(feature.kinds) != 1:
        return None
    kind = feature.kind
    type_, bounds, values = _TYPES.get(kind), None, None
    length, items = 200, 100
    if type_ is None:
        counted = value_of(project, feature, feature.counted[1])
        if counted is None:
            return None
        type_, bounds, values = counted.type, counted.range, counted.values
        length, items = counted.max_length, counted.max_items
    elif kind in _FROM_ZERO or (kind == "decayed" and feature.counted[1] is None):
        bounds = (0.0, None)
    elif kind == "share" and feature.by is None:
        bounds = (0.0, 1.0)
    return ContextAttribute(
        type=type_,
        title=feature.title,
        unit=feature.unit,
        range=bounds,
        values=values,
        max_length=length,
        max_items=items,
        predictor=feature.predictor and feature.per != "action",
        personal=True,
        if_missing=feature.if_missing,
    )
