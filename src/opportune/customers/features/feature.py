"""What a feature is: which events or contacts it takes, of which time, and what it makes of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from opportune.decide.limits.windows import Length
from opportune.records import ValueType
from opportune.rules import Rule

__all__ = ["CONTACT_ATTRIBUTES", "PERSON", "Feature", "Source"]

PERSON = "person"
CONTACT_ATTRIBUTES = ("action", "group", "channel", "placement", "treatment")
"""What a contact holds, as attributes; all are texts."""


@dataclass(frozen=True, slots=True)
class Source:
    """Which events count, and which value of each.

    Two features with equal sources share what is laid out for counting.

    Args:
        type: of the events; of contacts "shown" or the name of an outcome.
        attribute: whose values are taken, so that events without one do not count; None takes the events themselves.
        weight: number that each value weighs; None weighs all alike.
        where: condition that must be true of an event; where it is unknown, the event does not count. Its `now` is the
            event's own moment.
        of_contacts: whether contacts are counted, in the place of events.
        action_in: attribute that names an action; then what is counted is kept apart by action.
        actions, groups, channels, placements: of the contacts that count; None takes all.
    """

    type: str
    attribute: str | None = None
    weight: str | None = None
    where: Rule | None = None
    of_contacts: bool = False
    action_in: str | None = None
    actions: frozenset[str] | None = None
    groups: frozenset[str] | None = None
    channels: frozenset[str] | None = None
    placements: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature.

    Args:
        kind: what it makes of the events, a key of `KINDS`.
        type: of its value.
        within: how far back events count; None is ever.
        level: "person", or the level whose members' events it counts, such as "household".
        per_action: whether it has a value for each action.
        values: of kind share: the categories whose share it is.
        half_life: of kind decayed, in seconds.
        then: of kind sequence: what follows.
        gap: of kind sequence: how soon `then` has to follow; None is any time.
        is_without: of kind sequence: whether it asks that `then` did not follow.
    """

    name: str
    kind: str
    type: ValueType
    source: Source
    within: Length | None = None
    level: str = PERSON
    per_action: bool = False
    values: frozenset[str] = field(default_factory=frozenset)
    half_life: float = 0.0
    then: Source | None = None
    gap: Length | None = None
    is_without: bool = False

    @property
    def key(self) -> str:
        """Name of its fact."""
        return f"feature.{self.name}"

    @property
    def sources(self) -> tuple[Source, ...]:
        """All that it counts."""
        return (self.source,) if self.then is None else (self.source, self.then)

    @property
    def seconds_most(self) -> int | None:
        """How far back it looks, at most; None is ever."""
        within = self.before if self.kind == "rate" else self.within
        return None if within is None else within.seconds_most

    @property
    def before(self) -> Length | None:
        """A window twice as long; None is ever."""
        return None if self.within is None else Length(2 * self.within.days, 2 * self.within.seconds)
