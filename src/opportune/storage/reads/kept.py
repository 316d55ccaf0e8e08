"""Entries that are kept, read and checked; what contradicts itself is damage, and never answered."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from opportune.errors import DamageError
from opportune.storage.anchor import Anchor
from opportune.storage.entries import Entry, StoredRow, decode_row
from opportune.storage.hooks import Hooks

__all__ = ["about", "damage", "decoded", "kept_anchor", "kept_entry"]


def damage(store: Hooks, fault: str) -> DamageError:
    """Name the place, the fault and what to do."""
    return DamageError(f"{store.place}: {fault}; run 'opportune verify', then restore a backup")


def decoded(store: Hooks, row: StoredRow) -> Entry:
    """An entry from its row.

    Raises:
        DamageError: it does not fit its digests.
    """
    try:
        return decode_row(row)
    except (DamageError, msgspec.MsgspecError) as error:
        raise damage(store, str(error)) from error


def kept_entry(store: Hooks, sequence: int) -> Entry | None:
    """An entry that was pointed to; None where retention dropped it, unless it is a revision's."""
    row = store._row(sequence)
    if row is None:
        anchor = kept_anchor(store)
        if anchor is None or anchor.sequence < sequence:
            raise damage(store, f"journal entry {sequence}: it is missing")
        row = store._revision_entry(sequence)
    return None if row is None else decoded(store, row)


def kept_anchor(store: Hooks) -> Anchor | None:
    """See `Storage.anchor`."""
    anchor = store._anchor()
    if anchor is not None and anchor.sealed() != anchor:
        raise damage(store, "anchor of the journal: it does not fit its digest")
    return anchor


def about(store: Hooks, decision_ids: Collection[str]) -> list[Entry]:
    """See `Storage.about`."""
    return [decoded(store, row) for row in store._about(decision_ids)] if decision_ids else []
