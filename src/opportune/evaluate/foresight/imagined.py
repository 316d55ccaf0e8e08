"""Customers and contacts that nobody has met: drawn from what the strategy declares, near what its rules ask.

Numbers are drawn from the stretches between the limits that rules name, every stretch alike, so that both sides of
every limit occur. The same seed gives the same people, and a new attribute changes none of the others.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from opportune.customers import Attribute
from opportune.decide import Draws, Plan
from opportune.records import Value, ValueType
from opportune.rules import Rule
from opportune.rules.clauses import Feature, clauses_of
from opportune.rules.sets import Lines, Listed, ValueSet

__all__ = ["Imagination", "named_in"]

MISSING = 0.05
"""Share of values that are left out: rules must cope with that too."""
ENTRY = 0.4
"""Share of the entries of a list that somebody has."""
LIST_MOST = 20
REACH = 100.0
"""How far values reach beyond the outermost limit, where the registry declares no range."""
AGE_DAYS_MOST = 730
"""Moments are drawn from so many days before the contact."""
OTHER = "something else"


@dataclass(slots=True)
class Named:
    """What rules name of one variable: limits of numbers, and texts."""

    cuts: set[float] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)


def named_in(plans: Iterable[Plan]) -> dict[str, Named]:
    """Collect what the rules of some plans ask of each variable."""
    found: dict[str, Named] = defaultdict(Named)
    for rule in (rule for plan in plans for rule in _rules(plan)):
        for clause in clauses_of(rule.tree, rule.types) or ():
            for feature, values in clause.items():
                _note(found, feature, values)
    return found


def _rules(plan: Plan) -> Iterable[Rule]:
    sets = [plan.gate, plan.segments, plan.context_rules, plan.mandatory_rules]
    return {rule: None for one in sets if one is not None for condition in one.conditions for rule in condition}


def _note(found: dict[str, Named], feature: Feature, values: ValueSet) -> None:
    if feature.variable is None:
        return
    if feature.entry is not None:
        found[feature.variable].texts.add(feature.entry)
    elif isinstance(values, Lines):
        found[feature.variable].cuts.update(float(cut) for cut in values.cuts if math.isfinite(cut))
    elif isinstance(values, Listed):
        found[feature.variable].texts.update(value for value in values.values if isinstance(value, str))


@dataclass(frozen=True, slots=True)
class Imagination:
    """Draws values of attributes.

    Args:
        named: what rules ask, by fact key; `prefix` of these attributes' keys.
    """

    attributes: Mapping[str, Attribute]
    prefix: str
    named: Mapping[str, Named]

    def draw(self, seed: str, at: datetime) -> dict[str, Any]:
        """Draw values for one customer or contact.

        Args:
            at: moment of the contact.
        """
        draws = Draws(seed)
        found = {}
        for name, attribute in self.attributes.items():
            if draws.uniform(f"{name}/missing") >= MISSING:
                found[name] = self._value(attribute, draws, at)
        return found

    def _value(self, attribute: Attribute, draws: Draws, at: datetime) -> Value:
        share = draws.uniform(attribute.name)
        named = self.named.get(self.prefix + attribute.name) or Named()
        texts = sorted(attribute.values if attribute.values is not None else {*named.texts, OTHER})
        match attribute.type:
            case ValueType.BOOLEAN:
                return share < 0.5
            case ValueType.INTEGER:
                low, high = _stretch(attribute, named, share)
                within = draws.uniform(f"{attribute.name}/within")
                return min(math.floor(low + within * (high - low)), math.ceil(high) - 1 if high > low else int(low))
            case ValueType.NUMBER:
                low, high = _stretch(attribute, named, share)
                return low + draws.uniform(f"{attribute.name}/within") * (high - low)
            case ValueType.TIMESTAMP:
                return at - timedelta(days=share * AGE_DAYS_MOST)
            case ValueType.TEXTS:
                most = min(attribute.items_max, LIST_MOST)
                return [text for text in texts if draws.uniform(f"{attribute.name}/{text}") < ENTRY][:most]
        return texts[int(share * len(texts))][: attribute.length_max]


def _stretch(attribute: Attribute, named: Named, share: float) -> tuple[float, float]:
    """Give one of the stretches between limits, from its low end to below its high end."""
    cuts = sorted(named.cuts)
    low, high = attribute.range
    low = (cuts[0] - REACH if cuts else 0.0) if low is None else low
    top = (max(cuts[-1], low) + REACH if cuts else low + REACH) if high is None else high
    top = top + 1.0 if attribute.type is ValueType.INTEGER else top
    edges = [low, *(cut for cut in cuts if low < cut < top), top]
    place = int(share * (len(edges) - 1))
    return edges[place], edges[place + 1]
