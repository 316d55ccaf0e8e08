"""Bringing a backup back without bringing back whom the store forgot since."""

from __future__ import annotations

import msgspec

from opportune.errors import Problem
from opportune.service.erasure_list import ErasureList
from opportune.storage import Storage, copy_storage
from opportune.storage.copying import Progress

__all__ = ["Restored", "restore"]


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What came back.

    Args:
        erased_again: persons and units whom the backup knew and who were forgotten since.
        problems: what is wrong with the backup or the copy; then nothing may be served.
    """

    entries: int
    erased_again: int
    problems: tuple[Problem, ...] = ()


def restore(
    backup: Storage, target: Storage, listed: ErasureList | None, progress: Progress = lambda done, total: None
) -> Restored:
    """Copy a backup into an empty store, verify both, and erase whom the list names.

    Until they are erased again, the store stays marked as not complete.

    Raises:
        StoreError: a store or the list cannot be read or written, or the list is of another store.
    """
    again = 0

    def forget() -> None:
        nonlocal again
        again = 0 if listed is None else listed.apply(target)

    problems = copy_storage(backup, target, progress, forget)
    return Restored(entries=target.last_sequence(), erased_again=again, problems=tuple(problems))
