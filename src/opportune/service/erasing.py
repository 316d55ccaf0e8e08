"""Forgetting a person for good: out of the store, its files, and what older backups bring back."""

from __future__ import annotations

import msgspec

from opportune.errors import OpportuneError, UnknownError
from opportune.service.conversations import entries_of
from opportune.service.erasure_list import ErasureList
from opportune.storage import ErasePayloads, ErasePerson, Receipt, Storage

__all__ = ["Erased", "certify", "erase", "orders", "settle"]


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate without personal data.

    Args:
        entry: journal entry of the erasure.
        payloads: personal parts of entries that were deleted.
        compacted: no bytes of them are left in the store's files.
        listed: the erasure stands in the list beside the store, so that no backup brings the person back; False where
            there is no list.
        repeated: the same order had its effect before.
    """

    entry: int
    payloads: int
    compacted: bool
    listed: bool
    repeated: bool = False


def erase(
    storage: Storage,
    listed: ErasureList | None,
    write_id: str,
    identifier: str,
    kind: str = "customer",
    *,
    author: str = "",
    reason: str = "",
) -> Erased:
    """Erase a person from a store that no service holds.

    Args:
        listed: where erasures are written down for restored backups.

    Raises:
        UnknownError: nobody is known under the identifier.
        StoreError: the store or the list cannot be written; what was erased stays erased.
    """
    try:
        receipts = [_made(storage, write) for write in orders(storage, write_id, identifier, kind, author, reason)]
    except UnknownError:
        settle(storage, listed)
        raise
    done = certify(storage, listed, receipts[-1].sequence, receipts[-1].version)
    return msgspec.structs.replace(done, repeated=receipts[-1].repeated)


def _made(storage: Storage, write: ErasePayloads | ErasePerson) -> Receipt:
    (result,) = storage.write([write])
    if isinstance(result, OpportuneError):
        raise result
    return result


def orders(
    storage: Storage, write_id: str, identifier: str, kind: str, author: str, reason: str
) -> list[ErasePayloads | ErasePerson]:
    """Give the writes that erase a person, to be made in their order: the last one is that of the person.

    What was said in its conversations before its name was known belongs to nobody in the store; it goes first.

    Raises:
        StoreError: the store cannot be read.
    """
    unnamed = [one.sequence for one in entries_of(storage, identifier, kind) if one.person is None and one.payload]
    person = ErasePerson(
        id=write_id,
        identifier=identifier,
        identifier_kind=kind,
        author=author,
        reason=reason,
        searched=storage.search(identifier, kind),
    )
    return [*([ErasePayloads(id=write_id, sequences=tuple(sorted(unnamed)))] if unnamed else ()), person]


def certify(storage: Storage, listed: ErasureList | None, entry: int, payloads: int) -> Erased:
    """Write an erasure down, and leave no bytes behind.

    Raises:
        StoreError: the list or the store cannot be written.
    """
    if listed is not None:
        listed.add(storage.erasures())
    storage.compact()
    return Erased(entry=entry, payloads=payloads, compacted=True, listed=listed is not None)


def settle(storage: Storage, listed: ErasureList | None) -> None:
    """Certify what an earlier order erased and could not write down: the person is unknown to whoever repeats it.

    Raises:
        StoreError: the list or the store cannot be written.
    """
    if listed is not None and listed.add(storage.erasures()):
        storage.compact()
