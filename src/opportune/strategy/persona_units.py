"""What is known of the units that the person of a persona test belongs to."""

from __future__ import annotations

from collections.abc import Mapping

from opportune.customers import Registry
from opportune.records import Value
from opportune.strategy.sections.personas import Persona

__all__ = ["persona_units"]


def persona_units(levels: Mapping[str, Registry], persona: Persona) -> dict[str, Value]:
    """Give facts such as "household.size".

    Args:
        levels: level → registry of what is known of its units.

    Raises:
        InputError: a value does not fit.
    """
    facts: dict[str, Value] = {}
    for level, values in persona.units.items():
        facts.update(levels[level].read(values)[0])
    return facts
