"""A history laid out for the features of one level, kept up to date event by event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from opportune.customers.attributes import Registry, read_value
from opportune.customers.features.feature import Source
from opportune.customers.features.history import Event, EventHistory
from opportune.customers.features.series import Series
from opportune.decide.limits.windows import instant
from opportune.records import Contact, Facts, Value, ValueType
from opportune.rules import RuleSet

__all__ = ["ContactLayout", "Layout", "Row", "Rows", "Settled", "Takers"]

Row: TypeAlias = Series | dict[str, Series] | None
"""What one source takes: None where that is nothing yet; by action where it is kept apart so."""
Taken: TypeAlias = list[tuple[int, Source]]
"""Rows and their sources."""
Settled: TypeAlias = tuple[tuple[int, ...], dict[str, Value], tuple[str, ...], tuple[tuple[Any, str, Any], ...]]
"""The bounds of what counted and what features made of it: values by their keys, the keys of those that have none, and
(task, key, what the events come to) of those whose values change with every moment."""
_LISTED = (ValueType.TEXT, ValueType.BOOLEAN)
KNOWN_MAX = 1_000
"""Values of what conditions ask for that are remembered with what they come to."""


class Takers:
    """Which sources of a level take events of which type, and what they take of one.

    Args:
        sources: of the level, in the order of its rows.
        registries: event type → its attributes.
        groups: action → its group.
        former: former name of an action → what it is called now.
    """

    def __init__(
        self,
        sources: Iterable[Source],
        registries: Mapping[str, Registry],
        groups: Mapping[str, str],
        former: Mapping[str, str],
    ) -> None:
        self.sources = tuple(sources)
        self.groups = groups
        self.former = former
        by_type: dict[str, list[tuple[int, Source]]] = {}
        for row, source in enumerate(self.sources):
            if not source.of_contacts:
                by_type.setdefault(source.type, []).append((row, source))
        self.types = {name: _Taker(taken, registries[name]) for name, taken in by_type.items()}
        self.contacts: dict[str, list[tuple[int, Source]]] = {}
        for row, source in enumerate(self.sources):
            if source.of_contacts:
                self.contacts.setdefault(source.type, []).append((row, source))

    def read_of(self, type: str) -> frozenset[str]:
        """Name the attributes of an event type that are read."""
        taker = self.types.get(type)
        return frozenset() if taker is None else frozenset(taker.attributes)

    def facts_of(self, contact: Contact) -> dict[str, Value]:
        """Give the attributes of a contact."""
        action = self.former.get(contact.action, contact.action)
        facts: dict[str, Value] = {
            "action": action,
            "treatment": contact.treatment,
            "channel": contact.channel,
            "placement": contact.placement,
        }
        if action in self.groups:
            facts["group"] = self.groups[action]
        return facts


class _Taker:
    """What the sources of one event type take."""

    def __init__(self, taken: list[tuple[int, Source]], registry: Registry) -> None:
        rules = list({id(source.where): source.where for _, source in taken if source.where is not None}.values())
        places = {id(rule): place for place, rule in enumerate(rules)}
        self._rules = RuleSet([[rule] for rule in rules]) if rules else None
        self._taken = taken
        self._places = [-1 if source.where is None else places[id(source.where)] for _, source in taken]
        named = {name for _, source in taken for name in (source.attribute, source.weight, source.action_in) if name}
        asked = {name.removeprefix("event.") for rule in rules for name in rule.variables}
        self.attributes = {
            name: registry.attributes[name] for name in sorted(named | asked) if name in registry.attributes
        }
        self._asked = tuple(sorted(asked))
        is_listed = all(name in self.attributes and self.attributes[name].type in _LISTED for name in asked)
        self._known: dict[tuple[Value | None, ...], Taken] | None = {} if is_listed else None
        """What conditions that ask for texts and truth values alone come to, by what they ask for: few values differ,
        and judging is most of the work."""

    def counted(self, event: Event, facts: Facts, zone: str) -> Taken:
        """Give the rows, with their sources, whose conditions an event fulfils."""
        if self._rules is None:
            return self._taken
        if self._known is None:
            return self._judged(self._rules, event, facts, zone)
        key = tuple(map(facts.get, self._asked))
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            found = self._known[key] = self._judged(self._rules, event, facts, zone)
        return found

    def _judged(self, rules: RuleSet, event: Event, facts: Facts, zone: str) -> Taken:
        named = {f"event.{name}": value for name, value in facts.items()}
        passed = rules.passed({**named, "now": instant(event.at), "zone": zone})
        return [one for one, place in zip(self._taken, self._places, strict=True) if place < 0 or passed[place]]

    def facts(self, event: Event) -> dict[str, Value]:
        """Read what is needed; what does not fit its declaration (any more) is missing."""
        facts: dict[str, Value] = {}
        for name, attribute in self.attributes.items():
            value = event.attributes.get(name)
            if value is not None:
                try:
                    value = read_value(attribute, value)
                except ValueError:
                    continue
                # A zero has one sign here: which of two equal values counts must not depend on their order.
                facts[name] = value + 0.0 if type(value) is float else value
        return facts


class Rows:
    """What the sources of a level take of events, or of contacts.

    Args:
        takers: of the level.
        zone: the customer's, in which conditions are judged.
    """

    __slots__ = ("_entries", "memory", "rows", "takers", "touched", "zone")

    def __init__(self, takers: Takers, zone: str) -> None:
        self.takers = takers
        self.zone = zone
        self.rows: list[Row] = [None] * len(takers.sources)
        self.memory: dict[int, Settled] = {}
        """Group of features that count the same → what they came to, and of what."""
        self.touched: set[int] = set()
        """Rows that took something since the features were read last."""
        self._entries = 0

    def put(self, row: int, source: Source, at: int, facts: Facts) -> None:
        """Put one thing into its row, unless it lacks what is taken of it."""
        found = self._value(row, source, facts)
        if found is not None:
            found[0].add(at, found[1])
            self.touched.add(row)
            self._entries += 1

    def leave_out(self, row: int, source: Source, at: int, facts: Facts) -> None:
        """Take one thing that was put into its row out again."""
        found = self._value(row, source, facts)
        if found is None:
            return
        found[0].leave_out(at, found[1])
        self.touched.add(row)
        self._entries -= 1
        # A row without anything is none: whoever reads counts on that.
        apart = self.rows[row]
        if isinstance(apart, dict):
            apart = self.rows[row] = {action: series for action, series in apart.items() if series.ats} or None
        elif apart is not None and not apart.ats:
            self.rows[row] = None

    def _value(self, row: int, source: Source, facts: Facts) -> tuple[Series, Any] | None:
        """Give the series of a thing, and what is taken of it; None where it lacks that."""
        value: Any = None
        if source.attribute is not None:
            value = facts.get(source.attribute)
            if value is None:
                return None
            if source.weight is not None:
                weight = facts.get(source.weight)
                if weight is None:
                    return None
                value = value, weight
        series = self._series(row, source, facts)
        return None if series is None else (series, value)

    def _series(self, row: int, source: Source, facts: Facts) -> Series | None:
        if source.action_in is None:
            series = self.rows[row]
            if series is None:
                series = self.rows[row] = Series(source.attribute is not None)
            assert isinstance(series, Series)
            return series
        action = facts.get(source.action_in)
        if not isinstance(action, str):
            return None
        apart = self.rows[row]
        if apart is None:
            apart = self.rows[row] = {}
        assert isinstance(apart, dict)
        action = self.takers.former.get(action, action)
        if action not in apart:
            apart[action] = Series(source.attribute is not None)
        return apart[action]

    @property
    def bytes(self) -> int:
        """About how much memory it takes."""
        rows = len(self.rows) - self.rows.count(None)
        return 300 + 8 * len(self.rows) + 130 * rows + 24 * self._entries + 480 * len(self.memory)


class Layout(Rows):
    """Rows of a history, kept up to date with it; `contacts` keeps those of the contacts read last."""

    __slots__ = ("contacts",)

    def __init__(self, takers: Takers, zone: str, history: EventHistory) -> None:
        super().__init__(takers, zone)
        self.contacts: ContactLayout | None = None
        for event in history:
            self.take(event)

    @property
    def bytes(self) -> int:
        return super().bytes + (0 if self.contacts is None else self.contacts.bytes)

    def take(self, event: Event) -> None:
        """Take in one more event."""
        taker = self.takers.types.get(event.type)
        if taker is not None:
            facts = taker.facts(event)
            for row, source in taker.counted(event, facts, self.zone):
                self.put(row, source, event.at, facts)

    def drop(self, event: Event) -> None:
        """Forget an event that was taken in."""
        taker = self.takers.types.get(event.type)
        if taker is not None:
            facts = taker.facts(event)
            for row, source in taker.counted(event, facts, self.zone):
                self.leave_out(row, source, event.at, facts)


class ContactLayout(Rows):
    """Rows of one list of contacts; a list that changed is laid out anew."""

    __slots__ = ("seen",)

    def __init__(self, takers: Takers, zone: str, contacts: Sequence[Contact]) -> None:
        super().__init__(takers, zone)
        self.seen = contacts
        for contact in contacts:
            taken = takers.contacts.get(contact.what)
            if taken:
                facts = takers.facts_of(contact)
                for row, source in taken:
                    if _covers(source, facts):
                        self.put(row, source, contact.at, facts)


def _covers(source: Source, facts: Facts) -> bool:
    return (
        (source.actions is None or facts["action"] in source.actions)
        and (source.groups is None or facts.get("group") in source.groups)
        and (source.channels is None or facts["channel"] in source.channels)
        and (source.placements is None or facts["placement"] in source.placements)
    )
