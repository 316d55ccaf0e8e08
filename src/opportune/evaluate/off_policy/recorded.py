"""Recorded decisions of a span, each with what finally stands of its answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from opportune.outcomes.lessons import accounts
from opportune.records import Origin
from opportune.storage import Entry, Kind, Storage
from opportune.storage.kinds import DecisionBody
from opportune.storage.standing import UNSEEN, Report, standing

__all__ = ["Span", "held", "recorded"]

PAGE = 500


@dataclass(frozen=True, slots=True)
class Span:
    """Which recorded decisions are read: made from `since` (inclusive) to `until`; None is open."""

    since: datetime | None = None
    until: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        """Say whether a moment lies inside."""
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)


def held(storage: Storage) -> tuple[datetime, datetime] | None:
    """Give the moments of the first and the last decision of a journal; None where it has none.

    Raises:
        StoreError: the store cannot be read.
    """
    first = storage.journal(0, 1, (Kind.DECISION,))
    if not first:
        return None
    end = storage.last_sequence()
    while end > 0:
        begin = max(0, end - PAGE)
        found = [entry for entry in storage.journal(begin, PAGE, (Kind.DECISION,)) if entry.sequence <= end]
        if found:
            return first[0].occurred_at, found[-1].occurred_at
        end = begin
    return None


def recorded(
    storage: Storage,
    span: Span,
    origins: Collection[Origin],
    left_out: Counter[str],
    tell: Callable[[int, int], None] = lambda done, total: None,
    *,
    withheld: bool = False,
) -> Iterator[tuple[Entry, list[Report]]]:
    """Give decisions in journal order, each with the reports that finally stand, in the order of what happened.

    Args:
        origins: who must have chosen.
        left_out: counts the others by reason.
        withheld: take also what was decided for persons who are shown nothing.
        tell: called with (journal position reached, end of the journal).

    Raises:
        StoreError: the store cannot be read.
    """
    end = storage.last_sequence()
    last = storage.journal(end - 1, 1) if end else []
    after = 0
    while page := storage.journal(after, PAGE, (Kind.DECISION,)):
        fit: dict[str, Entry] = {}
        for entry in page:
            if entry.sequence > end or not span.holds(entry.occurred_at):
                continue
            reason = _unfit(entry, origins, last[0].recorded_at, withheld)
            if reason:
                left_out[reason] += 1
            else:
                fit[entry.decision or ""] = entry
        said = {account.decision: account.reports for account in accounts(storage, list(fit))} if fit else {}
        for decision, entry in fit.items():
            reports = said.get(decision, ())
            truth = standing(reports)
            if any(report.outcome == UNSEEN for report in reports):
                left_out["its contact got the fallback"] += 1
            elif _is_elsewhere(entry, truth):
                left_out["the channel showed something else"] += 1
            else:
                yield entry, truth
        after = page[-1].sequence
        tell(min(after, end), end)


def _unfit(entry: Entry, origins: Collection[Origin], closing: datetime, withheld: bool) -> str:
    """Say why a decision cannot be used; "" where it can.

    Args:
        closing: moment of the last entry; response windows that end later still wait.
    """
    body = entry.body
    assert isinstance(body, DecisionBody)
    if Origin.CONTROL not in origins and (body.control is not None or entry.origin is Origin.CONTROL):
        return "made for a control group"
    if entry.origin not in origins or body.degraded is not None:
        return "not chosen by the engine"
    if body.withheld and not withheld:
        return "withheld from a control group"
    if entry.payload is None:
        return "its facts were erased"
    if any(window.due_at > closing for window in body.windows):
        return "still waits for an answer"
    return ""


def _is_elsewhere(entry: Entry, truth: Sequence[Report]) -> bool:
    """Say whether all that was answered is what the channel chose itself: nobody saw what the engine chose."""
    body = entry.body
    assert isinstance(body, DecisionBody)
    shown = {one.action for placement in (*body.placements, *body.withheld) for one in placement.actions}
    # Silence says nothing of who saw what.
    answered = {report.action for report in truth if not report.expiry}
    return bool(answered) and answered.isdisjoint(shown)
