"""What happened with a person, and in a conversation."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import msgspec

from opportune.errors import DamageError
from opportune.storage.contacts import Contacts, read_contacts
from opportune.storage.entries import Entry, to_microseconds
from opportune.storage.histories import History, read_history
from opportune.storage.hooks import Hooks
from opportune.storage.kinds import EventBody
from opportune.storage.reads.belonging import persons_in, units
from opportune.storage.reads.kept import about, damage, decoded

__all__ = ["contacts", "happened", "turns"]


def contacts(store: Hooks, identifier_kind: str, identifier: str, since: datetime) -> Contacts:
    """See `Storage.contacts`."""
    page = partial(store._contacts, identifier_kind, identifier)
    try:
        return read_contacts(page, partial(about, store), to_microseconds(since))
    except (DamageError, msgspec.MsgspecError) as error:
        raise damage(store, str(error)) from error


def happened(store: Hooks, identifier_kind: str, identifier: str, since: datetime, level: str | None) -> History:
    """See `Storage.happened`."""
    others: list[str] = []
    if level is not None and (unit := units(store, identifier_kind, identifier).get(level)) is not None:
        others = [person for _, person in persons_in(store, level, unit.unit)]
    page = partial(store._happened, identifier_kind, identifier, others)
    try:
        return read_history(page, partial(about, store), to_microseconds(since))
    except (DamageError, msgspec.MsgspecError) as error:
        raise damage(store, str(error)) from error


def turns(store: Hooks, session: str, said: str, limit: int, among: int) -> list[Entry]:
    """See `Storage.turns`."""
    found = [decoded(store, row) for row in store._turns(session, said.encode(), limit, among)]
    return [entry for entry in found if not isinstance(entry.body, EventBody) or entry.body.type == said]
