"""Rebuilds that are due: outcomes were learned as something else than they are now."""

from __future__ import annotations

from itertools import pairwise

from opportune.errors import OpportuneError
from opportune.service.revisions import files_of
from opportune.storage import Kind, Storage
from opportune.storage.kinds import ChangeBody
from opportune.strategy import Project, load_files
from opportune.strategy.advice import of_change

__all__ = ["overdue"]

FILE = "outcomes.yaml"
LOOKED_AT = 50
"""Revisions, from the newest back, that are compared with the one before."""
PAGE = 100


def overdue(storage: Storage) -> tuple[str, ...]:
    """Say which outcomes changed their place in a row since the last rebuild, one sentence each.

    Raises:
        StoreError: the store cannot be read.
    """
    notes = storage.revisions(0)[-LOOKED_AT:]
    texts = {note.number: _files(storage, note.number) for note in notes}
    rebuilt = _last_rebuild(storage)
    found: dict[str, None] = {}
    for before, after in pairwise(notes):
        old, new = texts[before.number], texts[after.number]
        if after.sequence > rebuilt and old.get(FILE) != new.get(FILE):
            first, second = _project(old), _project(new)
            if first is not None and second is not None:
                found |= dict.fromkeys(of_change(first, second))
    return tuple(found)


def _last_rebuild(storage: Storage) -> int:
    """Give the journal entry of the last rebuild; 0 before the first."""
    found = after = 0
    while page := storage.journal(after, PAGE, (Kind.CHANGE,)):
        for entry in page:
            if isinstance(entry.body, ChangeBody) and entry.body.again:
                found = entry.sequence
        after = page[-1].sequence
    return found


def _files(storage: Storage, number: int) -> dict[str, str]:
    kept = storage.revision(number)
    return {} if kept is None else files_of(kept.bundle)


def _project(files: dict[str, str]) -> Project | None:
    """Load a revision; None where this version no longer reads it."""
    try:
        return load_files(files)
    except OpportuneError:
        return None
