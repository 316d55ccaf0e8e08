"""All features of a project, computed for one person at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from opportune.customers.attributes import Registry
from opportune.customers.features.feature import PERSON, Feature
from opportune.customers.features.history import EventHistory
from opportune.customers.features.kinds import KINDS
from opportune.customers.features.layout import ContactLayout, Layout, Rows, Takers
from opportune.customers.features.reader import EVER, Explained, Reader, Task
from opportune.decide.limits.windows import Length, micros
from opportune.records import Contact, Value, ValueType

__all__ = ["FeatureSet", "Past"]

Past = tuple[EventHistory, Sequence[Contact]]
"""Events and contacts of a unit: of all its members."""


class FeatureSet:
    """The features of one revision; immutable and pure.

    What is read depends on the events, the contacts, the moment and the zone alone: the same values, bit for bit, in
    whatever order the events were added and however often features were read in between.

    Args:
        features: all that are declared.
        registries: event type → its attributes.
        actions: feature per action → the actions whose rules name it; for others it has no value.
        groups: action → its group.
        former: former name of an action → what it is called now.

    Attributes:
        horizon_seconds: how far back any feature looks, at most; None is ever, 0 where there is none.
        event_types: that features count.
        needs_contacts: whether features count contacts.
        levels: beside the person, such as "household", whose members' events features count.
        keys: key of every value → its type, in the order of the project.
        read_of: event type → its attributes that features read.
    """

    def __init__(
        self,
        features: Iterable[Feature],
        registries: Mapping[str, Registry],
        actions: Mapping[str, Iterable[str]] | None = None,
        groups: Mapping[str, str] | None = None,
        former: Mapping[str, str] | None = None,
    ) -> None:
        self.features = tuple(features)
        self._registries, self._actions, self._groups = registries, actions, groups
        sources = [source for feature in self.features for source in feature.sources]
        self.event_types = frozenset(source.type for source in sources if not source.of_contacts)
        self.needs_contacts = any(source.of_contacts for source in sources)
        reaches = [feature.seconds_most for feature in self.features]
        self.horizon_seconds = None if None in reaches else max((one for one in reaches if one is not None), default=0)
        self._windows: list[Length | None] = []
        self._levels: dict[str, _Level] = {}
        for level in dict.fromkeys((PERSON, *(feature.level for feature in self.features))):
            own = [feature for feature in self.features if feature.level == level]
            takers = Takers(
                dict.fromkeys(one for f in own for one in f.sources), registries, groups or {}, former or {}
            )
            tasks = [self._task(feature, takers, actions or {}) for feature in own]
            self._levels[level] = _Level(tasks, takers)
        self.levels = frozenset(self._levels) - {PERSON}
        by_name = {task.feature.name: task for level in self._levels.values() for task in level.tasks}
        self.keys: Mapping[str, ValueType] = {
            key: feature.type for feature in self.features for key in by_name[feature.name].keys.values()
        }
        self.read_of: Mapping[str, frozenset[str]] = {
            name: frozenset().union(*(level.takers.read_of(name) for level in self._levels.values()))
            for name in self.event_types
        }

    def __len__(self) -> int:
        return len(self.features)

    def knowing(self, former: Mapping[str, str]) -> FeatureSet:
        """Give the same features with these former names of actions."""
        return FeatureSet(self.features, self._registries, self._actions, self._groups, former)

    def read(
        self,
        history: EventHistory,
        contacts: Sequence[Contact],
        now: datetime,
        zone: str,
        units: Mapping[str, Past] | None = None,
    ) -> dict[str, Value]:
        """Give the value of every feature that has one, by its key.

        Args:
            history: the person's events, as far back as `horizon_seconds` at least.
            contacts: the person's; a list that was read before may not have changed since.
            zone: IANA zone of the customer.
            units: level → the past of the person's unit; the features of a level without one are missing.
        """
        begins, at = self._begins(now, zone), micros(now)
        found: dict[str, Value] = {}
        for level, (events, touches) in self._pasts(history, contacts, units):
            level.read(events, touches, begins, at, zone, found)
        return found

    def explain(
        self,
        history: EventHistory,
        contacts: Sequence[Contact],
        now: datetime,
        zone: str,
        units: Mapping[str, Past] | None = None,
    ) -> tuple[Explained, ...]:
        """Say of every feature how it came to its value, in the order of the project; arguments as of `read`."""
        begins, at = self._begins(now, zone), micros(now)
        values = self.read(history, contacts, now, zone, units)
        said = [
            one
            for level, (events, touches) in self._pasts(history, contacts, units)
            for one in level.explain(events, touches, begins, at, zone, values)
        ]
        places = {feature.name: place for place, feature in enumerate(self.features)}
        return tuple(sorted(said, key=lambda one: places[one.feature]))

    def _task(self, feature: Feature, takers: Takers, actions: Mapping[str, Iterable[str]]) -> Task:
        return Task(
            feature=feature,
            kind=KINDS[feature.kind],
            row=takers.sources.index(feature.source),
            then=-1 if feature.then is None else takers.sources.index(feature.then),
            window=self._window(feature.within),
            before=self._window(feature.before) if feature.kind == "rate" else -1,
            actions={action: f"{feature.key}@{action}" for action in actions.get(feature.name, ())},
        )

    def _window(self, length: Length | None) -> int:
        if length not in self._windows:
            self._windows.append(length)
        return self._windows.index(length)

    def _begins(self, now: datetime, zone: str) -> list[int]:
        """Give where each of the windows begins."""
        return [EVER if length is None else length.before(now, zone) for length in self._windows]

    def _pasts(
        self, history: EventHistory, contacts: Sequence[Contact], units: Mapping[str, Past] | None
    ) -> Iterator[tuple[_Level, Past]]:
        yield self._levels[PERSON], (history, contacts)
        for name in self.levels & (units or {}).keys():
            yield self._levels[name], (units or {})[name]


class _Level:
    """The features of the person, or of one kind of unit."""

    def __init__(self, tasks: Sequence[Task], takers: Takers) -> None:
        self.tasks = tasks
        self.takers = takers
        self._of_events = Reader([task for task in tasks if not task.feature.source.of_contacts])
        self._of_contacts = Reader([task for task in tasks if task.feature.source.of_contacts])

    def read(
        self,
        history: EventHistory,
        contacts: Sequence[Contact],
        begins: Sequence[int],
        at: int,
        zone: str,
        found: dict[str, Value],
    ) -> None:
        """Put the values into `found`."""
        events, touches = self._laid(history, contacts, zone)
        self._of_events.read(events, begins, at, found)
        self._of_contacts.read(touches, begins, at, found)

    def explain(
        self,
        history: EventHistory,
        contacts: Sequence[Contact],
        begins: Sequence[int],
        at: int,
        zone: str,
        values: Mapping[str, Value],
    ) -> Iterator[Explained]:
        """Say how the values came about."""
        events, touches = self._laid(history, contacts, zone)
        yield from self._of_events.explain(events, begins, at, values)
        yield from self._of_contacts.explain(touches, begins, at, values)

    def _laid(self, history: EventHistory, contacts: Sequence[Contact], zone: str) -> tuple[Rows, Rows]:
        events = history.follower
        if not isinstance(events, Layout) or events.takers is not self.takers or events.zone != zone:
            events = history.follower = Layout(self.takers, zone, history)
        touches = events.contacts
        if touches is None or touches.seen is not contacts:
            touches = events.contacts = ContactLayout(self.takers, zone, contacts)
        return events, touches
