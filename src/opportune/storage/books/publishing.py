"""Plan what is written about strategies, models and payloads."""

from __future__ import annotations

from opportune.errors import ConflictError, InputError
from opportune.storage.books.ledger import Ledger
from opportune.storage.digests import digest_of
from opportune.storage.kinds import ChangeBody, ErasureBody, ModelBody, RevisionBody
from opportune.storage.requests import Request
from opportune.storage.writes import AdoptModel, ChangeModels, ErasePayloads, Receipt, SaveRevision

__all__ = ["adopt_model", "change_models", "erase_payloads", "save_revision"]


def save_revision(ledger: Ledger, item: Request, write: SaveRevision) -> Receipt | int:
    """Make a strategy the current revision."""
    found = ledger.found
    if found.revision[1] == write.hash:
        return ledger.alias(item, found.revision[2])
    if write.after is not None and write.after != found.revision[0]:
        message = f"expected to follow revision {write.after}, found revision {found.revision[0]} published meanwhile"
        raise ConflictError.of("after", message, "look at it, then publish again", "revision-superseded")
    number = found.revision[0] + 1
    body = RevisionBody(
        number=number,
        author=write.author,
        reason=write.reason,
        returns_to=write.returns_to,
        changes=write.changes,
        renamed=write.renamed,
    )
    previous = found.digest
    sequence = ledger.append(item, body, revision=write.hash)
    ledger.changes.revision_entries.append((*ledger.changes.entries[-1], previous))
    if write.hash not in found.bundles:
        ledger.changes.bundles.append((write.hash, write.bundle, digest_of(write.bundle)))
        found.bundles.add(write.hash)
    found.revision = (number, write.hash, sequence)
    ledger.changes.revisions.append((number, write.hash, sequence))
    return ledger.receipt(Receipt(sequence=sequence, version=number))


def adopt_model(ledger: Ledger, item: Request, write: AdoptModel) -> Receipt:
    """Adopt a state of a model."""
    _check_position(ledger, write.position)
    body = ModelBody(name=write.name, position=write.position, hash=write.hash, folds=write.folds)
    sequence = ledger.append(item, body)
    digest = digest_of(write.state)
    ledger.changes.models.append((sequence, write.name, write.position, write.hash, write.state, digest))
    return ledger.receipt(Receipt(sequence=sequence))


def change_models(ledger: Ledger, item: Request, write: ChangeModels) -> Receipt:
    """Change the models from outside of what they learn."""
    _check_position(ledger, write.position)
    body = ChangeBody(
        order=write.order,
        model=write.model,
        part=write.part,
        position=write.position,
        hash=write.hash,
        size=len(write.state),
        again=write.again,
        author=write.author,
        reason=write.reason,
    )
    sequence = ledger.append(item, body)
    if write.state:
        ledger.changes.change_states.append((sequence, write.state, digest_of(write.state)))
    return ledger.receipt(Receipt(sequence=sequence))


def _check_position(ledger: Ledger, position: int) -> None:
    if not 0 <= position <= ledger.found.last:
        raise InputError.of("position", f"expected 0 to {ledger.found.last}, the end of the journal, found {position}")


def erase_payloads(ledger: Ledger, item: Request, write: ErasePayloads) -> Receipt:
    """Delete the personal part of entries."""
    # Payloads written by this very batch cannot be named: their sequences are not known to anybody yet.
    sequences = tuple(sorted(set(write.sequences) & ledger.found.payloads))
    sequence = ledger.append(item, ErasureBody(sequences=sequences))
    ledger.found.payloads.difference_update(sequences)
    ledger.changes.erasures.extend((erased, sequence) for erased in sequences)
    ledger.changes.counters["erased"] += len(sequences)
    return ledger.receipt(Receipt(sequence=sequence))
