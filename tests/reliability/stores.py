"""What a store holds, for comparison with what was acknowledged."""

from __future__ import annotations

from pathlib import Path

from opportune.storage import SqliteStorage, verify_storage

__all__ = ["stored_ids"]


def stored_ids(path: Path) -> set[str]:
    """ "kind id" of every entry; asserts that the store is sound and holds none twice."""
    with SqliteStorage(path) as storage:
        assert verify_storage(storage) == []
        entries = storage.journal(limit=1_000_000)
        ids = [f"{entry.kind} {entry.id}" for entry in entries]
        assert len(ids) == len(set(ids))
        return set(ids)
