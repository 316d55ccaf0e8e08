"""What is known of a person's past and of their units', and how it is read from the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from opportune.customers.features import EventHistory
from opportune.records import Consent, Contact, Value
from opportune.service.needs import Needs
from opportune.service.profiles import parted
from opportune.storage import Storage
from opportune.storage.histories import Happening

__all__ = ["Past", "Unit", "read_past"]

_EVER = datetime(1970, 1, 1, tzinfo=UTC)


class Past:
    """What is known of a person's past.

    Attributes:
        last: sequence of the newest journal entry that it knows.
        contacts: in the order in which they happened.
        consents: what was said last of every purpose and channel; None where nobody needs it.
        members: internal ids of all who are one person.
        key: by which it was read.
        units: level → what is known of the person's unit.
    """

    __slots__ = ("consents", "contacts", "events", "key", "last", "members", "units")

    def __init__(
        self,
        last: int = 0,
        contacts: tuple[Contact, ...] = (),
        events: EventHistory | None = None,
        consents: tuple[Consent, ...] | None = None,
        members: tuple[str, ...] = (),
    ) -> None:
        self.last = last
        self.contacts = contacts
        self.events = EventHistory() if events is None else events
        self.consents = consents
        self.members = members
        self.key = ""
        self.units: dict[str, Unit] = {}

    @property
    def seen_with(self) -> dict[str, int]:
        """Internal id of others whose past counts here too → newest journal entry that is known of them."""
        seen: dict[str, int] = {}
        for unit in self.units.values():
            for member, last in unit.seen.items():
                if member not in self.members:
                    seen[member] = max(last, seen.get(member, 0))
        return seen

    @property
    def size(self) -> int:
        """Entries that it takes in memory."""
        return 1 + len(self.contacts) + len(self.events)


class Unit:
    """One household or account of a person: what is known of it, and what its members did.

    Attributes:
        seen: internal id of a member whose past was read → sequence of the newest journal entry of all of them.
    """

    __slots__ = ("attributes", "contacts", "events", "seen")

    def __init__(
        self,
        attributes: Mapping[str, Value],
        contacts: tuple[Contact, ...] = (),
        events: EventHistory | None = None,
        seen: Mapping[str, int] | None = None,
    ) -> None:
        self.seen = seen or {}
        self.attributes = attributes
        self.contacts = contacts
        self.events = EventHistory() if events is None else events


def read_past(storage: Storage, needs: Needs, key: str, known: Past | None, now: datetime) -> Past:
    """Ask the store; blocks.

    Args:
        known: of what is in memory; its units alone are read then.

    Raises:
        StoreError: the store cannot be read.
    """
    past = _read_person(storage, needs, key, now) if known is None else known
    units = _read_units(storage, needs, key, now) if needs.levels else {}
    if known is not None:
        # What is in memory goes on in the loop's thread: a read hands out a view of its own.
        past = Past(known.last, known.contacts, known.events, known.consents, known.members)
    past.units = units
    return past


def _read_person(storage: Storage, needs: Needs, key: str, now: datetime) -> Past:
    identifier, kind = parted(key)
    found = storage.happened(identifier, kind, _since(needs, now))
    return Past(
        last=found.last,
        contacts=found.contacts if needs.contacts else (),
        events=_counted(found.events, needs),
        consents=storage.consents(identifier, kind) if needs.consents else None,
        members=tuple(storage.persons_of(identifier, kind)),
    )


def _read_units(storage: Storage, needs: Needs, key: str, now: datetime) -> dict[str, Unit]:
    identifier, kind = parted(key)
    units: dict[str, Unit] = {}
    for level, unit in storage.units(identifier, kind).items():
        if level not in needs.levels:
            continue
        if level not in needs.unit_events:
            units[level] = Unit(unit.attributes)
            continue
        # Members first: of one who comes meanwhile more is known than is said, never less.
        members = storage.members(level, unit.unit)
        found = storage.happened(identifier, kind, _since(needs, now), level)
        seen = dict.fromkeys(members, found.last)
        units[level] = Unit(unit.attributes, found.contacts, _counted(found.events, needs), seen)
    return units


def _since(needs: Needs, now: datetime) -> datetime:
    return _EVER if needs.horizon_seconds is None else now - timedelta(seconds=needs.horizon_seconds)


def _counted(events: Iterable[Happening], needs: Needs) -> EventHistory:
    history = EventHistory()
    for event in events:
        if event.type in needs.events:
            history.add(event.sequence, event.at, event.type, event.attributes)
    return history
