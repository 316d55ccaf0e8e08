"""Units that persons belong to, and what they allow."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from opportune.errors import InputError
from opportune.storage import Receipt, SaveProfile, Storage, Unit, retire, verify_storage
from opportune.testing.storage.case import StorageCase
from opportune.testing.storage.writes import (
    LATER,
    NOON,
    consent,
    event,
    join,
    merge,
    one,
    save_decision,
    save_profile,
    split,
)

__all__ = ["BelongingContract"]

HOUR = timedelta(hours=1)


class BelongingContract(StorageCase):
    """Units that persons belong to, and what they allow."""

    def test_a_person_belongs_to_one_unit_per_level(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as storage:
            storage.write([save_profile("p", age=41), join("j1"), join("j2", unit="h-2"), join("j3", "c-002", "h-2")])
            storage.write([join("j4", unit="a-1", level="account")])
            size = SaveProfile(
                id="h", identifier="h-2", identifier_kind="household", attributes={"size": 3}, replace=True
            )
            one(storage, size)
        with self.open(tmp_path) as storage:
            units = storage.units("c-001")
            assert [*units] == ["account", "household"]
            assert units["account"] == Unit(level="account", unit="a-1")
            assert (units["household"].unit, units["household"].attributes) == ("h-2", {"size": 3})
            assert units["household"].version == 1
            assert storage.members("household", "h-1") == []
            persons = [storage.person_of(identifier) for identifier in ("c-001", "c-002")]
            assert storage.members("household", "h-2") == sorted(filter(None, persons))
            one(storage, join("j5", unit=None))
            assert [*storage.units("c-001")] == ["account"]
            assert storage.members("household", "h-2") == persons[1:]
            assert storage.units("nobody") == {}
            assert verify_storage(storage) == []
            assert retire(storage, LATER).entries > 0
            assert storage.members("household", "h-2") == persons[1:]
            assert verify_storage(storage) == []

    def test_merged_persons_belong_where_was_said_last(self, storage: Storage) -> None:
        storage.write([join("j1", "c-001", "h-1"), join("j2", "c-002", "h-2"), merge("m")])

        assert storage.units("c-001")["household"].unit == "h-2"
        assert storage.members("household", "h-1") == []
        assert storage.members("household", "h-2") == [storage.person_of("c-001")]
        one(storage, split("s"))
        assert [storage.units(f"c-00{n}")["household"].unit for n in (1, 2)] == ["h-1", "h-2"]
        assert storage.members("household", "h-1") == [storage.person_of("c-001")]
        assert verify_storage(storage) == []

    def test_the_word_said_last_counts(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as storage:
            assert storage.consents("c-001") == ()
            storage.write([consent("k1", occurred_at=NOON), consent("k2", given=False, occurred_at=NOON + HOUR)])
            storage.write([consent("late", occurred_at=NOON - HOUR), consent("sms", channel="sms")])
        with self.open(tmp_path) as storage:
            said = {
                (found.channel, found.purpose): (found.given, found.text_version) for found in storage.consents("c-001")
            }
            assert said == {("email", "marketing"): (False, "3"), ("sms", "marketing"): (True, "3")}
            assert storage.consents("c-001")[0].at == NOON + HOUR
            assert verify_storage(storage) == []
            assert retire(storage, LATER).entries > 0
            assert len(storage.consents("c-001")) == 2
            assert verify_storage(storage) == []

    @pytest.mark.parametrize("first", [True, False])
    def test_of_one_moment_the_refusal_counts_whichever_came_first(self, storage: Storage, first: bool) -> None:
        storage.write([consent("k1", given=first, occurred_at=NOON), consent("k2", given=not first, occurred_at=NOON)])

        assert [found.given for found in storage.consents("c-001")] == [False]
        one(storage, consent("k3", occurred_at=NOON + HOUR))
        assert [found.given for found in storage.consents("c-001")] == [True]
        assert verify_storage(storage) == []

    @pytest.mark.parametrize("first", ["c-001", "c-002"])
    def test_of_two_identifiers_the_refusal_counts_where_both_spoke_at_once(self, storage: Storage, first: str) -> None:
        other = "c-002" if first == "c-001" else "c-001"
        storage.write([consent("k1", first, given=False, occurred_at=NOON), consent("k2", other, occurred_at=NOON)])
        one(storage, merge("m"))

        assert [found.given for found in storage.consents("c-001")] == [False]
        one(storage, consent("k3", "c-001", occurred_at=NOON + HOUR))
        assert [found.given for found in storage.consents("c-002")] == [True]
        one(storage, split("s"))
        given = {name: [found.given for found in storage.consents(name)] for name in ("c-001", "c-002")}
        assert given == {"c-001": [True], "c-002": [first == "c-001"]}
        assert verify_storage(storage) == []

    def test_a_word_dated_ahead_does_not_outdo_later_ones(self, tmp_path: Path) -> None:
        with self.open(tmp_path, clock=lambda: NOON) as storage:
            one(storage, consent("k1", occurred_at=NOON + 1_000 * HOUR))
        with self.open(tmp_path, clock=lambda: NOON + HOUR) as storage:
            one(storage, consent("k2", given=False))

            assert [found.given for found in storage.consents("c-001")] == [False]

    def test_a_word_that_cannot_be_stored_is_refused_and_changes_nothing(self, storage: Storage) -> None:
        results = storage.write(
            [consent("k1", given=False), consent("k2", purpose="\ud800"), consent("k3", channel="")]
        )

        assert [type(result) for result in results] == [Receipt, InputError, InputError]
        assert [found.given for found in storage.consents("c-001")] == [False]
        assert verify_storage(storage) == []

    def test_a_conversation_is_read_newest_first(self, storage: Storage) -> None:
        storage.write([event(f"e{n}", session="s-001" if n % 2 else "other") for n in range(6)])
        storage.write([save_decision("a")])

        assert [told.id for told in storage.session("s-001")] == ["a", "e5", "e3", "e1"]
        assert [told.id for told in storage.session("s-001", 2)] == ["a", "e5"]
        assert [told.id for told in storage.session("s-001", 2, storage.last_sequence())] == ["e5", "e3"]
        assert storage.session("nothing") == []

    def test_turns_are_read_apart_from_what_else_happened(self, storage: Storage) -> None:
        storage.write([save_decision("a"), event("said", "c-001", type="note", session="s-001")])
        storage.write([event(f"e{n}", session="s-001") for n in range(6)])

        assert [told.id for told in storage.turns("s-001", "note", 5)] == ["said", "a"]
        assert [told.id for told in storage.turns("s-001", "note", 1)] == ["said"]
        assert [told.id for told in storage.turns("s-001", "not", 5)] == ["a"]
        assert storage.turns("s-001", "note", 5, among=6) == []
        assert storage.turns("other", "note", 5) == []

    def test_attributes_tell_when_they_came_to_be_known(self, tmp_path: Path) -> None:
        with self.open(tmp_path, clock=lambda: NOON + HOUR) as storage:
            one(storage, SaveProfile(id="p1", identifier="c-001", attributes={"a": 1, "b": 2}, replace=True))
            early = SaveProfile(
                id="p2", identifier="c-001", attributes={"b": 3, "c": 4}, replace=False, occurred_at=NOON
            )
            one(storage, early)
            storage.write([save_profile("p3", "c-002", d=1), merge("m", "c-002", "c-001")])
            profile = storage.profile("c-001")
        assert profile is not None
        hour = int(HOUR.total_seconds() * 1e6)
        noon = profile.times["b"]
        assert profile.times == {"a": noon + hour, "b": noon, "c": noon, "d": noon + hour}
