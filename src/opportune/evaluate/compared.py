"""Which decisions of the journal stand for now, and which for before: the reference that inputs are compared with."""

from __future__ import annotations

from opportune.records import Facts
from opportune.storage import Entry, Kind, Storage
from opportune.storage.kinds import DecisionBody, DecisionPayload

__all__ = ["compared", "facts_of"]

PAGES_BEFORE = 40
PAGE = 250


def compared(storage: Storage, now_max: int, before_max: int) -> tuple[list[Entry], list[Entry]]:
    """Read the newest decisions, at most half of all, and a spread of those before them; each oldest first."""
    last = storage.last_sequence()
    newest: list[Entry] = []
    start = last
    while start > 0 and len(newest) < 2 * now_max:
        begin = max(0, start - 4 * PAGE)
        newest = [*_readable(storage, begin, start), *newest]
        start = begin
    now = newest[-min(now_max, max(1, len(newest) // 2)) :] if newest else []
    rest = newest[: len(newest) - len(now)]
    before: list[Entry] = []
    step = max(PAGE, start // PAGES_BEFORE)
    for begin in range(0, start, step):
        before += _readable(storage, begin, min(start, begin + PAGE))
    before += rest
    if len(before) > before_max:
        before = [before[len(before) * k // before_max] for k in range(before_max)]
    return now, before


def facts_of(entry: Entry) -> Facts:
    """Give what a decision knew."""
    assert isinstance(entry.payload, DecisionPayload)
    return entry.payload.facts


def _readable(storage: Storage, after: int, until: int) -> list[Entry]:
    """Read decisions whose facts are there, of the sequences behind `after` up to `until`."""
    found: list[Entry] = []
    while after < until and (page := storage.journal(after, PAGE, (Kind.DECISION,))):
        found += [entry for entry in page if entry.sequence <= until and _is_readable(entry)]
        after = page[-1].sequence
    return found


def _is_readable(entry: Entry) -> bool:
    """Say whether a decision's facts are there; a fallback answer gathered none, or only some of them."""
    body = entry.body
    return isinstance(entry.payload, DecisionPayload) and isinstance(body, DecisionBody) and body.degraded is None
