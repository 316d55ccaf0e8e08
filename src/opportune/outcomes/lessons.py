"""Turn journal entries into lessons: join every outcome to what its decision knew, and to what was reported before."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from opportune.errors import StoreError
from opportune.outcomes.learner import Learner, Lesson
from opportune.records import Facts
from opportune.storage import Entry, Kind, Storage
from opportune.storage.entries import to_microseconds
from opportune.storage.kinds import DecisionBody, DecisionPayload, OutcomeBody
from opportune.storage.standing import Report, report_of

__all__ = ["WAIT_MAX", "Account", "LessonBook", "accounts", "lessons", "teach"]

REMEMBERED = 20_000
"""Decisions kept in memory: at a thousand a second, those of the last twenty seconds need no read."""
PAGE = 500
WAIT_MAX = timedelta(days=30)
"""How long an outcome waits for its decision; one that waited longer never counts."""


Place = tuple[str, str]
"""(action, treatment)"""
NONE_WITHHELD: frozenset[Place] = frozenset()


class Account(msgspec.Struct, gc=False):
    """A decision that may still be answered, and all that was reported of it so far.

    Thousands are kept: without a place for cycles the garbage collector need not look at any.

    Args:
        sequence: of its journal entry; 0 where the decision is not there.
        at: moment of the decision, microseconds since 1970 UTC.
        recorded_at: when its journal entry was written; None where the decision is not there.
        who: the person that it was made for, or the session of an anonymous one; "" where neither is known.
        facts: what it knew; empty where that was erased.
        treatments: shown action → its treatment; also of what was withheld.
        withheld: (action, treatment) of what the person would have been shown and was not.
    """

    decision: str
    sequence: int = 0
    at: int = 0
    recorded_at: datetime | None = None
    who: str = ""
    facts: Facts = {}
    channel: str = ""
    treatments: dict[str, str] = {}
    withheld: frozenset[Place] = NONE_WITHHELD
    reports: tuple[Report, ...] = ()

    @classmethod
    def of(cls, entry: Entry) -> Account:
        """Open the account of a decision."""
        body, payload = entry.body, entry.payload
        assert isinstance(body, DecisionBody)
        known = payload if isinstance(payload, DecisionPayload) else None
        everything = (*body.placements, *body.withheld)
        return cls(
            decision=entry.decision or "",
            sequence=entry.sequence,
            at=to_microseconds(entry.occurred_at),
            recorded_at=entry.recorded_at,
            who=body.person or entry.person or (known.customer if known else None) or entry.session or "",
            # Also without its facts: an answer to it teaches nothing, and need not ask for them again.
            facts=known.facts if known else {},
            channel=body.channel,
            treatments={shown.action: shown.treatment for place in everything for shown in place.actions},
            withheld=_withheld(body),
        )

    def take(self, entry: Entry) -> Report | None:
        """Add what an outcome says; None where it says nothing by itself."""
        body = entry.body
        if not isinstance(body, OutcomeBody) or body.joins:
            return None
        if body.waits and (self.recorded_at is None or self.recorded_at - entry.recorded_at > WAIT_MAX):
            return None
        report = report_of(entry.id, to_microseconds(entry.occurred_at), body)
        if not report.treatment:
            # Who reports before the decision is there cannot always tell how its action was shown.
            report = replace(report, treatment=self.treatments.get(body.action, ""))
        self.reports += (report,)
        return report


def accounts(storage: Storage, decisions: Collection[str], before: int | None = None) -> list[Account]:
    """Read the accounts of decisions, in the order of their journal entries; of those that are not there, none.

    Args:
        before: only reports with a smaller sequence; None takes all.

    Raises:
        StoreError: it cannot be read now.
    """
    entries = storage.about(decisions)
    found = {entry.decision: Account.of(entry) for entry in entries if entry.kind is Kind.DECISION}
    for entry in entries:
        account = found.get(entry.decision)
        if account is not None and entry.kind is Kind.OUTCOME and (before is None or entry.sequence < before):
            account.take(entry)
    return list(found.values())


def _withheld(body: DecisionBody) -> frozenset[Place]:
    if not body.withheld:
        return NONE_WITHHELD
    return frozenset((one.action, one.treatment) for place in body.withheld for one in place.actions)


class LessonBook:
    """Joins outcomes to their decisions, in journal order.

    Entries must be read in journal order. Decisions that were not read, or were long ago, come from the storage.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._open: OrderedDict[str, Account] = OrderedDict()

    def read(self, entry: Entry) -> Lesson | None:
        """Give the lesson of an outcome; None for other entries, and where the decision's facts were erased."""
        if entry.decision is None:
            return None
        if entry.kind is Kind.DECISION:
            if isinstance(entry.body, DecisionBody) and isinstance(entry.payload, DecisionPayload):
                self._remember(Account.of(entry))
            return None
        body = entry.body
        # What waits for its decision teaches when that has come, which an entry of its own tells.
        if not isinstance(body, OutcomeBody) or body.waits:
            return None
        if body.joins:
            known = self._recall(entry.decision, entry.sequence)
            before: tuple[Report, ...] = ()
        else:
            known = self._open.get(entry.decision) or self._recall(entry.decision, entry.sequence)
            before = known.reports
            known.take(entry)
        after = known.reports
        if not known.facts or len(after) == len(before):
            return None
        return Lesson(
            sequence=entry.sequence,
            decision=entry.decision,
            at=known.at,
            who=known.who,
            facts=known.facts,
            channel=known.channel,
            before=before,
            report=after[-1],
            after=after,
            withheld=known.withheld,
        )

    def forget(self, sequences: Collection[int]) -> None:
        """Let go of decisions whose personal part was erased: an answer to them teaches nothing any more."""
        gone = frozenset(sequences)
        for decision in [one.decision for one in self._open.values() if one.sequence in gone]:
            del self._open[decision]

    def expect(self, entries: Sequence[Entry]) -> None:
        """Read what the next entries answer in one go; they must be those that are read next.

        Raises:
            StoreError: it cannot be read now; nothing was taken in.
        """
        answered = [entry for entry in entries if entry.kind is Kind.OUTCOME and entry.decision is not None]
        wanted = {entry.decision for entry in answered if entry.decision is not None} - self._open.keys()
        if wanted:
            for account in accounts(self._storage, wanted, answered[0].sequence):
                self._remember(account)

    def _remember(self, account: Account) -> Account:
        self._open[account.decision] = account
        if len(self._open) > REMEMBERED:
            self._open.popitem(last=False)
        return account

    def _recall(self, decision: str, before: int) -> Account:
        """Read a decision and its outcomes before a sequence from the storage."""
        found = accounts(self._storage, [decision], before)
        return self._remember(found[0]) if found else Account(decision)


def teach(
    learner: Learner,
    book: LessonBook,
    entry: Entry,
    tell: Callable[[int, Exception], None] = lambda sequence, error: None,
) -> None:
    """Let a learner learn one outcome; one that raises an error no code foresaw is set aside, and the learner goes on.

    The service and every fold of the journal teach through this function, so that they set aside the same outcomes.

    Args:
        tell: called with the sequence and the error of an outcome that was set aside.

    Raises:
        StoreError: the decision cannot be read now; the same call may succeed later.
    """
    try:
        lesson = book.read(entry)
        if lesson is not None:
            learner.learn(lesson)
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001  One outcome must not end all learning.
        learner.pass_over(entry.sequence)
        tell(entry.sequence, error)


def lessons(storage: Storage, after: int = 0, until: int | None = None) -> Iterator[tuple[Entry, Lesson | None]]:
    """Read the journal's decisions and outcomes in order, with the lesson of each outcome.

    Args:
        after: sequence to start behind.
        until: last sequence to read; None reads to the end.
    """
    book = LessonBook(storage)
    while page := storage.journal(after, PAGE, (Kind.DECISION, Kind.OUTCOME)):
        for entry in page:
            if until is not None and entry.sequence > until:
                return
            yield entry, book.read(entry)
        after = page[-1].sequence
