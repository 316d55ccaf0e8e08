"""Revisions, and states of models."""

from __future__ import annotations

from opportune.storage.digests import digest_of
from opportune.storage.entries import lasting_row
from opportune.storage.hooks import Hooks
from opportune.storage.reads.kept import damage, decoded, kept_entry
from opportune.storage.stored import ModelState, Revision, RevisionNote

__all__ = ["change_state", "model_states", "revision", "revisions"]


def revision(store: Hooks, key: int | str | None) -> Revision | None:
    """See `Storage.revision`."""
    row = store._revision(key)
    if row is None:
        return None
    number, name, sequence, bundle, digest = row
    if digest_of(bundle) != digest:
        raise damage(store, f"bundle of revision {number}: it does not fit its digest")
    return Revision(number=number, hash=name, bundle=bundle, sequence=sequence)


def revisions(store: Hooks, after: int) -> list[RevisionNote]:
    """See `Storage.revisions`."""
    notes = []
    rows = sorted(row for row in store._table("revisions") if row[0] > after)
    entries = {row[0]: lasting_row(row) for row in store._table("revision_entries")} if rows else {}
    for number, name, sequence in rows:
        entry = decoded(store, entries[sequence]) if sequence in entries else kept_entry(store, sequence)
        notes.append(RevisionNote(number, name, sequence, entry))
    return notes


def change_state(store: Hooks, sequence: int) -> bytes:
    """See `Storage.change_state`."""
    row = store._change_state(sequence)
    if row is None or digest_of(row[0]) != row[1]:
        raise damage(store, f"state of the change of models {sequence}: it is missing or does not fit its digest")
    return row[0]


def model_states(store: Hooks, name: str, limit: int) -> list[ModelState]:
    """See `Storage.model_states`."""
    states = []
    for sequence, position, hash_, state, digest in store._models(name, limit):
        if digest_of(state) != digest:
            raise damage(store, f"state of model {name} adopted by entry {sequence}: it does not fit its digest")
        states.append(ModelState(name=name, position=position, hash=hash_, state=state, sequence=sequence))
    return states
