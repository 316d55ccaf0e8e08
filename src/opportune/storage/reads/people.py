"""Who is known, what is known of them, and who became one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import msgspec

from opportune.storage.changes import profile_digest
from opportune.storage.hooks import Hooks, ProfileRow
from opportune.storage.reads.kept import damage, kept_entry
from opportune.storage.stored import KnownMerge, KnownPerson, OwnValues, Profile
from opportune.storage.unions import Link, OwnProfile, read_marks, united

__all__ = ["everybody", "merges", "own_values", "profile"]


def profile(store: Hooks, identifier_kind: str, identifier: str) -> Profile | None:
    """See `Storage.profile`."""
    rows = store._profiles(identifier_kind, identifier)
    if rows is None or not rows.profiles:
        return None
    owns = [_own_profile(store, row) for row in rows.profiles]
    if len(owns) == 1:
        attributes = owns[0].attributes
        times = owns[0].marks.times(attributes)
    else:
        known = united(owns, rows.links)
        attributes = {name: value for name, (value, _) in known.items()}
        times = {name: at for name, (_, at) in known.items() if at is not None}
    version = max(row.version for row in rows.profiles)
    return Profile(person=rows.root, attributes=attributes, version=version, times=times)


def _own_profile(store: Hooks, row: ProfileRow) -> OwnProfile:
    if profile_digest(row.person, row.version, row.sequence, row.attributes, row.marks) != row.digest:
        raise damage(store, f"profile of person {row.person}: it does not fit its digest")
    return OwnProfile(row.person, msgspec.msgpack.decode(row.attributes), read_marks(row.marks, row.sequence))


def own_values(store: Hooks, person: str) -> OwnValues | None:
    """See `Storage.own_values`."""
    named = store._identifiers([person])
    rows = store._profiles(*named[0]) if named else None
    for row in () if rows is None else rows.profiles:
        if row.person == person:
            own = _own_profile(store, row)
            return OwnValues(*named[0], {name: own.marks.of(name)[0] for name in own.attributes})
    return None


def everybody(store: Hooks) -> Iterator[KnownPerson]:
    """See `Storage.people`."""
    for root, rows in groupby(store._table("people"), key=lambda row: str(row[0])):
        found = list(rows)
        own = [ProfileRow(*row[3:]) for row in found if row[3] is not None]
        attributes: dict[str, Any] = {}
        if len(found) == 1 and own:
            attributes = _own_profile(store, own[0]).attributes
        elif own:
            known = profile(store, found[0][1], found[0][2])
            attributes = {} if known is None else known.attributes
        yield KnownPerson(root, tuple((kind, value) for _, kind, value, *_ in found), attributes)


def merges(store: Hooks, identifier_kind: str, identifier: str) -> list[KnownMerge]:
    """See `Storage.merges`."""
    persons = store._persons(identifier_kind, identifier)
    found = []
    for link in sorted(store._merges(persons), reverse=True) if persons else ():
        entry = kept_entry(store, link.sequence) if link.sequence else None
        if entry is None and (link.undone or not link.sequence):
            continue
        undone = kept_entry(store, link.undone) if link.undone else None
        found.append(KnownMerge(link.sequence, _sides(store, link), entry, undone))
    return found


def _sides(store: Hooks, link: Link) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    one, other = (next(iter(store._identifiers([person])), None) for person in (link.one, link.other))
    return one, other
