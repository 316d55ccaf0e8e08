"""The journal: order, header, times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from opportune.errors import InputError
from opportune.records import Origin
from opportune.storage import Kind, RecordEvent, SaveRevision, Storage, Write, verify_storage
from opportune.testing.storage.case import StorageCase
from opportune.testing.storage.writes import NOON, accept, checkpoint, one, save_decision, save_profile

__all__ = ["JournalContract"]


class JournalContract(StorageCase):
    """The journal: order, header, times."""

    def test_an_empty_store_has_nothing(self, storage: Storage) -> None:
        assert storage.last_sequence() == 0
        assert storage.journal() == []
        assert storage.profile("c-001") is None
        assert storage.decision("d-1") is None
        assert storage.current_revision() is None
        assert storage.model_state("bayes") is None
        assert verify_storage(storage) == []

    def test_sequences_start_at_one_and_have_no_gaps(self, storage: Storage) -> None:
        storage.write([save_decision("a"), accept("o0", "d-missing"), accept("o1", "d-a")])
        storage.write([save_profile("p1", age=4)])

        assert [entry.sequence for entry in storage.journal()] == [1, 2, 3]
        assert storage.last_sequence() == 3

    def test_journal_pages_and_selects_kinds(self, storage: Storage) -> None:
        storage.write([save_decision("a"), accept("o1", "d-a"), save_decision("b"), accept("o2", "d-b")])

        assert [entry.sequence for entry in storage.journal(after=1, limit=2)] == [2, 3]
        assert [entry.id for entry in storage.journal(kinds=[Kind.OUTCOME])] == ["o1", "o2"]

    def test_committed_entries_equal_those_read(self, storage: Storage) -> None:
        batch: list[Write] = [
            save_profile("p", age=1),
            save_decision("a"),
            accept("o", "d-a"),
            SaveRevision(id="r", hash="r1", bundle=b"bundle"),
        ]
        committed = storage.commit(batch)

        assert storage.journal() == committed.entries

    def test_entry_carries_its_header(self, storage: Storage) -> None:
        storage.write([save_decision("a"), accept("o1", "d-a")])

        decision, outcome = storage.journal()
        assert (decision.id, decision.decision, decision.revision) == ("a", "d-a", "r1")
        assert (decision.occurred_at, decision.zone) == (NOON, "Europe/Warsaw")
        assert (outcome.id, outcome.decision, outcome.person, outcome.session) == ("o1", "d-a", "person-1", "s-001")
        assert (outcome.zone, outcome.origin, outcome.occurred_at) == (
            "Europe/Warsaw",
            Origin.ENGINE,
            outcome.recorded_at,
        )

    def test_times_with_a_zone_are_kept_as_utc(self, storage: Storage) -> None:
        warsaw = datetime.fromisoformat("2026-03-02T13:00:00.000001+01:00")
        one(storage, RecordEvent(id="e", type="call", attributes={}, occurred_at=warsaw))

        (entry,) = storage.journal()
        assert entry.occurred_at == NOON + timedelta(microseconds=1)
        assert entry.occurred_at.tzinfo is UTC

    def test_a_time_without_zone_is_refused(self, storage: Storage) -> None:
        naive = NOON.replace(tzinfo=None)
        (refusal,) = storage.write([RecordEvent(id="e", type="call", attributes={}, occurred_at=naive)])

        assert isinstance(refusal, InputError)
        assert storage.last_sequence() == 0

    def test_everything_is_there_after_reopening(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as storage:
            storage.write([save_profile("p", age=1), save_decision("a"), accept("o1", "d-a")])
            before = storage.journal()
        with self.open(tmp_path) as storage:
            assert storage.journal() == before
            assert verify_storage(storage) == []

    def test_kinds_are_found_among_many_others(self, storage: Storage) -> None:
        for round_ in range(3):
            storage.write([save_decision(f"{round_}-{number}") for number in range(5)])
            revision = SaveRevision(id=f"r{round_}", hash=f"r{round_}", bundle=b"one")
            storage.write([accept(f"o{round_}", f"d-{round_}-1"), revision, checkpoint(f"m{round_}", 1)])
        kinds = [Kind.MODEL, Kind.OUTCOME, Kind.REVISION]

        found = [entry.sequence for entry in storage.journal(after=6, limit=4, kinds=kinds)]
        alone = [entry.sequence for entry in storage.journal(kinds=[Kind.REVISION])]
        mixed = [entry.sequence for entry in storage.journal(after=12, kinds=[Kind.REVISION, Kind.DECISION])]

        assert found == [7, 8, 14, 15]
        assert alone == [7, 15, 23]
        assert mixed == [13, 15, 17, 18, 19, 20, 21, 23]
