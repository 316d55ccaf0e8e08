"""Retention drops a beginning and keeps what follows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from opportune.errors import UnknownError
from opportune.storage import ErasePayloads, SaveRevision, Storage, retire, verify_storage
from opportune.testing.storage.case import StorageCase
from opportune.testing.storage.writes import (
    LATER,
    NOON,
    accept,
    checkpoint,
    event,
    merge,
    one,
    save_decision,
    save_profile,
    window,
)

__all__ = ["RetentionContract"]


class RetentionContract(StorageCase):
    """Retention drops a beginning and keeps what follows."""

    def test_retention_drops_a_beginning_and_keeps_what_follows(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as storage:
            storage.write([save_profile("p1", age=1), save_profile("p2", "c-002", age=2), merge("m")])
            storage.write([SaveRevision(id="r1", hash="r1", bundle=b"one"), save_decision("a"), accept("o1", "d-a")])
            storage.write([ErasePayloads(id="x", sequences=(1, 5)), checkpoint("m1", 6), save_decision("b")])
            storage.write([SaveRevision(id="r2", hash="r2", bundle=b"two"), checkpoint("m2", 9), accept("o2", "d-b")])
            storage.write([save_profile("p3", "c-003", age=3), ErasePayloads(id="y", sequences=(9,))])
            before, counts = storage.journal(after=8), storage.counts()
            profile = storage.profile("c-002")

            retired = retire(storage, LATER)

            assert (retired.entries, retired.beginning) == (8, 9)
        with self.open(tmp_path) as storage:
            assert storage.journal() == before
            assert (storage.last_sequence(), storage.counts()) == (14, counts)
            assert storage.decision("d-a") is None
            assert storage.decision_of_request("a") is None
            assert storage.outcomes_of("d-a") == []
            assert storage.profile("c-001") == profile
            assert [state.position for state in storage.model_states("bayes")] == [9, 6]
            first, current = storage.revision(1), storage.current_revision()
            assert first is not None
            assert current is not None
            assert (first.bundle, current.number) == (b"one", 2)
            assert verify_storage(storage) == []

    def test_a_store_goes_on_after_retention(self, storage: Storage) -> None:
        storage.write([save_profile("p1", age=1), save_decision("a"), save_profile("p2", "c-002", age=2)])
        retire(storage, LATER)

        assert storage.write([accept("o1", "d-a")])[0].__class__ is UnknownError
        assert one(storage, save_profile("p1", age=5)).version == 2
        assert not one(storage, save_decision("a")).repeated
        assert not one(storage, merge("m")).repeated
        assert [entry.sequence for entry in storage.journal()] == [3, 4, 5, 6]
        assert [entry.id for entry in storage.history("c-001")] == ["m", "p1", "p2"]
        assert verify_storage(storage) == []

    def test_retention_goes_no_further_than_asked(self, tmp_path: Path) -> None:
        now = NOON
        with self.open(tmp_path, clock=lambda: now) as storage:
            for day in range(6):
                now = NOON + timedelta(days=day)
                storage.write([save_profile(f"p{day}", f"c-{day}", age=1), save_profile(f"q{day}", f"c-{day}", age=2)])

            steps = [retire(storage, NOON + timedelta(days=day)) for day in (0, 2, 2, 3)]

            assert [step.entries for step in steps] == [0, 4, 0, 2]
            assert {step.held for step in steps} == {""}
            assert verify_storage(storage) == []

    def test_nothing_young_goes_of_a_long_journal(self, tmp_path: Path) -> None:
        now = NOON
        with self.open(tmp_path, clock=lambda: now) as storage:
            storage.write([save_profile("old")])
            now = NOON + timedelta(days=1)
            storage.write([save_profile(f"young-{number}") for number in range(600)])

            retired = [retire(storage, now).entries for _ in range(2)]

            assert (retired, storage.last_sequence()) == ([1, 0], 601)

    def test_the_last_entry_stays(self, storage: Storage) -> None:
        assert retire(storage, LATER).entries == 0
        storage.write([save_profile("p", age=1)])

        assert retire(storage, LATER).entries == 0
        assert storage.last_sequence() == 1

    def test_a_decision_that_waits_for_an_answer_stays(self, storage: Storage) -> None:
        storage.write([save_decision("a"), save_decision("b", windows=(window(),)), save_decision("c")])
        held = retire(storage, LATER)
        one(storage, accept("o", "d-b"))
        free = retire(storage, LATER)

        assert (held.entries, free.entries) == (1, 2)
        assert "entry 2 waits" in held.held
        assert verify_storage(storage) == []

    @pytest.mark.parametrize("between", [1, 600])
    def test_an_answer_that_came_before_its_decision_goes_with_it(self, tmp_path: Path, between: int) -> None:
        now = NOON
        with self.open(tmp_path, clock=lambda: now) as storage:
            storage.write([save_profile("p", age=1), accept("o", "d-a", may_wait=True)])
            storage.write([event(f"e{number}") for number in range(between)])
            now = NOON + timedelta(days=2)
            storage.write([save_decision("a"), event("last")])

            held = retire(storage, NOON + timedelta(days=1))
            answers = [told.id for told in storage.outcomes_of("d-a")]
            free = retire(storage, NOON + timedelta(days=3))

            assert (held.entries, free.entries) == (1, between + 3)
            assert "came after its answer" in held.held
            assert answers[0] == "o"
            assert storage.outcomes_of("d-a") == []
            assert verify_storage(storage) == []

    def test_what_is_known_of_a_revision_outlives_its_entry(self, storage: Storage) -> None:
        revision = SaveRevision(id="r", hash="r1", bundle=b"one", author="c-001", reason="first", changes=("all",))
        storage.write([save_decision("a"), revision, checkpoint("m", 2), save_decision("b"), save_decision("c")])
        before = storage.revisions()

        retired = retire(storage, LATER)
        later = [one(storage, msgspec.structs.replace(revision, id=key)) for key in ("r", "s", "s")]

        assert (retired.entries, retired.held) == (4, "")
        assert storage.revisions() == before
        assert [(receipt.repeated, receipt.version, receipt.sequence) for receipt in later] == [(True, 1, 2)] * 3
        storage.write([checkpoint("m2", 5), save_decision("d")])
        assert retire(storage, LATER).entries == 2
        assert verify_storage(storage) == []

    def test_a_clock_that_ran_ahead_holds_nothing_for_ever(self, tmp_path: Path) -> None:
        now = LATER
        with self.open(tmp_path, clock=lambda: now) as storage:
            storage.write([save_decision(f"ahead-{number}") for number in range(300)])
            now = NOON
            storage.write([save_decision(f"a{number}") for number in range(300)])
            now = NOON + timedelta(days=9)
            storage.write([save_decision("young"), save_decision("last")])

            assert retire(storage, NOON + timedelta(days=1)).entries == 600
            assert verify_storage(storage) == []

    def test_without_a_checkpoint_since_the_revision_nothing_behind_it_goes(self, storage: Storage) -> None:
        storage.write([save_decision("a"), checkpoint("m", 1), save_decision("b")])
        storage.write([SaveRevision(id="r", hash="r1", bundle=b"one"), save_decision("c")])

        held = retire(storage, LATER)

        assert (held.entries, held.beginning) == (3, 4)
        assert "checkpoint" in held.held

    def test_a_model_that_has_nothing_to_learn_holds_nothing(self, storage: Storage) -> None:
        storage.write([SaveRevision(id="r", hash="r1", bundle=b"one"), checkpoint("m", 1)])
        storage.write([save_decision(key, position=1) for key in "abc"])

        retired = retire(storage, LATER)
        kept = storage.decision("d-c")

        assert (retired.entries, retired.held) == (4, "")
        assert kept is not None
        assert kept.recomputable

    def test_what_the_last_checkpoint_has_not_learned_stays(self, storage: Storage) -> None:
        storage.write([save_decision("a"), save_decision("b"), save_decision("c"), accept("o1", "d-a")])
        storage.write([SaveRevision(id="r", hash="r1", bundle=b"one"), checkpoint("m1", 4), accept("o2", "d-b")])

        held = retire(storage, LATER)
        one(storage, checkpoint("m2", 7))
        free = retire(storage, LATER)

        assert (held.entries, free.entries) == (1, 6)
        assert "answered after" in held.held

    def test_what_was_learned_from_dropped_decisions_cannot_be_learned_again(self, storage: Storage) -> None:
        storage.write([save_decision("a"), SaveRevision(id="r", hash="r1", bundle=b"one"), checkpoint("m1", 1)])
        storage.write([save_decision("b", position=3), accept("o", "d-a"), save_decision("c", position=5)])
        storage.write([checkpoint("m2", 6), save_decision("d", position=6)])
        before = storage.decision("d-c")

        retire(storage, LATER)

        decisions = [storage.decision(f"d-{key}") for key in "bcd"]
        assert before is not None
        assert before.recomputable
        assert [decision is not None and decision.recomputable for decision in decisions] == [False, False, True]
        assert [storage.learnable(after, 8) for after in (0, 1, 4, 5)] == [False, False, False, True]

    def test_retention_goes_on_from_where_it_ended(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as storage:
            for round_ in range(5):
                storage.write([save_profile(f"p{round_}-{n}", f"c-{n}", age=round_) for n in range(7)])
                storage.write([save_decision(f"{round_}-{n}", windows=(window(),)) for n in range(7)])
                storage.write([accept(f"o{round_}-{n}", f"d-{round_}-{n}") for n in range(6 + (round_ < 4))])
                storage.write(
                    [
                        merge(f"m{round_}", f"c-{round_}", f"c-{round_ + 1}"),
                    ]
                )
                one(storage, checkpoint(f"c{round_}", storage.last_sequence()))
                retire(storage, LATER)
                assert verify_storage(storage) == []
        with self.open(tmp_path) as storage:
            anchor = storage.anchor()
            assert anchor is not None
            assert anchor.sequence > 50
            assert verify_storage(storage) == []
            assert retire(storage, LATER).entries == 0
