"""All sources of a strategy, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from opportune.customers.attributes import Attribute, read_value
from opportune.customers.context.base import NO_ANSWERS, Answers, Doubt, Source, as_number, contact_of
from opportune.decide.zones import OWN_ZONE, zone_of
from opportune.records import DecisionRequest, Facts, Value

__all__ = ["NO_SOURCES", "Gathered", "Sources", "Step", "Target"]

PREFIX = "context."


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was found out for one contact beside profile and request.

    Args:
        facts: by fact key; what the request says is not among them.
        doubts: attributes that should have a value and have none, with a word, such as "context.rain: late".
    """

    facts: Mapping[str, Value] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """An attribute that a source fills.

    Args:
        attribute: what the value has to fit; `None` where it was made to fit.
        is_number: whether whole numbers become numbers with a fraction.
        is_computed: whether its value follows from the other facts alone, at any time: not that of a service, and not
            what an earlier call of the session may have said.
    """

    name: str
    attribute: Attribute | None = None
    is_number: bool = False
    is_computed: bool = True

    @property
    def key(self) -> str:
        """Fact key of the attribute."""
        return PREFIX + self.name

    def value(self, given: Value) -> Value | Doubt:
        """Give a value as the attribute has it, or why it does not take it."""
        number = as_number(given) if self.is_number and isinstance(given, int) else given
        if self.attribute is None or isinstance(number, Doubt):
            return number
        try:
            return read_value(self.attribute, number)
        except ValueError:
            return Doubt.OUT_OF_RANGE


@dataclass(frozen=True, slots=True)
class Step:
    """One source and the attributes that take its values, in the order in which it gives them."""

    source: Source
    targets: tuple[Target, ...]


class Sources:
    """Fills attributes of the context that a request does not say.

    Pure apart from what `answers` hold, fast, and free of waiting. A source that reads attributes which other sources
    fill comes after them; beyond that the order is that of the project's file.

    Args:
        zone: IANA zone of customers whose own is not known.
    """

    def __init__(self, steps: Sequence[Step], zone: str) -> None:
        self._steps = [(step.source, tuple((target, target.key) for target in step.targets)) for step in steps]
        self._zone = zone
        self.computed = frozenset(target.key for step in steps for target in step.targets if target.is_computed)
        """Fact keys whose values follow from the other facts alone."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to fill."""
        return not self._steps

    def fill(self, facts: Facts, request: DecisionRequest, now: datetime, answers: Answers = NO_ANSWERS) -> Gathered:
        """Ask all sources whose attributes are not known already.

        Args:
            facts: what is known beside the request: the profile, features, levels, the start of the session, and
                attributes of the context that an earlier call of the session said.
            now: aware moment of the decision.
            answers: of services over HTTP.
        """
        if not self._steps:
            return NOTHING
        known = dict(facts)
        for name, value in request.context.items():
            known[PREFIX + name] = value
        zone = zone_of(known.get(OWN_ZONE), self._zone, request.zone)
        contact = contact_of(known, request, now, zone, answers)
        found: dict[str, Value] = {}
        doubts: list[str] = []
        for source, targets in self._steps:
            if all(key in known for _, key in targets):
                continue
            for (target, key), given in zip(targets, source.values(contact), strict=True):
                if given is None or key in known:
                    continue
                value = given if isinstance(given, Doubt) else target.value(given)
                if isinstance(value, Doubt):
                    doubts.append(f"{key}: {value.value}")
                else:
                    found[key] = known[key] = value
        return Gathered(found, tuple(doubts))


NOTHING = Gathered()
NO_SOURCES = Sources((), "UTC")
