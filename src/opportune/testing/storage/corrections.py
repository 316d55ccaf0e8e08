"""What was reported wrongly, too early, or never happened."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from opportune.errors import ConflictError, UnknownError
from opportune.records import Outcome, Sign
from opportune.storage import Entry, OutcomeBody, RecordOutcome, Storage, verify_storage
from opportune.storage.books.answers import REPORTS_MAX
from opportune.testing.storage.case import StorageCase
from opportune.testing.storage.writes import LATER, NOON, accept, closes, one, save_decision, window

__all__ = ["CorrectionsContract", "correct", "withdraw"]


def correct(key: str, decision: str, replaced: str, outcome: str, sign: Sign) -> RecordOutcome:
    """The report `key` that another one was wrong: it was this outcome."""
    write = accept(key, decision, outcome, sign)
    return msgspec.structs.replace(write, outcome=msgspec.structs.replace(write.outcome, replaces=replaced))


def withdraw(key: str, decision: str, withdrawn: str) -> RecordOutcome:
    """The report `key` that another one never was."""
    outcome = Outcome(id=key, decision=decision, withdraws=withdrawn)
    return msgspec.structs.replace(
        accept(key, decision), outcome=outcome, treatment="", placement="", sign=Sign.NEUTRAL
    )


def open_windows(storage: Storage) -> list[str]:
    """Decisions with an open response window."""
    return [due.decision for due in storage.due_windows(LATER, 100)]


def bodies(storage: Storage, decision: str) -> list[OutcomeBody]:
    """Outcomes of a decision, in journal order."""
    return [outcome.body for outcome in storage.outcomes_of(decision)]


class CorrectionsContract(StorageCase):
    """Every report is kept, and windows follow what finally stands."""

    def test_every_report_is_an_entry_of_its_own(self, storage: Storage) -> None:
        storage.write([save_decision("a")])
        receipts = storage.write([accept("o1", "d-a"), accept("o2", "d-a"), accept("o1", "d-a")])

        assert [getattr(receipt, "repeated", None) for receipt in receipts] == [False, True, True]
        assert [body.repeats for body in bodies(storage, "d-a")] == [False, True]
        assert storage.counts().outcomes == 1
        assert verify_storage(storage) == []

    def test_a_withdrawn_answer_opens_its_window_again(self, storage: Storage) -> None:
        storage.write([save_decision("a", windows=(window(),))])
        one(storage, accept("o1", "d-a"))
        assert open_windows(storage) == []

        receipt = one(storage, withdraw("w1", "d-a", "o1"))

        assert open_windows(storage) == ["d-a"]
        assert bodies(storage, "d-a")[-1].reopened == (window(),)
        assert not receipt.repeated
        assert storage.counts().outcomes == 1
        assert verify_storage(storage) == []
        assert closes(storage, one(storage, accept("x", "d-a", "ignored", Sign.NEGATIVE, expiry=True)))
        assert open_windows(storage) == []
        assert verify_storage(storage) == []

    def test_one_batch_may_close_open_and_close_again(self, storage: Storage) -> None:
        storage.write(
            [
                save_decision("a", windows=(window(),)),
                accept("o1", "d-a"),
                withdraw("w1", "d-a", "o1"),
                accept("o2", "d-a"),
                withdraw("w2", "d-a", "o2"),
            ]
        )
        assert open_windows(storage) == ["d-a"]

        storage.write([accept("o3", "d-a"), withdraw("w3", "d-a", "o3")])
        assert open_windows(storage) == ["d-a"]
        storage.write([accept("o4", "d-a"), withdraw("w4", "d-a", "o4"), accept("o5", "d-a")])
        assert open_windows(storage) == []
        assert verify_storage(storage) == []

    def test_what_was_withdrawn_before_it_came_closes_nothing(self, storage: Storage) -> None:
        storage.write([save_decision("a", windows=(window(),))])
        one(storage, withdraw("w1", "d-a", "o1"))

        receipt = one(storage, accept("o1", "d-a"))

        assert not closes(storage, receipt)
        assert open_windows(storage) == ["d-a"]

    def test_a_correction_moves_what_stands(self, storage: Storage) -> None:
        storage.write([save_decision("a", windows=(window(),))])
        one(storage, accept("o1", "d-a"))

        neutral = one(storage, correct("o2", "d-a", "o1", "impression", Sign.NEUTRAL))
        assert open_windows(storage) == ["d-a"]
        bad = one(storage, correct("o3", "d-a", "o2", "reject", Sign.NEGATIVE))

        assert open_windows(storage) == []
        assert not closes(storage, neutral)
        assert closes(storage, bad)
        assert [body.replaces for body in bodies(storage, "d-a")] == ["", "o1", "o2"]
        assert verify_storage(storage) == []

    def test_silence_that_was_overtaken_does_not_come_back(self, storage: Storage) -> None:
        storage.write([save_decision("a", windows=(window(),))])
        one(storage, accept("x", "d-a", "ignored", Sign.NEGATIVE, expiry=True))
        one(storage, accept("o1", "d-a"))
        one(storage, withdraw("w1", "d-a", "o1"))

        assert open_windows(storage) == []
        assert verify_storage(storage) == []

    def test_an_outcome_waits_for_its_decision(self, storage: Storage) -> None:
        early = accept("o1", "d-a", may_wait=True)
        (refused,) = storage.write([accept("o0", "d-a")])
        receipt = one(storage, early)
        assert isinstance(refused, UnknownError)
        assert storage.counts().outcomes_waiting == 1
        assert storage.counts().outcomes == 0
        assert verify_storage(storage) == []

        one(storage, save_decision("a", windows=(window(),)))

        waits, joins = bodies(storage, "d-a")
        assert waits.waits
        assert (joins.joins, joins.closed) == (1, (window(),))
        assert open_windows(storage) == []
        assert storage.counts().outcomes_waiting == 0
        assert storage.counts().outcomes == 1
        assert storage.counts().outcomes_refused == 1
        assert one(storage, early) == msgspec.structs.replace(receipt, repeated=True)
        assert [entry.sequence for entry in storage.about(["d-a"])] == [1, 2, 3]
        assert verify_storage(storage) == []

    def test_what_waits_and_its_decision_may_come_in_one_batch(self, storage: Storage) -> None:
        storage.write([accept("o1", "d-a", may_wait=True), save_decision("a"), accept("o2", "d-a", "buy")])

        kinds = [entry.kind.value for entry in storage.journal()]
        assert kinds == ["outcome", "decision", "outcome", "outcome"]
        assert [_said(entry) for entry in storage.journal()] == ["waits", "", "joins", "buy"]
        assert verify_storage(storage) == []

    def test_reports_about_one_decision_are_bounded(self, storage: Storage) -> None:
        storage.write([save_decision("a")])
        results = storage.write([accept(f"o{n}", "d-a") for n in range(REPORTS_MAX + 1)])

        assert isinstance(results[-1], ConflictError)
        assert results[-1].code == "too-many-reports"
        assert len(storage.outcomes_of("d-a")) == REPORTS_MAX

    def test_a_secret_stays_the_same(self, storage: Storage) -> None:
        first, second = storage.secret("tokens"), storage.secret("tokens")

        assert first == second != storage.secret("others")
        assert len(first) == 32

    def test_an_amount_is_kept(self, storage: Storage) -> None:
        storage.write([save_decision("a")])
        write = accept("o1", "d-a")
        amount = msgspec.structs.replace(write.outcome, amount=1_999, occurred_at=NOON + timedelta(days=30))
        one(storage, msgspec.structs.replace(write, outcome=amount))

        (body,) = bodies(storage, "d-a")
        assert body.amount == 1_999


def _said(entry: Entry) -> str:
    body = entry.body
    if not isinstance(body, OutcomeBody):
        return ""
    return "waits" if body.waits else "joins" if body.joins else body.outcome
