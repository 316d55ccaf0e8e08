"""Registries of attributes, made from their sections."""

from __future__ import annotations

from collections.abc import Mapping

from opportune.customers.attributes import Attribute as Registered
from opportune.customers.attributes import Registry
from opportune.strategy.sections.attributes import Attribute, EventAttribute

__all__ = ["registry"]


def registry(sections: Mapping[str, EventAttribute], prefix: str, ignores_unknown: bool = False) -> Registry:
    """Make the registry that reads values of these attributes.

    Args:
        prefix: what the facts' keys begin with, such as "customer.".
        ignores_unknown: True drops undeclared names, False refuses them.
    """
    return Registry((_registered(name, section) for name, section in sections.items()), prefix, ignores_unknown)


def _registered(name: str, section: EventAttribute) -> Registered:
    return Registered(
        name=name,
        type=section.type,
        range=section.range or (None, None),
        values=None if section.values is None else frozenset(section.values),
        length_max=section.max_length,
        items_max=section.max_items,
        is_barred=section.is_barred,
        visible_to=frozenset(section.visible_to) if isinstance(section, Attribute) else frozenset(),
    )
