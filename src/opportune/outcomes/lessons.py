"""Turn journal entries into lessons: join every outcome to what its decision knew."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from opportune.errors import StoreError
from opportune.outcomes.learner import Learner, Lesson
from opportune.records import Facts
from opportune.storage import Entry, Kind, Storage
from opportune.storage.kinds import DecisionBody, DecisionPayload, OutcomeBody

__all__ = ["LessonBook", "lessons", "teach"]

REMEMBERED = 20_000
"""Decisions kept in memory: at a thousand a second, those of the last twenty seconds need no read."""
PAGE = 500


@dataclass(slots=True)
class _Open:
    """A decision that may still be answered, and the outcomes of each (action, treatment) so far."""

    facts: Facts
    channel: str
    outcomes: dict[tuple[str, str], list[str]] = field(default_factory=dict)


class LessonBook:
    """Joins outcomes to their decisions, in journal order.

    Entries must be read in journal order. Decisions that were not read, or were long ago, come from the storage.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._open: OrderedDict[str, _Open] = OrderedDict()

    def read(self, entry: Entry) -> Lesson | None:
        """Give the lesson of an outcome; None for other entries, and where the decision's facts were erased."""
        if entry.decision is None:
            return None
        if entry.kind is Kind.DECISION:
            if isinstance(entry.body, DecisionBody) and isinstance(entry.payload, DecisionPayload):
                self._remember(entry.decision, _Open(entry.payload.facts, entry.body.channel))
            return None
        if not isinstance(entry.body, OutcomeBody):
            return None
        known = self._open.get(entry.decision) or self._recall(entry.decision, entry.sequence)
        body = entry.body
        earlier = known.outcomes.setdefault((body.action, body.treatment), [])
        earlier.append(body.outcome)
        if not known.facts:
            return None
        return Lesson(
            sequence=entry.sequence,
            facts=known.facts,
            channel=known.channel,
            action=body.action,
            treatment=body.treatment,
            earlier=tuple(earlier[:-1]),
            outcome=body.outcome,
        )

    def expect(self, entries: Sequence[Entry]) -> None:
        """Read what the next entries answer in one go; they must be those that are read next.

        Raises:
            StoreError: it cannot be read now; nothing was taken in.
        """
        answered = [entry for entry in entries if entry.kind is Kind.OUTCOME and entry.decision is not None]
        wanted = {entry.decision for entry in answered if entry.decision is not None} - self._open.keys()
        if not wanted:
            return
        for entry in self._storage.about(wanted):
            if entry.kind is Kind.DECISION:
                # Also without its facts: an answer to it teaches nothing, and need not ask for them again.
                facts = entry.payload.facts if isinstance(entry.payload, DecisionPayload) else {}
                channel = entry.body.channel if isinstance(entry.body, DecisionBody) else ""
                self._remember(entry.decision or "", _Open(facts, channel))
            elif entry.sequence < answered[0].sequence and isinstance(entry.body, OutcomeBody):
                known = self._open[entry.decision or ""]
                known.outcomes.setdefault((entry.body.action, entry.body.treatment), []).append(entry.body.outcome)

    def _remember(self, decision: str, known: _Open) -> _Open:
        self._open[decision] = known
        if len(self._open) > REMEMBERED:
            self._open.popitem(last=False)
        return known

    def _recall(self, decision: str, before: int) -> _Open:
        """Read a decision and its outcomes before a sequence from the storage."""
        stored = self._storage.decision(decision)
        if stored is None:
            return _Open({}, "")
        known = _Open(stored.decision.facts, stored.decision.request.channel)
        for outcome in self._storage.outcomes_of(decision):
            if outcome.sequence < before:
                known.outcomes.setdefault((outcome.body.action, outcome.body.treatment), []).append(
                    outcome.body.outcome
                )
        return self._remember(decision, known)


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
