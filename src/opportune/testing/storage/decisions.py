"""Decisions and what answers them."""

from __future__ import annotations

import msgspec

from opportune.errors import UnknownError
from opportune.storage import DecisionPayload, Kind, Receipt, RecordEvent, Storage
from opportune.testing.storage.case import StorageCase
from opportune.testing.storage.writes import accept, one, save_decision, save_profile

__all__ = ["DecisionsContract"]


class DecisionsContract(StorageCase):
    """Decisions and what answers them."""

    def test_a_decision_comes_back_whole(self, storage: Storage) -> None:
        write = save_decision("a")
        one(storage, write)

        stored = storage.decision("d-a")
        assert stored is not None
        assert stored.decision == write.decision
        assert stored.answer == write.answer
        assert stored.recomputable
        assert storage.decision_of_request("a") == stored
        assert storage.said("d-a") == write.decision
        assert storage.said("d-nobody's") is None

    def test_the_body_of_a_decision_holds_nothing_personal(self, storage: Storage) -> None:
        one(storage, save_decision("a"))

        (entry,) = storage.journal()
        body = msgspec.json.encode(entry.body).decode()
        assert isinstance(entry.payload, DecisionPayload)
        assert entry.payload.facts["customer.age"] == 41
        for personal in ("c-001", "customer.age", "A card for", "home"):
            assert personal not in body

    def test_decisions_are_read_together_with_their_outcomes(self, storage: Storage) -> None:
        storage.write([save_decision(key) for key in ("a", "b", "c")])
        storage.write([accept("o-1", "d-b"), accept("o-2", "d-a")])

        found = storage.about(["d-b", "d-a", "d-nobody's"])

        assert [(entry.kind, entry.decision) for entry in found] == [
            (Kind.DECISION, "d-a"),
            (Kind.DECISION, "d-b"),
            (Kind.OUTCOME, "d-b"),
            (Kind.OUTCOME, "d-a"),
        ]
        assert found == [entry for entry in storage.journal() if entry.decision in ("d-a", "d-b")]
        assert storage.about([]) == []

    def test_outcomes_of_a_decision_come_in_order(self, storage: Storage) -> None:
        storage.write([save_decision("a"), save_decision("b")])
        storage.write([accept("o1", "d-a", "click"), accept("o2", "d-b"), accept("o3", "d-a")])

        assert [(found.id, found.body.outcome) for found in storage.outcomes_of("d-a")] == [
            ("o1", "click"),
            ("o3", "accept"),
        ]

    def test_an_outcome_without_decision_is_refused_and_counted(self, storage: Storage) -> None:
        first, second = storage.write([accept("o1", "d-a"), save_decision("b")])

        assert isinstance(first, UnknownError)
        assert first.code == "unknown-decision"
        assert isinstance(second, Receipt)
        assert storage.counts().outcomes_refused == 1
        assert storage.counts().outcomes == 0

    def test_a_refused_outcome_may_come_again_after_its_decision(self, storage: Storage) -> None:
        storage.write([accept("o1", "d-a")])
        storage.write([save_decision("a")])

        assert not one(storage, accept("o1", "d-a")).repeated

    def test_counts_follow_the_writes(self, storage: Storage) -> None:
        storage.write([save_profile("p1", age=1), save_profile("p2", age=2), save_profile("p3", "c-002", age=2)])
        storage.write([save_decision("a"), accept("o1", "d-a"), RecordEvent(id="e", type="call", attributes={})])

        counts = storage.counts()
        assert (counts.customers, counts.decisions, counts.outcomes, counts.events) == (2, 1, 1, 1)
