"""What was said in a person's conversations before it was known whose they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from opportune.customers.identity import Identifier
from opportune.errors import OpportuneError
from opportune.service.speakers import Speaker, owners
from opportune.storage import Entry, ErasePayloads, ForgetBody, Kind, Storage

__all__ = ["entries_of", "erase_unnamed", "unnamed_in"]

PAGE = 500


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
    return [*found, *unnamed_in(storage, found, Speaker(storage, Identifier(kind, identifier)))]


def erase_unnamed(storage: Storage, after: int) -> None:
    """Erase what stands without a name in the conversations of those whom entries behind `after` forgot.

    Raises:
        StoreError: the store cannot be read or written.
    """
    for forgotten in storage.journal(after, kinds=(Kind.FORGET,)):
        assert isinstance(forgotten.body, ForgetBody)
        named = [entry for entry in storage.journal_of(forgotten.body.persons) if entry.session is not None]
        # Their identifiers are gone: of what was asked under any, nothing tells that it is not theirs.
        speaker = Speaker(storage, named=None, persons=forgotten.body.persons)
        unnamed = unnamed_in(storage, named, speaker)
        sequences = tuple(sorted(entry.sequence for entry in unnamed if entry.payload is not None))
        if sequences:
            (result,) = storage.write([ErasePayloads(id=f"unnamed-{forgotten.sequence}", sequences=sequences)])
            if isinstance(result, OpportuneError):
                raise result


def unnamed_in(storage: Storage, entries: Iterable[Entry], speaker: Speaker) -> Iterator[Entry]:
    """Give what a person's conversations hold without a person: what it said itself, and what nobody did beside that.

    Args:
        entries: of the person, which say what conversations those are.
    """
    for session in dict.fromkeys(entry.session for entry in entries if entry.session is not None):
        is_near, beside = False, list[Entry]()
        for entry, is_own in owners(speaker, _all_of(storage, session)):
            if is_own is None:
                if entry.kind is not Kind.OUTCOME:
                    beside.append(entry)
                continue
            if is_near or is_own:
                yield from beside
            if is_own and entry.person is None:
                yield entry
            is_near, beside = is_own, []
        if is_near:
            yield from beside


def _all_of(storage: Storage, session: str) -> list[Entry]:
    found: list[Entry] = []
    before: int | None = None
    while page := storage.session(session, PAGE, before):
        found += page
        before = page[-1].sequence
    return found
