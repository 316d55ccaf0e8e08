"""Retention: the journal's oldest entries go, and an anchor says what they left behind.

What went was proved before: the anchor carries the last digest of the chain and the sums of those rows that stay, so
that `verify` goes on from there. It goes in small batches, each a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import msgspec

from opportune.storage.anchor import Anchor
from opportune.storage.base import MODELS_KEPT, Storage
from opportune.storage.entries import Entry, to_microseconds
from opportune.storage.fold import Fold
from opportune.storage.kinds import Kind, OutcomeBody
from opportune.storage.reads.decisions import taught_again

__all__ = ["Retired", "retire"]

BATCH = 250
"""Entries of one transaction: it holds up other writers for some milliseconds."""
LEARNED = (Kind.OUTCOME, Kind.REVISION, Kind.CHANGE)
"""Kinds that a model is led on by."""
TRIES = 5
"""An answer to an old decision may come in between; one that comes in again and again can wait for tomorrow."""


class Retired(msgspec.Struct, frozen=True, kw_only=True):
    """What retention did.

    Args:
        entries: how many went.
        beginning: sequence of the first entry that is kept.
        held: why older ones than asked for are kept; "" where none are.
    """

    entries: int
    beginning: int
    held: str


class _Bound(NamedTuple):
    """The last entry that may go, and why no later one."""

    sequence: int
    reason: str


def retire(
    storage: Storage,
    before: datetime,
    progress: Callable[[int], None] = lambda entries: None,
    most: int | None = None,
) -> Retired:
    """Drop the oldest entries, as long as they were recorded before a moment and nothing needs them.

    Kept are: a decision that still waits for an answer and all behind it; what a model in use needs to be rebuilt from
    the state that was adopted last; the last entry.

    Args:
        progress: called with the number of entries that went so far.
        most: entries that go in this call, at most, to the next whole batch.

    Raises:
        DamageError: an entry that would go contradicts itself; nothing of its batch went.
        StoreError: the store cannot be written; what went before stays gone.
    """
    anchor = storage.anchor() or Anchor(0, b"", 0, 0, b"", b"")
    checkpoint, bound = _bounds(storage)
    gone = tries = 0
    held = ""
    while tries < TRIES and (most is None or gone < most):
        seen = storage.last_sequence()
        entries, held = _batch(storage, anchor, checkpoint, bound, before)
        if not entries:
            break
        following = _anchor_after(storage, anchor, entries)
        if storage._drop(following, anchor.sequence, seen):
            anchor, tries = following, 0
            gone += len(entries)
            progress(gone)
        else:
            tries += 1
            anchor = storage.anchor() or anchor
    if tries == TRIES:
        held = "answers to the oldest decisions keep coming in"
    if gone:
        storage._settle()
    return Retired(entries=gone, beginning=anchor.sequence + 1, held=held)


def _bounds(storage: Storage) -> tuple[int, _Bound]:
    """Give the position that every model in use can be rebuilt from, and the bound by what is now."""
    bounds = [_Bound(storage.last_sequence() - 1, "")]
    oldest = storage._oldest_open()
    if oldest is not None:
        bounds.append(_Bound(oldest - 1, f"the decision of entry {oldest} waits for an answer"))
    revision = storage.current_revision()
    since = 0 if revision is None else revision.sequence
    positions = [position for sequence, _, position, _ in storage._states() if sequence > since]
    nothing = 0 if revision is not None else bounds[0].sequence + 1
    checkpoint = positions[-1] if positions else nothing
    unlearned = storage.journal(checkpoint, 1, LEARNED)
    if unlearned:
        reason = f"the model's last checkpoint has learned to entry {checkpoint}"
        needed = [unlearned[0].sequence - 1, *taught_again(storage, checkpoint, bounds[0].sequence + 1)]
        bounds.append(_Bound(min(needed), reason))
    return checkpoint, min(bounds)


def _batch(
    storage: Storage, anchor: Anchor, checkpoint: int, bound: _Bound, before: datetime
) -> tuple[list[Entry], str]:
    """Give the next entries to go; where there are none, why."""
    old = _old_until(storage, anchor.sequence, before)
    if old and anchor.sequence >= bound.sequence:
        return [], bound.reason
    until = min(old, bound.sequence)
    entries = [entry for entry in storage.journal(anchor.sequence, BATCH) if entry.sequence <= until]
    if not entries:
        return [], ""

    def goes(decision: Entry) -> bool:
        return decision.sequence <= bound.sequence and (decision.sequence <= old or decision.recorded_at < before)

    needed = [
        _Bound(decision - 1, f"the decision of entry {decision} was answered after the model's last checkpoint")
        for decision, answer in storage._last_answers(anchor.sequence, entries[-1].sequence)
        if answer > checkpoint
    ]
    needed += _early_answers(storage, entries, goes)
    if not needed:
        return entries, ""
    until, reason = min(needed)
    return [entry for entry in entries if entry.sequence <= until], reason


def _early_answers(storage: Storage, entries: list[Entry], goes: Callable[[Entry], bool]) -> list[_Bound]:
    """Give bounds by outcomes that came before their decision, where that stays: it would be told without them."""
    early = {
        entry.decision: entry.sequence
        for entry in reversed(entries)
        if isinstance(entry.body, OutcomeBody) and entry.body.waits and entry.decision is not None
    }
    return [
        _Bound(early[entry.decision] - 1, f"the decision of entry {entry.sequence} came after its answer and stays")
        for entry in storage.about(early.keys())
        if entry.kind is Kind.DECISION and entry.decision is not None and not goes(entry)
    ]


def _old_until(storage: Storage, after: int, before: datetime) -> int:
    """Give an entry up to which all of the next batch are older than a moment; 0 where the next one is not.

    Sequences tell the true order, and clocks step back: whatever stands before an old entry is old, though a clock
    that ran ahead may have dated it into the future. Looked for far ahead too, at ever longer distances.
    """
    page = storage.journal(after, BATCH)
    distance, last = BATCH, storage.last_sequence()
    old = max((entry.sequence for entry in page if entry.recorded_at < before), default=0)
    while page and not old and after + distance < last:
        ahead = storage.journal(after + distance, 1)
        old = ahead[0].sequence if ahead and ahead[0].recorded_at < before else 0
        distance *= 2
    return old


def _anchor_after(storage: Storage, anchor: Anchor, entries: list[Entry]) -> Anchor:
    fold = Fold(MODELS_KEPT, anchor.sequence, anchor.summary)
    for entry in entries:
        fold.add(entry)
    last = entries[-1]
    answers = [answer for _, answer in storage._last_answers(anchor.sequence, last.sequence)]
    learned = [entry.sequence for entry in entries if entry.kind in LEARNED]
    learnable_from = max([anchor.learnable_from, *learned, *answers])
    return Anchor(
        last.sequence, last.digest, to_microseconds(last.recorded_at), learnable_from, fold.summary(), b""
    ).sealed()
