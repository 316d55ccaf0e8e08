"""A checked rule, and the names that rules may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from opportune.records import ValueType
from opportune.rules.tree import Node

__all__ = ["Rule", "Schema"]

ALWAYS = {"now": ValueType.TIMESTAMP, "zone": ValueType.TEXT}
"""Variables that every decision has: its moment, and the customer's time zone."""


@dataclass(frozen=True, eq=False)
class Rule:
    """A rule that parsed and type-checked.

    Args:
        source: as its author wrote it.
        type: of its result.
        variables: fact keys that it reads, those of its segments included.
        cost: most steps that evaluating it can take.
        tree: checked, with segments in place.
        plain: the text that CEL's engine checked.
        types: of all variables of its schema.
    """

    source: str
    type: ValueType
    variables: frozenset[str]
    cost: int
    tree: Node = field(repr=False)
    plain: str = field(repr=False)
    types: Mapping[str, ValueType] = field(repr=False)
    segments: Mapping[str, Rule] = field(repr=False)


@dataclass(frozen=True)
class Schema:
    """What rules may name.

    Args:
        variables: fact key such as "customer.age" → its type.
        segments: name → rule that gives a boolean; rules write segment.<name>.
    """

    variables: Mapping[str, ValueType]
    segments: Mapping[str, Rule] = field(default_factory=dict)

    def types(self) -> dict[str, ValueType]:
        """Give the types of all that CEL's engine sees as variables."""
        named = {f"segment.{name}": ValueType.BOOLEAN for name in self.segments}
        return {**self.variables, **named, **ALWAYS}
