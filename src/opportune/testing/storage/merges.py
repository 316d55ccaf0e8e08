"""Merged persons are one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from opportune.errors import ConflictError, UnknownError
from opportune.storage import ErasePayloads, MergeBody, Receipt, RecordEvent, Storage, verify_storage
from opportune.testing.storage.case import StorageCase
from opportune.testing.storage.writes import accept, entry, merge, one, save_decision, save_profile

__all__ = ["MergesContract"]


class MergesContract(StorageCase):
    """Merged persons are one."""

    def test_a_merge_unites_identifiers_and_attributes(self, storage: Storage) -> None:
        storage.write([save_profile("p1", "c-001", city="Gdynia", age=41)])
        storage.write([save_profile(f"q{number}", "c-002", city="Sopot", plan="basic") for number in range(3)])
        kept = storage.person_of("c-001")

        receipt = one(storage, merge("m"))

        profile = storage.profile("c-002")
        assert profile is not None
        assert profile == storage.profile("c-001")
        assert (profile.person, profile.version) == (kept, receipt.version)
        assert profile.attributes == {"city": "Gdynia", "age": 41, "plan": "basic"}
        assert receipt.version > 3
        assert storage.counts().customers == 1
        assert verify_storage(storage) == []

    def test_chains_of_merges_lead_to_the_last_one_kept(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as storage:
            storage.write([save_profile(f"p{n}", f"c-00{n}", **dict[str, Any]({f"a{n}": n})) for n in range(1, 6)])
            last = storage.person_of("c-005")
            storage.write([merge("m1", "c-002", "c-001"), merge("m2", "c-004", "c-003"), merge("m3", "c-004", "c-002")])
            one(storage, merge("m4", "c-005", "c-001"))
        with self.open(tmp_path) as storage:
            assert {storage.person_of(f"c-00{n}") for n in range(1, 6)} == {last}
            profile = storage.profile("c-003")
            assert profile is not None
            assert profile.attributes == {f"a{n}": n for n in range(1, 6)}
            assert storage.counts().customers == 1
            assert [entry.id for entry in storage.history("c-001")] == [
                *("m4", "m3", "m2", "m1"),
                *("p5", "p4", "p3", "p2", "p1"),
            ]
            assert verify_storage(storage) == []

    @pytest.mark.parametrize("together", [True, False])
    def test_two_who_are_told_apart_by_a_kind_are_not_merged(self, storage: Storage, together: bool) -> None:
        guarded = {"common": ("cookie", "household"), "other_kind": "cookie"}
        storage.write([save_profile("p1", "a"), save_profile("p2", "b"), save_profile("p3", "c")])
        writes = [
            merge("m0", "c", "k2", other_kind="cookie"),
            merge("m1", "a", "k", **guarded),
            merge("m2", "b", "k", **guarded),
            merge("m3", "a", "k2", **guarded),
            merge("m4", "a", "k", **guarded),
            merge("m5", "b", "k2", other_kind="cookie"),
        ]
        groups = [writes] if together else [[write] for write in writes]
        results = [result for group in groups for result in storage.write(group)]
        assert [result.code if isinstance(result, ConflictError) else "" for result in results] == [
            *("", "", "identity-conflict", "identity-conflict", "", ""),
        ]
        assert storage.person_of("k", "cookie") == storage.person_of("a") != storage.person_of("b")
        # A retry is the same request, whatever tells persons apart by then.
        (again,) = storage.write([merge("m1", "a", "k", other_kind="cookie", common=())])
        assert isinstance(again, Receipt)
        assert again.repeated
        assert verify_storage(storage) == []

    @pytest.mark.parametrize("pair", [("c-001", "c-009"), ("c-009", "c-001")])
    def test_an_unknown_identifier_is_one_more_of_the_person(self, storage: Storage, pair: tuple[str, str]) -> None:
        one(storage, save_profile("p1", age=41))
        before = storage.profile("c-001")

        receipt = one(storage, merge("m", *pair))

        assert not receipt.repeated
        assert storage.profile("c-009") == storage.profile("c-001") == before
        assert verify_storage(storage) == []

    def test_identifiers_of_two_kinds_may_be_one_person(self, storage: Storage) -> None:
        one(storage, save_profile("p1", age=41))
        one(storage, merge("m", other="c-001", other_kind="card"))

        assert storage.person_of("c-001", "card") == storage.person_of("c-001")

    def test_a_merge_of_nobody_is_refused(self, storage: Storage) -> None:
        (refusal,) = storage.write([merge("m")])

        assert isinstance(refusal, UnknownError)
        assert refusal.code == "unknown-customer"
        assert storage.last_sequence() == 0
        assert storage.counts().outcomes_refused == 0

    def test_a_merge_of_one_person_changes_nothing_and_keeps_its_id(self, storage: Storage) -> None:
        storage.write([save_profile("p1", age=41), save_profile("p2", "c-002", age=1), merge("m1")])
        before = storage.profile("c-001")

        again = one(storage, merge("m2", "c-002", "c-001"))
        retry = one(storage, merge("m2", "c-002", "c-001"))
        (refusal,) = storage.write([merge("m2")])

        assert again.repeated
        assert retry == again
        assert isinstance(refusal, ConflictError)
        assert storage.profile("c-001") == before
        assert verify_storage(storage) == []

    def test_events_and_outcomes_after_a_merge_are_of_the_one_they_came_under(self, storage: Storage) -> None:
        storage.write([save_profile("p1", age=1), save_profile("p2", "c-002", age=2)])
        kept, absorbed = storage.person_of("c-001"), storage.person_of("c-002")
        storage.write([save_decision("a", person=absorbed), save_decision("b", person=absorbed)])
        inside = storage.write([merge("m"), accept("o1", "d-a")])[1]
        outside = one(storage, accept("o2", "d-b"))
        event = one(storage, RecordEvent(id="e", type="call", identifier="c-002", attributes={}))

        assert isinstance(inside, Receipt)
        assert {entry(storage, receipt).person for receipt in (inside, outside, event)} == {absorbed}
        assert storage.person_of("c-002") == kept
        assert [entry.id for entry in storage.history("c-001", limit=3)] == ["e", "o2", "o1"]
        stored = storage.decision("d-a")
        assert stored is not None
        assert stored.decision.person == absorbed
        assert verify_storage(storage) == []

    def test_a_merge_of_persons_without_profiles_makes_none(self, storage: Storage) -> None:
        storage.write([RecordEvent(id=f"e{n}", type="call", identifier=f"c-00{n}", attributes={}) for n in (1, 2)])
        receipt = one(storage, merge("m"))
        counted = storage.counts().customers
        first = one(storage, save_profile("p", "c-002", age=1))

        assert receipt.version == counted == 0
        assert first.version == storage.counts().customers == 1
        assert verify_storage(storage) == []

    def test_the_history_of_a_person_is_that_of_all_identifiers(self, storage: Storage) -> None:
        storage.write([save_profile("p1", age=1), save_profile("p2", "c-002", age=2), save_profile("p3", "c-003")])
        one, other = storage.person_of("c-001"), storage.person_of("c-002")
        storage.write([save_decision("a", person=one), save_decision("b", person=other), accept("o", "d-b")])
        storage.write([merge("m"), save_profile("p4", "c-002", age=3)])

        assert [entry.id for entry in storage.history("c-002")] == ["p4", "m", "o", "b", "a", "p2", "p1"]
        newest = storage.history("c-001", limit=3)
        assert [entry.id for entry in newest] == ["p4", "m", "o"]
        older = storage.history("c-001", limit=3, before=newest[-1].sequence)
        assert [entry.id for entry in older] == ["b", "a", "p2"]
        assert [entry.id for entry in storage.history("c-003")] == ["p3"]
        assert storage.history("c-004") == []

    def test_an_erased_merge_still_leads_to_one_person(self, storage: Storage) -> None:
        storage.write([save_profile("p1", age=1), save_profile("p2", "c-002", age=2), merge("m")])
        one(storage, ErasePayloads(id="x", sequences=(1, 2, 3)))

        assert storage.person_of("c-001") == storage.person_of("c-002")
        body = storage.journal(after=2)[0].body
        assert isinstance(body, MergeBody)
        assert "c-00" not in msgspec.json.encode(body).decode()
        assert verify_storage(storage) == []
