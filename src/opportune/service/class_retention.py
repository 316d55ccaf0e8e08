"""Retention per class: what events of a type say, and values of attributes, go when their time is over.

What goes is the personal part of journal entries, which holds such an event or such a value, and the value in the
profile. The entries stay, so that the journal proves itself as before; so do decisions, with what they were based on,
as long as `retention_days` says.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from opportune.errors import OpportuneError
from opportune.storage import DropValues, ErasePayloads, EventBody, Kind, ProfilePayload, Storage
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
        until: all entries up to this one are done for good; a run of another day may begin behind it.
        place: where the next call of this run goes on, as its `after`; 0 where there is no more to do.
    """

    events: int = 0
    changes: int = 0
    values: int = 0
    until: int = 0
    place: int = 0


def drop_old(storage: Storage, project: Project, now: datetime, after: int = 0, most: int | None = None) -> Dropped:
    """Drop what was recorded longer ago than its class is kept.

    Args:
        after: entries up to this one are not looked at.
        most: entries to be looked at in this call, to the next whole page; None looks at all.

    Raises:
        StoreError: the store cannot be read or written; what went stays gone.
    """
    events, attributes = _event_days(project), _attribute_days(project)
    days = [*events.values(), *attributes.values()]
    if not days:
        return Dropped()
    first, last = now - timedelta(days=max(days)), now - timedelta(days=min(days))
    done, seen = Dropped(), 0
    for page in _pages(storage, after, last):
        old = [entry for entry in page if _is_old(entry, events, attributes, project.levels, now)]
        values = _dropped_values(storage, attributes, project.levels, page, now)
        _erase(storage, [entry.sequence for entry in old])
        done = Dropped(
            events=done.events + sum(entry.kind is Kind.EVENT for entry in old),
            changes=done.changes + sum(entry.kind is Kind.PROFILE for entry in old),
            values=done.values + values,
            until=max([done.until, *(entry.sequence for entry in page if entry.recorded_at < first)]),
        )
        seen += len(page)
        if most is not None and seen >= most:
            return msgspec.structs.replace(done, place=page[-1].sequence)
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


def _is_old(
    entry: Entry, events: Mapping[str, int], attributes: Mapping[str, int], levels: Container[str], now: datetime
) -> bool:
    """Say whether the personal part of an entry has something whose time is over."""
    if isinstance(entry.body, EventBody):
        days = [events[entry.body.type]] if entry.body.type in events else []
    elif isinstance(entry.payload, ProfilePayload) and entry.payload.identifier_kind not in levels:
        days = [attributes[name] for name in entry.payload.attributes if name in attributes]
    else:
        days = []
    return entry.payload is not None and any(entry.recorded_at < now - timedelta(days=one) for one in days)


def _dropped_values(
    storage: Storage, attributes: Mapping[str, int], levels: Container[str], page: list[Entry], now: datetime
) -> int:
    """Take values out of the profiles that were set longer ago than their attribute is kept; give how many.

    Every identifier's own profile is looked at: what a merge hides would be told again once it is undone. An entry
    that has lost its personal part, by another attribute of its change, does not say any more what it set.
    """
    until = {
        name: max((entry.sequence for entry in page if entry.recorded_at < now - timedelta(days=days)), default=0)
        for name, days in attributes.items()
    }
    latest = max(until.values(), default=0)
    changed = [entry for entry in page if entry.sequence <= latest and _may_have_set(entry, until)]
    writes = []
    for person in dict.fromkeys(entry.person for entry in changed if entry.person is not None):
        own = storage.own_values(person)
        if own is None or own.identifier_kind in levels:
            continue
        gone = tuple(name for name, sequence in own.set_by.items() if sequence <= until.get(name, 0))
        if gone:
            key = f"kept-{person}-{latest}-{now:%Y%m%d%H%M%S%f}"
            writes.append(
                DropValues(
                    id=key,
                    identifier=own.identifier,
                    identifier_kind=own.identifier_kind,
                    names=gone,
                    until=latest,
                )
            )
    _write(storage, writes)
    return sum(len(write.names) for write in writes)


def _may_have_set(entry: Entry, until: Mapping[str, int]) -> bool:
    """Say whether a change of a profile set something whose time is over, as far as it still tells."""
    if entry.kind is not Kind.PROFILE:
        return False
    payload = entry.payload
    if not isinstance(payload, ProfilePayload):
        return True
    return any(entry.sequence <= until.get(name, 0) for name in payload.attributes)


def _erase(storage: Storage, sequences: list[int]) -> None:
    if sequences:
        _write(storage, [ErasePayloads(id=f"kept-{sequences[0]}-{sequences[-1]}", sequences=tuple(sequences))])


def _write(storage: Storage, writes: list[DropValues] | list[ErasePayloads]) -> None:
    for result in storage.write(writes) if writes else ():
        if isinstance(result, OpportuneError):
            raise result
