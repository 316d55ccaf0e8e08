"""Merges that are undone leave nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from opportune.errors import ConflictError, StaleError, UnknownError
from opportune.storage import (
    DropValues,
    Kind,
    OwnValues,
    Receipt,
    SaveDecision,
    SaveProfile,
    SplitBody,
    Storage,
    retire,
    verify_storage,
)
from opportune.testing.storage.case import StorageCase
from opportune.testing.storage.limits import reserving
from opportune.testing.storage.writes import (
    LATER,
    NOON,
    accept,
    consent,
    event,
    join,
    merge,
    one,
    save_decision,
    save_profile,
    split,
)

__all__ = ["SplitsContract", "decide_for"]


def decide_for(storage: Storage, key: str, identifier: str, **changes: Any) -> SaveDecision:
    """A decision for whoever stands for an identifier today."""
    write = save_decision(key, person=storage.person_of(identifier))
    request = msgspec.structs.replace(write.decision.request, customer=identifier)
    decision = msgspec.structs.replace(write.decision, request=request)
    return msgspec.structs.replace(write, decision=decision, identifier=identifier, **changes)


def patch(key: str, identifier: str, *removed: str, **attributes: Any) -> SaveProfile:
    return SaveProfile(id=key, identifier=identifier, attributes=attributes, removed=removed, replace=False)


class SplitsContract(StorageCase):
    """Merges that are undone leave nothing behind."""

    def test_each_side_is_as_if_there_had_been_no_merge(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as storage:
            storage.write([save_profile("p1", "c-001", city="Gdynia", age=41)])
            storage.write([save_profile("p2", "c-002", city="Sopot", plan="basic"), event("e2", "c-002")])
            before = [storage.person_of("c-001"), storage.person_of("c-002")]
            storage.write([merge("m"), patch("p3", "c-002", age=20), patch("p4", "c-001", "plan", size=3)])
            storage.write([event("e3", "c-002"), decide_for(storage, "a", "c-002"), decide_for(storage, "b", "c-001")])
            storage.write([accept("o", "d-a"), consent("k", "c-001"), join("j", "c-002")])
            united = storage.profile("c-001")

            receipt = one(storage, split("s"))

            assert united is not None
            assert united.attributes == {"city": "Gdynia", "age": 20, "size": 3}
            first, second = storage.profile("c-001"), storage.profile("c-002")
            assert first is not None
            assert second is not None
            assert first.attributes == {"city": "Gdynia", "age": 41, "size": 3}
            assert second.attributes == {"city": "Sopot", "plan": "basic", "age": 20}
            assert [first.person, second.person] == before
            assert first.version == second.version == receipt.version > united.version
            histories = [[told.id for told in storage.history(f"c-00{n}") if told.kind != "split"] for n in (1, 2)]
            assert histories == [["k", "b", "p4", "m", "p1"], ["j", "o", "a", "e3", "p3", "e2", "p2"]]
            assert [storage.history(f"c-00{n}")[0].kind for n in (1, 2)] == [Kind.SPLIT, Kind.SPLIT]
            assert [len(storage.contacts(f"c-00{n}", NOON).contacts) for n in (1, 2)] == [1, 2]
            assert [len(storage.consents(f"c-00{n}")) for n in (1, 2)] == [1, 0]
            assert [len(storage.units(f"c-00{n}")) for n in (1, 2)] == [0, 1]
            assert storage.counts().customers == 2
            assert verify_storage(storage) == []
        with self.open(tmp_path) as storage:
            assert [storage.profile("c-001"), storage.profile("c-002")] == [first, second]
            assert retire(storage, LATER).entries > 0
            assert verify_storage(storage) == []

    def test_who_a_decision_was_for_is_kept_with_it(self, storage: Storage) -> None:
        storage.write([save_profile("p1", "c-001"), save_profile("p2", "c-002")])
        kept = storage.person_of("c-001")
        one(storage, merge("m"))
        one(storage, decide_for(storage, "a", "c-002"))
        one(storage, split("s"))

        stored = storage.decision("d-a")
        assert stored is not None
        assert stored.decision.person == kept
        assert [told.id for told in storage.history("c-002") if told.kind == "decision"] == ["a"]

    def test_the_middle_of_three_may_be_cut_in_any_order(self, storage: Storage) -> None:
        storage.write([save_profile(f"p{n}", f"c-00{n}", **dict[str, Any]({f"a{n}": n})) for n in (1, 2, 3)])
        storage.write([merge("m1", "c-001", "c-002"), merge("m2", "c-002", "c-003")])
        assert {storage.person_of(f"c-00{n}") for n in (1, 2, 3)} == {storage.person_of("c-001")}

        one(storage, split("s1", "m1"))

        assert storage.person_of("c-002") == storage.person_of("c-003") != storage.person_of("c-001")
        profile = storage.profile("c-003")
        assert profile is not None
        assert profile.attributes == {"a2": 2, "a3": 3}
        one(storage, split("s2", "m2"))
        assert len({storage.person_of(f"c-00{n}") for n in (1, 2, 3)}) == 3
        assert storage.counts().customers == 3
        assert verify_storage(storage) == []

    def test_another_merge_that_stands_holds_them_together(self, storage: Storage) -> None:
        storage.write([save_profile("p1", "c-001", a=1), save_profile("p2", "c-002", b=2)])
        storage.write([merge("m"), merge("n", "c-002", "c-001")])
        before = storage.profile("c-001")
        assert before is not None

        first = one(storage, split("s1", "m"))

        assert storage.person_of("c-001") == storage.person_of("c-002")
        found = storage.profile("c-001")
        assert found is not None
        assert found.attributes == before.attributes
        body = storage.journal(first.sequence - 1)[0].body
        assert isinstance(body, SplitBody)
        assert not body.parted
        one(storage, split("s2", "n"))
        assert storage.person_of("c-001") != storage.person_of("c-002")
        assert verify_storage(storage) == []

    def test_a_cookie_that_was_new_stands_alone_again(self, storage: Storage) -> None:
        storage.write([save_profile("p1", "c-001", age=41)])
        storage.write([merge("m", other="k-1", other_kind="cookie"), event("e", "k-1", identifier_kind="cookie")])
        assert storage.person_of("k-1", "cookie") == storage.person_of("c-001")

        one(storage, split("s"))

        assert storage.profile("k-1", "cookie") is None
        assert [told.id for told in storage.history("k-1", "cookie") if told.kind == "event"] == ["e"]
        assert [told.id for told in storage.history("c-001") if told.kind != "split"] == ["m", "p1"]
        assert verify_storage(storage) == []

    def test_a_merge_may_be_named_by_its_entry_and_undone_in_its_own_batch(self, storage: Storage) -> None:
        storage.write([save_profile("p1", "c-001"), save_profile("p2", "c-002"), merge("m")])
        one(storage, split("s", "3"))
        assert storage.person_of("c-001") != storage.person_of("c-002")

        results = storage.write([merge("m2"), split("s2", "m2"), patch("p3", "c-002", age=1)])

        assert all(isinstance(result, Receipt) for result in results)
        first, second = storage.profile("c-001"), storage.profile("c-002")
        assert first is not None
        assert second is not None
        assert [first.attributes, second.attributes] == [{}, {"age": 1}]
        assert verify_storage(storage) == []

    def test_what_cannot_be_undone_is_refused(self, storage: Storage) -> None:
        storage.write([save_profile("p1", "c-001"), save_profile("p2", "c-002"), merge("m"), split("s")])
        before = storage.last_sequence()

        unknown, other, again = storage.write([split("s1", "nothing"), split("s2", "1"), split("s3")])

        assert [type(refusal) for refusal in (unknown, other, again)] == [UnknownError, UnknownError, ConflictError]
        assert isinstance(again, ConflictError)
        assert again.code == "merge-undone"
        assert storage.last_sequence() == before

    def test_a_split_again_has_no_second_effect(self, storage: Storage) -> None:
        storage.write([save_profile("p1", "c-001"), save_profile("p2", "c-002"), merge("m")])
        first = one(storage, split("s"))

        assert one(storage, split("s")) == msgspec.structs.replace(first, repeated=True)

    @pytest.mark.parametrize("identifier", ["c-001", "c-002"])
    def test_a_decision_that_knew_both_sides_as_one_is_refused(self, storage: Storage, identifier: str) -> None:
        storage.write([save_profile("p1", "c-001"), save_profile("p2", "c-002"), merge("m")])
        write = decide_for(storage, "a", identifier, contacts_seen=storage.contacts(identifier, NOON).last)
        one(storage, split("s"))

        (refusal,) = storage.write([write])

        assert isinstance(refusal, StaleError)

    def test_an_answer_under_an_absorbed_identifier_makes_a_decision_of_the_same_batch_stale(
        self, storage: Storage
    ) -> None:
        storage.write([save_profile("p1", "c-001"), save_profile("p2", "c-002")])
        one(storage, decide_for(storage, "a", "c-002"))
        one(storage, merge("m"))
        write = decide_for(storage, "b", "c-001", contacts_seen=storage.contacts("c-001", NOON).last)

        answer, refusal = storage.write([accept("o", "d-a"), write])

        assert isinstance(answer, Receipt)
        assert isinstance(refusal, StaleError)

    def test_a_merge_whose_entry_is_retired_is_listed_and_can_be_undone(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as storage:
            storage.write([save_profile("p1", "c-001"), save_profile("p2", "c-002"), merge("m"), merge("n", "c-003")])
            storage.write([split("s", "n"), event("e1"), event("e2")])
            assert retire(storage, LATER).entries > 6

            (kept,) = storage.merges("c-002")

            assert (kept.sequence, kept.entry, kept.undone) == (3, None, None)
            assert kept.sides == (("customer", "c-001"), ("customer", "c-002"))
            one(storage, split("t", "3"))
            assert storage.person_of("c-001") != storage.person_of("c-002")
            assert storage.merges("c-002") == []
            assert verify_storage(storage) == []

    def test_what_is_dropped_of_one_identifier_is_gone_after_a_split_and_others_keep_theirs(
        self, storage: Storage
    ) -> None:
        storage.write([patch("p1", "c-002", city="Hel", age=20), save_profile("p2", "c-001", city="Sopot"), merge("m")])
        person = storage.journal()[0].person
        assert person is not None
        drop = DropValues(id="d", identifier="c-002", names=("city", "age"), until=1)

        one(storage, drop)

        assert one(storage, drop).repeated
        assert storage.own_values(person) == OwnValues("customer", "c-002", {})
        assert one(storage, msgspec.structs.replace(drop, id="e", identifier="c-009")).repeated
        known = storage.profile("c-002")
        assert known is not None
        assert (known.attributes, known.version) == ({"city": "Sopot"}, 3)
        one(storage, split("s"))
        assert [one.attributes for one in map(storage.profile, ("c-001", "c-002")) if one] == [{"city": "Sopot"}, {}]
        assert storage.person_of("c-009") is None
        assert verify_storage(storage) == []

    def test_what_is_taken_of_stocks_stays_taken(self, storage: Storage) -> None:
        storage.write([save_profile("p1", "c-001"), save_profile("p2", "c-002"), merge("m")])
        taking = reserving("a")
        person = storage.person_of("c-002")
        write = msgspec.structs.replace(
            taking, decision=msgspec.structs.replace(taking.decision, person=person), identifier="c-002"
        )
        one(storage, write)
        before = storage.stocks()

        one(storage, split("s"))
        one(storage, accept("o", "d-a"))

        assert [count.taken for count in storage.stocks()] == [count.taken for count in before]
        assert [told.kind for told in storage.history("c-002")][:3] == [Kind.OUTCOME, Kind.SPLIT, Kind.DECISION]
        assert verify_storage(storage) == []
