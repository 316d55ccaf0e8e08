"""What was said in a person's conversations before it was known whose they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from opportune.errors import OpportuneError
from opportune.storage import Entry, ErasePayloads, ForgetBody, Kind, Storage

__all__ = ["entries_of", "erase_unnamed", "unnamed_in"]

PAGE = 500
SESSION_MOST = 10_000
"""Entries of one conversation that are looked at."""


def entries_of(storage: Storage, identifier: str, kind: str) -> list[Entry]:
    """Give all journal entries of a person, newest first, and what its conversations hold without a name.

    Raises:
        StoreError: the store cannot be read.
    """
    found: list[Entry] = []
    before: int | None = None
    while page := storage.history(identifier, kind, PAGE, before):
        found += page
        before = page[-1].sequence
    return [*found, *unnamed_in(storage, found)]


def erase_unnamed(storage: Storage, after: int) -> None:
    """Erase what stands without a name in the conversations of those whom entries behind `after` forgot.

    Raises:
        StoreError: the store cannot be read or written.
    """
    for forgotten in storage.journal(after, kinds=(Kind.FORGET,)):
        assert isinstance(forgotten.body, ForgetBody)
        named = [entry for entry in storage.journal_of(forgotten.body.persons) if entry.session is not None]
        sequences = tuple(sorted(entry.sequence for entry in unnamed_in(storage, named) if entry.payload is not None))
        if sequences:
            (result,) = storage.write([ErasePayloads(id=f"unnamed-{forgotten.sequence}", sequences=sequences)])
            if isinstance(result, OpportuneError):
                raise result


def unnamed_in(storage: Storage, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Give the entries without a person of the conversations that some entries belong to."""
    for session in dict.fromkeys(entry.session for entry in entries if entry.session is not None):
        yield from (entry for entry in storage.session(session, SESSION_MOST) if entry.person is None)
