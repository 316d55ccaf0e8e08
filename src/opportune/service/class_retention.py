"""Retention per class: what events of a type say, and values of attributes, go when their time is over.

What goes is the personal part of journal entries, which holds such an event or such a value, and the value in the
profile. The entries stay, so that the journal proves itself as before; so do decisions, with what they were based on,
as long as `retention_days` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from opportune.decide.limits.windows import micros
from opportune.errors import OpportuneError
from opportune.storage import ErasePayloads, EventBody, Kind, ProfilePayload, SaveProfile, Storage
from opportune.storage.entries import Entry
from opportune.strategy.project import Project

__all__ = ["Dropped", "drop_old"]

PAGE = 500
KINDS = (Kind.EVENT, Kind.PROFILE)


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """What went.

    Args:
        events: events that say nothing any more of whom they were about and what happened.
        changes: changes of profiles that no longer tell what was set; all of one change goes together.
        values: values of attributes that customers have no longer.
        until: all entries up to this one are done for good; a later run may begin behind it.
        more: there is more to do.
    """

    events: int = 0
    changes: int = 0
    values: int = 0
    until: int = 0
    more: bool = False


def drop_old(storage: Storage, project: Project, now: datetime, after: int = 0, most: int | None = None) -> Dropped:
    """Drop what was recorded longer ago than its class is kept.

    Args:
        after: entries up to this one were done before.
        most: entries to be looked at in this call, to the next whole page; None looks at all.

    Raises:
        StoreError: the store cannot be read or written; what went stays gone.
    """
    events, attributes = _event_days(project), _attribute_days(project)
    days = [*events.values(), *attributes.values()]
    if not days:
        return Dropped(until=after)
    first, last = now - timedelta(days=max(days)), now - timedelta(days=min(days))
    done, done_for_good = Dropped(until=after), after
    seen, place = 0, after
    for page in _pages(storage, after, last):
        old = [entry for entry in page if _is_old(entry, events, attributes, now)]
        values = _dropped_values(storage, attributes, old, now)
        _erase(storage, [entry.sequence for entry in old])
        place = page[-1].sequence
        done_for_good = max([done_for_good, *(entry.sequence for entry in page if entry.recorded_at < first)])
        done = Dropped(
            events=done.events + sum(entry.kind is Kind.EVENT for entry in old),
            changes=done.changes + sum(entry.kind is Kind.PROFILE for entry in old),
            values=done.values + values,
            until=done_for_good,
        )
        seen += len(page)
        if most is not None and seen >= most:
            return msgspec.structs.replace(done, until=place, more=True)
    return done


def _event_days(project: Project) -> dict[str, int]:
    return {name: event.keep_days for name, event in project.events.items() if event.keep_days is not None}


def _attribute_days(project: Project) -> dict[str, int]:
    return {name: one.keep_days for name, one in project.attributes.items() if one.keep_days is not None}


def _pages(storage: Storage, after: int, last: datetime) -> Iterator[list[Entry]]:
    """Give events and changes of profiles that were recorded before a moment."""
    while page := storage.journal(after, PAGE, KINDS):
        old = [entry for entry in page if entry.recorded_at < last]
        if old:
            yield old
        if not old:
            return
        after = page[-1].sequence


def _is_old(entry: Entry, events: Mapping[str, int], attributes: Mapping[str, int], now: datetime) -> bool:
    """Say whether the personal part of an entry has something whose time is over."""
    if isinstance(entry.body, EventBody):
        days = [events[entry.body.type]] if entry.body.type in events else []
    elif isinstance(entry.payload, ProfilePayload):
        days = [attributes[name] for name in entry.payload.attributes if name in attributes]
    else:
        days = []
    return entry.payload is not None and any(entry.recorded_at < now - timedelta(days=one) for one in days)


def _dropped_values(storage: Storage, attributes: Mapping[str, int], old: list[Entry], now: datetime) -> int:
    """Take values out of the profiles that were set longer ago than their attribute is kept; give how many."""
    named: dict[tuple[str, str], str] = {}
    for entry in old:
        if isinstance(entry.payload, ProfilePayload):
            named[entry.payload.identifier, entry.payload.identifier_kind] = entry.id
    writes = []
    for (identifier, kind), key in named.items():
        profile = storage.profile(identifier, kind)
        times = {} if profile is None else profile.times
        gone = tuple(
            name
            for name, days in attributes.items()
            if name in times and times[name] < micros(now - timedelta(days=days))
        )
        if gone:
            writes.append(_removal(f"kept-{key}-{now:%Y%m%d%H%M%S%f}", identifier, kind, gone))
    _write(storage, writes)
    return sum(len(write.removed) for write in writes)


def _removal(key: str, identifier: str, kind: str, names: tuple[str, ...]) -> SaveProfile:
    return SaveProfile(
        id=key[-256:], identifier=identifier, identifier_kind=kind, attributes={}, removed=names, replace=False
    )


def _erase(storage: Storage, sequences: list[int]) -> None:
    if sequences:
        _write(storage, [ErasePayloads(id=f"kept-{sequences[0]}-{sequences[-1]}", sequences=tuple(sequences))])


def _write(storage: Storage, writes: list[SaveProfile] | list[ErasePayloads]) -> None:
    for result in storage.write(writes) if writes else ():
        if isinstance(result, OpportuneError):
            raise result
