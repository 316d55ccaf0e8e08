"""Forgetting a person for good: out of the store, its files, and what older backups bring back."""

from __future__ import annotations

import msgspec

from opportune.errors import OpportuneError
from opportune.service.erasure_list import ErasureList
from opportune.storage import ErasePerson, Storage

__all__ = ["Erased", "certify", "erase"]


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
    write = ErasePerson(id=write_id, identifier=identifier, identifier_kind=kind, author=author, reason=reason)
    (result,) = storage.write([write])
    if isinstance(result, OpportuneError):
        raise result
    done = certify(storage, listed, result.sequence, result.version)
    return msgspec.structs.replace(done, repeated=result.repeated)


def certify(storage: Storage, listed: ErasureList | None, entry: int, payloads: int) -> Erased:
    """Write an erasure down, and leave no bytes behind.

    Raises:
        StoreError: the list or the store cannot be written.
    """
    if listed is not None:
        listed.add(storage.erasures())
    storage.compact()
    return Erased(entry=entry, payloads=payloads, compacted=True, listed=listed is not None)
