"""Who is forgotten is gone, and comes back only anew."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from opportune.errors import ConflictError, StaleError, UnknownError
from opportune.storage import (
    ErasePayloads,
    ErasePerson,
    Erasure,
    Receipt,
    SaveDecision,
    SaveProfile,
    Storage,
    Write,
    copy_storage,
    decision_of,
    retire,
    verify_storage,
)
from opportune.testing.storage.case import StorageCase
from opportune.testing.storage.limits import reserving
from opportune.testing.storage.splits import decide_for
from opportune.testing.storage.writes import (
    LATER,
    NOON,
    accept,
    consent,
    event,
    join,
    merge,
    one,
    save_profile,
    split,
)

__all__ = ["ForgettingContract", "fill", "forget", "naming"]

HOUR = timedelta(hours=1)


def forget(key: str, identifier: str = "c-001", **changes: str) -> ErasePerson:
    """A customer is forgotten."""
    return msgspec.structs.replace(
        ErasePerson(id=key, identifier=identifier, author="desk", reason="asked for it"), **changes
    )


def fill(storage: Storage, names: tuple[str, str, str] = ("c-001", "c-002", "k-1")) -> None:
    """Write of everything about two customers and a cookie who are one, and a third customer who once was."""
    first, second, cookie = names
    storage.write([save_profile("p1", first, city=f"city of {first}"), save_profile("p2", second, age=20)])
    storage.write([save_profile("p3", "c-003", age=30), merge("wrong", second, "c-003"), split("cut", "wrong")])
    storage.write([merge("m", first, second), merge("n", second, cookie, other_kind="cookie")])
    storage.write([event("e1", first), event("e2", cookie, identifier_kind="cookie"), event("e3", "c-003")])
    storage.write([join("j1", second), join("j2", "c-003"), consent("k1", first), consent("k2", "c-003")])
    storage.write([decide_for(storage, "a", first), decide_for(storage, "b", "c-003"), accept("o", "d-a")])


def naming(storage: Storage, key: str, identifier: str, **named: str) -> SaveDecision:
    """A decision for one customer whose request names identifiers beside it, by kind."""
    write = decide_for(storage, key, identifier)
    request = msgspec.structs.replace(write.decision.request, identifiers=named)
    return msgspec.structs.replace(write, decision=msgspec.structs.replace(write.decision, request=request))


def _dated(at: datetime) -> list[Write]:
    """Of everything that may come late about c-001."""
    profile = SaveProfile(id="l1", identifier="c-001", attributes={"age": 1}, replace=True, occurred_at=at)
    return [
        profile,
        event("l2", occurred_at=at),
        consent("l3", occurred_at=at),
        join("l4", occurred_at=at),
        merge("l5", "c-003", "c-001", occurred_at=at),
    ]


class ForgettingContract(StorageCase):
    """Who is forgotten is gone, and comes back only anew."""

    def test_everything_about_a_person_goes_and_nothing_else(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as storage:
            fill(storage)
            others = storage.history("c-003")
            receipt = one(storage, forget("f", "k-1", identifier_kind="cookie"))
            assert receipt.version == 10
        with self.open(tmp_path) as storage:
            for identifier, kind in (("c-001", "customer"), ("c-002", "customer"), ("k-1", "cookie")):
                assert storage.person_of(identifier, kind) is None
                assert storage.profile(identifier, kind) is None
                assert storage.history(identifier, kind) == []
                assert storage.consents(identifier, kind) == ()
                assert storage.units(identifier, kind) == {}
                assert storage.happened(identifier, kind, NOON).events == ()
            assert storage.members("household", "h-1") == [storage.person_of("c-003")]
            stored = storage.decision("d-a")
            assert stored is not None
            assert (stored.answer, stored.decision.facts, stored.decision.request.customer) == (None, {}, None)
            assert [told.body.outcome for told in storage.outcomes_of("d-a")] == ["accept"]
            kept = storage.history("c-003")
            # The merge that was undone named one who is forgotten.
            assert [told for told in kept if told.kind != "merge"] == [told for told in others if told.kind != "merge"]
            counts = storage.counts()
            assert (counts.customers, counts.forgotten, counts.erased) == (1, 1, 10)
            assert verify_storage(storage) == []
            assert retire(storage, LATER).entries > 0
            assert verify_storage(storage) == []

    @pytest.mark.parametrize("comes_anew", [False, True])
    def test_what_happened_before_makes_nobody_and_what_happens_after_somebody(
        self, tmp_path: Path, comes_anew: bool
    ) -> None:
        with self.open(tmp_path, clock=lambda: NOON + 9 * HOUR) as storage:
            fill(storage)
            one(storage, forget("f"))
            if comes_anew:
                one(storage, event("anew"))
            before = storage.last_sequence()
            late = storage.write(_dated(NOON + 8 * HOUR))
            decision = decide_for(storage, "late", "c-001")
            assert all(isinstance(receipt, Receipt) and receipt.repeated for receipt in late)
            assert storage.last_sequence() == before
            assert storage.counts().late_of_forgotten == len(late)
            receipt = one(storage, decision)
            (told,) = storage.journal(receipt.sequence - 1)
            assert told.payload is None
            assert decision_of(told).facts == {}
            assert one(storage, accept("lo", "d-a", "click")).sequence == receipt.sequence + 1
            known = [] if not comes_anew else ["anew"]
            assert [entry.id for entry in storage.history("c-001") if entry.id != "late"] == known

            after = storage.write(_dated(NOON + 10 * HOUR))

            assert not any(isinstance(receipt, Receipt) and receipt.repeated for receipt in after)
            profile = storage.profile("c-001")
            assert profile is not None
            assert profile.attributes["age"] == 30
            assert storage.person_of("c-001") == storage.person_of("c-003") != storage.person_of("c-002")
            assert verify_storage(storage) == []

    def test_the_same_writes_again_make_nobody(self, storage: Storage) -> None:
        fill(storage)
        one(storage, forget("f"))
        before = storage.last_sequence()

        storage.write(
            [save_profile("p1", "c-001", city="x"), event("e1"), consent("k1"), join("j1", "c-002"), merge("m")]
        )
        again = one(storage, forget("f"))
        (other,) = storage.write([forget("f", "c-003")])
        (nobody,) = storage.write([forget("g")])

        assert storage.last_sequence() == before
        assert storage.person_of("c-001") is None
        assert (again.repeated, again.version) == (True, 10)
        assert isinstance(other, ConflictError)
        assert isinstance(nobody, UnknownError)
        assert verify_storage(storage) == []

    def test_writes_of_the_same_batch_go_too(self, storage: Storage) -> None:
        results = storage.write(
            [
                save_profile("p1", "c-001", age=1),
                event("e1"),
                consent("k1"),
                join("j1"),
                merge("m"),
                forget("f"),
                save_profile("p2", "c-001", age=2),
                consent("k2", given=False),
            ]
        )

        assert all(isinstance(result, Receipt) for result in results)
        profile = storage.profile("c-001")
        assert profile is not None
        assert (profile.attributes, profile.version) == ({"age": 2}, 1)
        assert [entry.payload is None for entry in storage.journal()] == [True] * 6 + [False] * 2
        assert [found.given for found in storage.consents("c-001")] == [False]
        assert storage.units("c-001") == {}
        assert verify_storage(storage) == []

    def test_who_was_merged_in_the_same_batch_goes_too(self, storage: Storage) -> None:
        storage.write([save_profile("p1", "c-001", age=1), event("e1"), consent("k1"), join("j1")])

        storage.write([merge("m", "c-001", "c-002"), forget("f", "c-002")])

        assert storage.person_of("c-001") is None
        assert storage.profile("c-001") is None
        assert all(entry.payload is None for entry in storage.journal())
        assert verify_storage(storage) == []

    def test_a_decision_by_what_was_known_before_keeps_nothing_of_it(self, storage: Storage) -> None:
        fill(storage)
        checked = decide_for(storage, "x", "c-001", contacts_seen=storage.contacts("c-001", NOON).last)
        ahead = decide_for(storage, "y", "c-001")
        ahead = msgspec.structs.replace(ahead, decision=msgspec.structs.replace(ahead.decision, at=LATER))
        one(storage, forget("f"))

        (refusal,) = storage.write([checked])
        receipt = one(storage, ahead)

        assert isinstance(refusal, StaleError)
        assert storage.journal(receipt.sequence - 1)[0].payload is None
        assert verify_storage(storage) == []

    def test_reservations_and_stocks_keep_their_count(self, storage: Storage) -> None:
        one(storage, save_profile("p1", "c-001"))
        taking = reserving("a")
        person = storage.person_of("c-001")
        one(storage, msgspec.structs.replace(taking, decision=msgspec.structs.replace(taking.decision, person=person)))
        before = storage.stocks()

        one(storage, forget("f"))

        assert storage.stocks() == before
        one(storage, accept("o", "d-a"))
        assert [count.taken for count in storage.stocks()] == [count.taken for count in before]
        assert verify_storage(storage) == []

    def test_a_household_can_be_forgotten(self, storage: Storage) -> None:
        storage.write([join("j1"), join("j2", "c-002", "h-2")])

        one(storage, forget("f", "h-1", identifier_kind="household"))

        assert storage.units("c-001") == {}
        assert [entry.payload is None for entry in storage.journal()] == [True, False, True]
        assert verify_storage(storage) == []

    def test_what_others_were_decided_for_goes_where_it_names_who_is_forgotten(self, storage: Storage) -> None:
        cookie = event("e", "k-1", identifier_kind="cookie")
        storage.write([save_profile("p1", "c-001"), save_profile("p2", "c-002")])
        unknown = one(storage, naming(storage, "a", "c-002", cookie="k-1"))
        storage.write([cookie, merge("m", "c-001", "k-1", other_kind="cookie")])
        known = one(storage, naming(storage, "b", "c-002", cookie="k-1", email="b@example.com"))
        others = one(storage, naming(storage, "c", "c-002", cookie="k-10", email="k-1"))

        together = storage.write([naming(storage, "d", "c-002", customer="c-001"), forget("f")])

        batch, *_ = (result for result in together if isinstance(result, Receipt))
        erased = {entry.sequence: entry.erased for entry in storage.history("c-002") if entry.kind == "decision"}
        assert erased == {
            unknown.sequence: True,
            known.sequence: True,
            others.sequence: False,
            batch.sequence: True,
        }
        assert storage.profile("c-002") is not None
        assert verify_storage(storage) == []

    def test_a_decision_of_before_that_names_who_was_forgotten_keeps_nothing_of_it(self, storage: Storage) -> None:
        storage.write([event("e", "k-1", identifier_kind="cookie"), save_profile("p", "c-002")])
        one(storage, forget("f", "k-1", identifier_kind="cookie"))

        before = one(storage, naming(storage, "a", "c-002", cookie="k-1"))
        later = naming(storage, "b", "c-002", cookie="k-1")
        later = msgspec.structs.replace(later, decision=msgspec.structs.replace(later.decision, at=LATER))
        after = one(storage, later)

        payloads = [storage.journal(receipt.sequence - 1, 1)[0].payload for receipt in (before, after)]
        assert [payload is None for payload in payloads] == [True, False]
        assert verify_storage(storage) == []

    def test_a_household_that_somebody_left_is_forgotten_too(self, storage: Storage) -> None:
        storage.write([join("j1"), join("j2", unit="h-2"), join("j3", unit=None)])

        one(storage, forget("f", "h-1", identifier_kind="household"))

        assert [entry.payload is None for entry in storage.journal()] == [True, False, False, True]
        assert verify_storage(storage) == []

    def test_entries_are_erased_once_where_two_orders_of_a_batch_name_them(self, storage: Storage) -> None:
        receipt = one(storage, save_profile("p1", "c-001"))

        results = storage.write([forget("f"), ErasePayloads(id="x", sequences=(receipt.sequence,))])

        assert all(isinstance(result, Receipt) for result in results)
        assert storage.counts().erased == 1
        assert verify_storage(storage) == []

    def test_an_earlier_state_forgets_what_only_others_named_by_then(self, tmp_path: Path) -> None:
        first, second = tmp_path / "now", tmp_path / "before"
        first.mkdir()
        second.mkdir()
        with self.open(first) as storage:
            one(storage, save_profile("p", "c-002"))
            one(storage, naming(storage, "a", "c-002", cookie="k-1"))
            self.restore(storage, first, second)
            one(storage, event("e", "k-1", identifier_kind="cookie"))
            one(storage, forget("f", "k-1", identifier_kind="cookie"))
            records = storage.erasures()
        with self.open(second) as storage:
            assert storage.erase_again(records) == 1

            stored = storage.decision("d-a")
            assert stored is not None
            assert (stored.answer, stored.decision.request.customer) == (None, None)
            assert storage.profile("c-002") is not None
            assert verify_storage(storage) == []

    def test_an_earlier_state_forgets_the_same_again(self, tmp_path: Path) -> None:
        first, second = tmp_path / "now", tmp_path / "before"
        first.mkdir()
        second.mkdir()
        with self.open(first) as storage:
            fill(storage)
            self.restore(storage, first, second)
            one(storage, forget("f"))
            records = storage.erasures()
            written = msgspec.json.encode(records)
            assert b"c-00" not in written
            assert storage.erasures(after=records[0].sequence) == []
        with self.open(second) as storage:
            assert storage.person_of("c-001") is not None
            again = msgspec.json.decode(written, type=list[Erasure])

            assert storage.erase_again(again) == 1

            for identifier, kind in (("c-001", "customer"), ("c-002", "customer"), ("k-1", "cookie")):
                assert storage.person_of(identifier, kind) is None
            assert storage.person_of("c-003") is not None
            assert all(isinstance(late, Receipt) for late in storage.write(_dated(records[0].at)))
            assert storage.person_of("c-001") is None
            assert storage.erase_again(again) == 0
            assert [record.marks for record in storage.erasures()] == [record.marks for record in records]
            assert verify_storage(storage) == []

    def test_an_earlier_state_forgets_many_in_whatever_order_they_were_merged_and_forgotten(
        self, tmp_path: Path
    ) -> None:
        first, second = tmp_path / "now", tmp_path / "before"
        first.mkdir()
        second.mkdir()
        names = [f"c-{number}" for number in range(120)]
        with self.open(first) as storage:
            storage.write([save_profile(f"p-{name}", name, age=30) for name in names])
            storage.write([merge("m", "c-0", "c-1"), merge("n", "c-1", "c-2"), merge("o", "c-3", "c-2")])
            self.restore(storage, first, second)
            storage.write([split("s", "n"), split("t", "o")])
            for name in names[2:]:
                one(storage, forget(f"f-{name}", name))
            one(storage, save_profile("back", "c-2", age=31))
            one(storage, forget("again", "c-2"))
            records = storage.erasures()
        with self.open(second) as storage:
            assert storage.erase_again(records) == len(records) == 119

            assert [name for name in names if storage.person_of(name) is not None] == ["c-0", "c-1"]
            assert storage.person_of("c-0") == storage.person_of("c-1")
            assert storage.counts().customers == 1
            assert verify_storage(storage) == []
            assert storage.erase_again(records) == 0

    def test_an_earlier_state_forgets_again_who_had_come_back_before_it(self, tmp_path: Path) -> None:
        first, second = tmp_path / "now", tmp_path / "before"
        first.mkdir()
        second.mkdir()
        with self.open(first) as storage:
            fill(storage)
            one(storage, forget("f"))
            one(storage, save_profile("p9", city="back again"))
            self.restore(storage, first, second)
            one(storage, forget("g"))
            records = storage.erasures()
        with self.open(second) as storage:
            assert storage.person_of("c-001") is not None

            assert (storage.erase_again(records), storage.erase_again(records)) == (1, 0)

            assert storage.person_of("c-001") is None
            assert storage.person_of("c-003") is not None
            assert verify_storage(storage) == []

    def restore(self, storage: Storage, folder: Path, other: Path) -> None:
        """Make an earlier state of a store in another folder out of what it holds now."""
        with self.open(other, for_copy=True) as target:
            assert copy_storage(storage, target) == []
