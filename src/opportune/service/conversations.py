"""What was said in a person's conversations before it was known whose they were."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain

from opportune.customers.identity import Identifier
from opportune.errors import OpportuneError
from opportune.service.speakers import Speaker, names_in, owners
from opportune.storage import Entry, ErasePayloads, ForgetBody, Kind, Storage
from opportune.storage.digests import erasure_mark
from opportune.storage.erasing import ERASURES

__all__ = ["entries_of", "erase_unnamed", "unnamed_in"]

PAGE = 500


def entries_of(storage: Storage, identifier: str, kind: str) -> list[Entry]:
    """Give all journal entries of a person, newest first, and what is there of it without a person.

    That is what its conversations hold, and decisions from before the store knew the name that they were asked under;
    for these the journal is read from end to end.

    Raises:
        StoreError: the store cannot be read.
    """
    found: list[Entry] = []
    before: int | None = None
    while page := storage.history(identifier, kind, PAGE, before):
        found += page
        before = page[-1].sequence
    unnamed = [*unnamed_in(storage, found, Speaker(storage, Identifier(kind, identifier)))]
    own = {Identifier(*one) for one in storage.identifiers(identifier, kind)}
    known = {entry.sequence for entry in unnamed}
    unnamed += (entry for entry in _asked_as(storage, own.__contains__) if entry.sequence not in known)
    return [*found, *unnamed]


def erase_unnamed(storage: Storage, after: int) -> None:
    """Erase what stands without a name in the conversations of those whom entries behind `after` forgot.

    Raises:
        StoreError: the store cannot be read or written.
    """
    secret = storage.secret(ERASURES)
    for forgotten in storage.journal(after, kinds=(Kind.FORGET,)):
        assert isinstance(forgotten.body, ForgetBody)
        named = [entry for entry in storage.journal_of(forgotten.body.persons) if entry.session is not None]
        # Their identifiers are gone: of what was asked under any, nothing tells that it is not theirs.
        speaker = Speaker(storage, named=None, persons=forgotten.body.persons)
        unnamed = chain(
            unnamed_in(storage, named, speaker), _asked_as(storage, partial(_is_marked, forgotten.body, secret))
        )
        sequences = tuple(sorted({entry.sequence for entry in unnamed if entry.payload is not None}))
        if sequences:
            (result,) = storage.write([ErasePayloads(id=f"unnamed-{forgotten.sequence}", sequences=sequences)])
            if isinstance(result, OpportuneError):
                raise result


def _is_marked(forgotten: ForgetBody, secret: bytes, identifier: Identifier) -> bool:
    return erasure_mark(secret, *identifier) in forgotten.marks


def _asked_as(storage: Storage, is_meant: Callable[[Identifier], bool]) -> Iterator[Entry]:
    """Give decisions of no person that were asked under a name that is meant."""
    after = 0
    while page := storage.journal(after, PAGE, (Kind.DECISION,)):
        yield from (entry for entry in page if entry.person is None and any(map(is_meant, names_in(entry))))
        after = page[-1].sequence


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
