"""What limits count: reservations of stocks and their ends, contacts of a person, switches."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from opportune.errors import ConflictError, InputError, SoldOutError, StaleError
from opportune.records import Contact, PlacementAnswer, Reserve, Sign
from opportune.storage import (
    Contacts,
    ErasePayloads,
    Kind,
    Receipt,
    RecordEvent,
    ReleaseLeases,
    ReservationState,
    SaveDecision,
    Storage,
    SwitchAction,
    Write,
    retire,
    verify_storage,
)
from opportune.storage.entries import to_microseconds
from opportune.testing.storage.case import StorageCase
from opportune.testing.storage.corrections import correct, withdraw
from opportune.testing.storage.writes import LATER, NOON, accept, merge, one, save_decision, save_profile

__all__ = ["LimitsContract", "ReservationsContract", "reservation", "reserving"]

DAY = timedelta(days=1)
LEASE = NOON + DAY
AT = to_microseconds(NOON)


def reservation(units: int = 1, most: int = 2, **changes: Any) -> Reserve:
    """What a gold card takes of the headsets."""
    found = Reserve(
        stock="headsets",
        period="2026-03",
        units=units,
        most=most,
        lease_until=to_microseconds(LEASE),
        action="gold_card",
        treatment="banner",
        confirmed_by=("accept",),
        released_by=("reject",),
    )
    return msgspec.structs.replace(found, **changes)


def reserving(key: str, *reserves: Reserve, seen: int | None = None, **changes: Any) -> SaveDecision:
    """A decision that takes of stocks; of one headset unless some are given."""
    write = save_decision(key, **changes)
    return msgspec.structs.replace(write, reserves=reserves or (reservation(),), contacts_seen=seen)


def refuse(key: str, decision: str) -> Any:
    return accept(key, decision, "reject", Sign.NEGATIVE)


def release(key: str, *decisions: str, until: datetime = LEASE) -> ReleaseLeases:
    return ReleaseLeases(id=key, decisions=decisions, until=until)


def counts(storage: Storage) -> tuple[int, int, int]:
    """Give what is taken, confirmed and unmet of the headsets."""
    (count,) = storage.stocks([("headsets", "2026-03")])
    assert [count] == storage.stocks() or count.sequence == 0
    return count.taken, count.confirmed, count.unmet


def states(storage: Storage) -> dict[str, str]:
    """Give how the reservations of headsets stand, by decision."""
    found = storage.reservations("headsets")
    assert [row.sequence for row in found] == sorted((row.sequence for row in found), reverse=True)
    return {row.decision: row.state.value for row in reversed(found)}


class ReservationsContract(StorageCase):
    """Of no stock is more taken than there is, and what is not confirmed comes back."""

    def test_a_stock_is_taken_until_it_is_sold_out(self, storage: Storage) -> None:
        results = storage.write([reserving("a"), reserving("b"), reserving("c")])
        (again,) = storage.write([reserving("d")])

        assert [isinstance(result, Receipt) for result in results] == [True, True, False]
        for refusal in (results[2], again):
            assert isinstance(refusal, SoldOutError)
            assert (refusal.code, refusal.stock, refusal.action) == ("sold-out", "headsets", "gold_card")
            assert refusal.lost == (("headsets", "2026-03", "gold_card"),)
        assert counts(storage) == (2, 0, 0)
        assert storage.last_sequence() == 2
        assert verify_storage(storage) == []

    def test_a_refused_decision_leaves_its_id_free(self, storage: Storage) -> None:
        storage.write([reserving("a", reservation(2)), reserving("b")])

        receipt = one(storage, save_decision("b"))

        assert not receipt.repeated
        assert storage.decision("d-b") is not None
        assert storage.reservations_of("d-b") == []

    def test_a_decision_takes_all_that_it_reserves_or_nothing(self, storage: Storage) -> None:
        both = (reservation(1, 2), reservation(1, 0, stock="minutes"))
        (refusal,) = storage.write([reserving("a", *both)])
        (slate,) = storage.write([reserving("b", reservation(2), reservation(1, action="loan"))])

        assert isinstance(refusal, SoldOutError)
        assert refusal.stock == "minutes"
        assert isinstance(slate, SoldOutError)
        assert slate.action == "loan"
        assert storage.stocks() == []
        assert storage.last_sequence() == 0

    def test_periods_and_stocks_are_counted_apart(self, storage: Storage) -> None:
        one(storage, reserving("a", reservation(2), reservation(1, 5, stock="minutes", period="")))
        one(storage, reserving("b", reservation(2, period="2026-04")))

        found = [(count.stock, count.period, count.taken) for count in storage.stocks()]
        wanted = [("minutes", ""), ("nothing", ""), ("minutes", "")]

        assert found == [("headsets", "2026-03", 2), ("headsets", "2026-04", 2), ("minutes", "", 1)]
        assert [count.taken for count in storage.stocks(wanted)] == [1, 0, 1]
        assert storage.stocks([]) == []
        assert verify_storage(storage) == []

    def test_a_retry_reserves_nothing_more(self, storage: Storage) -> None:
        first = one(storage, reserving("a", reservation(2)))

        assert one(storage, reserving("a", reservation(2))) == msgspec.structs.replace(first, repeated=True)
        assert counts(storage) == (2, 0, 0)

    def test_outcomes_confirm_and_release(self, tmp_path: Path) -> None:
        with self.open(tmp_path, clock=lambda: NOON) as storage:
            storage.write([reserving(key, reservation(1, 9)) for key in "abc"])
            storage.write([accept("o1", "d-a"), refuse("o2", "d-b"), accept("o3", "d-c", "click", Sign.NEUTRAL)])
        with self.open(tmp_path) as storage:
            assert states(storage) == {"d-a": "confirmed", "d-b": "released", "d-c": "reserved"}
            assert counts(storage) == (2, 1, 0)
            (kept,) = storage.reservations_of("d-a")
            assert (kept.units, kept.lease_until, kept.sequence) == (1, LEASE, 1)
            assert verify_storage(storage) == []

    def test_what_a_batch_reserves_it_may_settle(self, storage: Storage) -> None:
        storage.write([reserving("a"), refuse("o1", "d-a"), reserving("b", reservation(2)), accept("o2", "d-b")])

        assert states(storage) == {"d-a": "released", "d-b": "confirmed"}
        assert counts(storage) == (2, 2, 0)
        assert verify_storage(storage) == []

    def test_an_outcome_of_another_action_settles_nothing(self, storage: Storage) -> None:
        one(storage, reserving("a"))
        other = accept("o", "d-a")
        one(storage, msgspec.structs.replace(other, outcome=msgspec.structs.replace(other.outcome, action="loan")))

        assert states(storage) == {"d-a": "reserved"}

    def test_a_lease_that_ended_comes_back(self, tmp_path: Path) -> None:
        with self.open(tmp_path, clock=lambda: LEASE) as storage:
            storage.write([reserving("a"), reserving("b", reservation(lease_until=AT + 7)), accept("o", "d-b")])
            assert storage.due_leases(LEASE - DAY, 9) == []
            (due,) = storage.due_leases(LEASE, 9)
            assert (due.decision, due.action, due.stock, due.lease_until) == ("d-a", "gold_card", "headsets", LEASE)
            early, released, again = storage.write(
                [release("x", "d-a", until=LEASE - DAY), release("y", "d-b", "d-a"), release("z", "d-a")]
            )
            retry = one(storage, release("y", "d-b", "d-a"))

            for refusal in (early, again):
                assert isinstance(refusal, ConflictError)
                assert refusal.code == "leases-settled"
            assert isinstance(released, Receipt)
            assert retry.repeated
            assert [entry.kind for entry in storage.journal(3)] == [Kind.RELEASE]
            assert states(storage) == {"d-a": "expired", "d-b": "confirmed"}
            assert counts(storage) == (1, 1, 0)
            assert storage.due_leases(LATER, 9) == []
            assert verify_storage(storage) == []

    @pytest.mark.parametrize("write", [release("x", "d-a\0"), release("x", "d-a", until=LEASE.replace(tzinfo=None))])
    def test_a_release_that_cannot_be_is_refused(self, storage: Storage, write: ReleaseLeases) -> None:
        (refusal,) = storage.write([write])

        assert isinstance(refusal, InputError)
        assert not isinstance(refusal, ConflictError)

    def test_due_leases_come_oldest_first(self, storage: Storage) -> None:
        storage.write([reserving(key, reservation(1, 9, lease_until=AT + 9 - n)) for n, key in enumerate("abc")])

        assert [due.decision for due in storage.due_leases(LEASE, 2)] == ["d-c", "d-b"]

    def test_a_late_acceptance_takes_a_unit_again_where_one_is_left(self, tmp_path: Path) -> None:
        with self.open(tmp_path, clock=lambda: LEASE) as storage:
            storage.write([reserving("a"), reserving("b"), release("x", "d-a", "d-b"), reserving("c")])
            storage.write([accept("o1", "d-a"), accept("o2", "d-b")])
            assert states(storage) == {"d-a": "confirmed", "d-b": "unmet", "d-c": "reserved"}
            assert counts(storage) == (2, 1, 1)
            storage.write([refuse("o3", "d-c"), accept("o4", "d-b")])
            assert states(storage) == {"d-a": "confirmed", "d-b": "confirmed", "d-c": "released"}
            assert counts(storage) == (2, 2, 0)
            assert verify_storage(storage) == []

    def test_a_late_acceptance_is_measured_by_the_whole_period(self, storage: Storage) -> None:
        paced = reservation(1, 1, limit=2)
        storage.write([reserving("a", paced), release("x", "d-a"), reserving("b", paced), accept("o", "d-a")])

        assert states(storage) == {"d-a": "confirmed", "d-b": "reserved"}
        assert isinstance(storage.write([reserving("c", paced)])[0], SoldOutError)

    @pytest.mark.parametrize(("now", "state"), [(NOON, "reserved"), (LEASE, "expired")])
    def test_what_is_taken_back_settles_no_more(self, tmp_path: Path, now: datetime, state: str) -> None:
        with self.open(tmp_path, clock=lambda: now) as storage:
            storage.write([reserving("a"), accept("o1", "d-a"), reserving("b"), refuse("o2", "d-b")])
            storage.write([withdraw("w1", "d-a", "o1"), withdraw("w2", "d-b", "o2")])
            assert states(storage) == {"d-a": state, "d-b": state}
            assert counts(storage) == ((2, 0, 0) if state == "reserved" else (0, 0, 0))
            assert verify_storage(storage) == []

    def test_a_corrected_outcome_settles_anew(self, storage: Storage) -> None:
        storage.write([reserving("a"), accept("o1", "d-a")])
        one(storage, correct("o2", "d-a", "o1", "reject", Sign.NEGATIVE))

        assert states(storage) == {"d-a": "released"}
        assert counts(storage) == (0, 0, 0)
        assert verify_storage(storage) == []

    def test_an_outcome_that_waited_settles_when_its_decision_comes(self, storage: Storage) -> None:
        one(storage, msgspec.structs.replace(accept("o1", "d-a"), may_wait=True))
        one(storage, reserving("a"))

        assert states(storage) == {"d-a": "confirmed"}
        assert verify_storage(storage) == []

    @pytest.mark.parametrize(
        "reserves",
        [
            (reservation(0),),
            (reservation(-1),),
            (reservation(1, -1),),
            (reservation(1 << 63, 1 << 63),),
            (reservation(stock=""),),
            (reservation(period="\0"),),
            (reservation(), reservation()),
        ],
    )
    def test_a_reservation_that_cannot_be_is_refused(self, storage: Storage, reserves: tuple[Reserve, ...]) -> None:
        (refusal,) = storage.write([reserving("a", *reserves)])

        assert isinstance(refusal, InputError)
        assert not isinstance(refusal, SoldOutError)
        assert storage.last_sequence() == 0

    def test_a_decision_with_an_open_lease_stays(self, tmp_path: Path) -> None:
        with self.open(tmp_path, clock=lambda: LEASE) as storage:
            storage.write([save_decision("a"), reserving("b"), reserving("c"), accept("o", "d-c"), save_decision("e")])
            held = retire(storage, LATER)
            one(storage, release("x", "d-b"))
            free = retire(storage, LATER)

            assert (held.entries, free.entries) == (1, 4)
            assert "entry 2 waits" in held.held
            assert states(storage) == {}
            assert counts(storage) == (1, 1, 0)
            assert verify_storage(storage) == []
            assert isinstance(storage.write([reserving("f", reservation(2)), save_decision("g")])[0], SoldOutError)
            assert retire(storage, LATER).entries == 1
            assert verify_storage(storage) == []

    def test_a_reservation_outlives_the_erasure_of_its_decision(self, storage: Storage) -> None:
        storage.write([reserving("a"), ErasePayloads(id="x", sequences=(1,)), accept("o", "d-a")])

        assert states(storage) == {"d-a": "confirmed"}
        assert verify_storage(storage) == []

    def test_reservations_come_in_pages(self, storage: Storage) -> None:
        storage.write([reserving(key, reservation(1, 9)) for key in "abc"])

        newest = storage.reservations("headsets", 2)
        assert [row.decision for row in newest] == ["d-c", "d-b"]
        assert [row.decision for row in storage.reservations("headsets", 2, newest[-1].sequence)] == ["d-a"]
        assert storage.reservations("minutes") == []
        assert newest[0].state is ReservationState.RESERVED


class LimitsContract(StorageCase):
    """A person's contacts are all there and known to be all, and switches are kept."""

    def test_contacts_are_what_was_shown_and_the_outcomes_that_stand(self, tmp_path: Path) -> None:
        with self.open(tmp_path, clock=lambda: NOON + DAY) as storage:
            storage.write([save_profile("p")])
            person = storage.person_of("c-001")
            storage.write([save_decision("a", person=person), save_decision("b", person=person, at=NOON + DAY)])
            storage.write([accept("o1", "d-a", "click", Sign.NEUTRAL), accept("o2", "d-a"), accept("o3", "d-b")])
            last = storage.write([withdraw("w", "d-b", "o3"), correct("o4", "d-a", "o2", "reject", Sign.NEGATIVE)])[1]
            assert isinstance(last, Receipt)
            storage.write([save_profile("q"), RecordEvent(id="e", type="call", identifier="c-001", attributes={})])

            found = storage.contacts("c-001", NOON)
            late = storage.contacts("c-001", NOON + timedelta(seconds=1))

        assert found.last == late.last == last.sequence
        where = ("gold_card", "banner", "web", "hero")
        assert [(one.at, one.what, one.decision) for one in found.contacts] == [
            (AT, "shown", "d-a"),
            (to_microseconds(NOON + DAY), "shown", "d-b"),
            (to_microseconds(NOON + DAY), "click", "d-a"),
            (to_microseconds(NOON + DAY), "reject", "d-a"),
        ]
        assert {one[2:6] for one in map(msgspec.structs.astuple, found.contacts)} == {where}
        assert late.contacts == found.contacts[1:]

    def test_an_outcome_dated_ahead_counts_from_when_it_was_heard_of(self, tmp_path: Path) -> None:
        with self.open(tmp_path, clock=lambda: NOON + DAY) as storage:
            storage.write([save_profile("p")])
            storage.write([save_decision("a", person=storage.person_of("c-001"))])
            report = accept("o1", "d-a", "reject", Sign.NEGATIVE)
            ahead = msgspec.structs.replace(report.outcome, occurred_at=NOON + 3_650 * DAY)
            storage.write([msgspec.structs.replace(report, outcome=ahead)])

            found = storage.contacts("c-001", NOON)

        assert [(one.at, one.what) for one in found.contacts][1:] == [(to_microseconds(NOON + DAY), "reject")]

    def test_nobody_has_contacts(self, storage: Storage) -> None:
        storage.write([save_decision("a", person=None), save_profile("p")])

        assert storage.contacts("c-001", NOON) == storage.contacts("c-002", NOON) == Contacts(0, ())

    def test_contacts_of_merged_persons_are_those_of_all(self, storage: Storage) -> None:
        storage.write([save_profile(f"p{n}", f"c-00{n}") for n in (1, 2, 3)])
        persons = [storage.person_of(f"c-00{n}") for n in (1, 2, 3)]
        storage.write([save_decision(key, person=person) for key, person in zip("abc", persons, strict=True)])
        storage.write([accept("o", "d-b"), merge("m", "c-002", "c-003"), merge("n", "c-001", "c-003")])

        found = [storage.contacts(f"c-00{n}", NOON) for n in (1, 2, 3)]

        assert found[0] == found[1] == found[2]
        assert found[0].last == 9
        assert [one.decision for one in found[0].contacts] == ["d-a", "d-b", "d-c", "d-b"]

    def test_many_contacts_are_all_read(self, storage: Storage) -> None:
        storage.write([save_profile(f"p{n}", f"c-00{n}") for n in (1, 2)])
        persons = [storage.person_of(f"c-00{n}") for n in (1, 2)]
        storage.write([save_decision(f"{n}", person=persons[n % 2]) for n in range(450)])
        one(storage, merge("m"))

        found = storage.contacts("c-001", NOON)

        assert found.last == 453
        assert [one.decision for one in found.contacts] == [f"d-{n}" for n in range(450)]

    def test_an_outcome_that_waited_is_a_contact(self, storage: Storage) -> None:
        one(storage, save_profile("p"))
        one(storage, msgspec.structs.replace(accept("o1", "d-a"), may_wait=True))
        one(storage, save_decision("a", person=storage.person_of("c-001")))

        found = storage.contacts("c-001", NOON)

        assert sorted(one.what for one in found.contacts) == ["accept", "shown"]

    def test_an_outcome_knows_the_channel_of_a_decision_before_the_window(self, tmp_path: Path) -> None:
        now = NOON
        with self.open(tmp_path, clock=lambda: now) as storage:
            one(storage, save_profile("p"))
            person = storage.person_of("c-001")
            storage.write([save_decision("a", person=person)])
            now = NOON + 9 * DAY
            storage.write([save_decision(f"b{n}", person=person, at=now) for n in range(300)])
            one(storage, accept("o", "d-a"))

            found = storage.contacts("c-001", NOON + 8 * DAY)

        assert len(found.contacts) == 301
        assert [one for one in found.contacts if one.what == "accept"] == [
            Contact(to_microseconds(now), "accept", "gold_card", "banner", "web", "hero", "d-a")
        ]

    def test_what_was_withheld_is_no_contact(self, storage: Storage) -> None:
        one(storage, save_profile("p"))
        shown = save_decision("x").decision.placements
        nothing = (PlacementAnswer(name="hero", actions=()),)
        one(storage, save_decision("a", person=storage.person_of("c-001"), placements=nothing, withheld=shown))

        assert storage.contacts("c-001", NOON) == Contacts(2, ())

    def test_a_decision_that_did_not_see_the_last_contact_is_refused(self, storage: Storage) -> None:
        one(storage, save_profile("p"))
        person = storage.person_of("c-001")
        first, second = storage.write([reserving(key, seen=0, person=person) for key in "ab"])
        seen = storage.contacts("c-001", NOON).last
        one(storage, accept("o", "d-a"))
        (third,) = storage.write([reserving("b", seen=seen, person=person)])
        (fourth,) = storage.write([reserving("b", seen=storage.contacts("c-001", NOON).last, person=person)])

        assert isinstance(first, Receipt)
        for refusal in (second, third):
            assert isinstance(refusal, StaleError)
            assert refusal.code == "stale-contacts"
        assert isinstance(fourth, Receipt)
        assert counts(storage) == (2, 1, 0)
        assert verify_storage(storage) == []

    def test_profiles_and_events_make_no_history_stale(self, storage: Storage) -> None:
        one(storage, save_profile("p"))
        person = storage.person_of("c-001")
        storage.write([save_profile("q"), RecordEvent(id="e", type="call", identifier="c-001", attributes={})])
        storage.write([save_decision("other")])

        assert isinstance(storage.write([reserving("a", seen=0, person=person)])[0], Receipt)

    @pytest.mark.parametrize("together", [True, False])
    def test_a_merge_makes_the_history_of_both_stale(self, storage: Storage, together: bool) -> None:
        storage.write([save_profile("p1"), save_profile("p2", "c-002")])
        kept, absorbed = storage.person_of("c-001"), storage.person_of("c-002")
        one(storage, save_decision("a", person=kept))
        decisions: list[Write] = [reserving("b", seen=0, person=absorbed), reserving("c", seen=3, person=kept)]
        merges: list[Write] = [merge("m")]
        batches = [[*merges, *decisions]] if together else [merges, decisions]
        results = [result for batch in batches for result in storage.write(batch)]

        assert [isinstance(result, StaleError) for result in results] == [False, True, True]
        seen = storage.contacts("c-002", NOON).last
        fresh, second = storage.write([reserving(key, seen=seen, person=absorbed) for key in "bc"])
        assert isinstance(fresh, Receipt)
        assert isinstance(second, StaleError)
        assert isinstance(storage.write([reserving("e", seen=seen, person=kept)])[0], StaleError)
        assert len(storage.contacts("c-001", NOON).contacts) == 2

    def test_an_action_is_switched_off_and_on(self, tmp_path: Path) -> None:
        switch = SwitchAction(id="s1", target="action:gold_card", off=True, author="c-001", reason="recall")
        with self.open(tmp_path, clock=lambda: NOON) as storage:
            storage.write([switch, SwitchAction(id="s2", target="group:cards", off=True), switch])
            storage.write([SwitchAction(id="s3", target="group:cards", off=False, reason="solved")])
        with self.open(tmp_path) as storage:
            first, second = storage.switches()
            assert (first.target, first.off, first.author, first.reason) == (switch.target, True, "c-001", "recall")
            assert (second.target, second.off, second.sequence, second.at) == ("group:cards", False, 3, NOON)
            assert [entry.id for entry in storage.journal(kinds=(Kind.SWITCH,))] == ["s1", "s2", "s3"]
            assert verify_storage(storage) == []
            storage.write([save_decision("a")])
            assert retire(storage, LATER).entries == 3
            assert storage.switches() == [first, second]
            storage.write([SwitchAction(id="s4", target="action:gold_card", off=False)])
            assert [one.off for one in storage.switches()] == [False, False]
            assert verify_storage(storage) == []

    @pytest.mark.parametrize("target", ["gold_card", "model:x", "action:", "group:a\0"])
    def test_a_switch_of_something_else_is_refused(self, storage: Storage, target: str) -> None:
        (refusal,) = storage.write([SwitchAction(id="s", target=target, off=True)])

        assert isinstance(refusal, InputError)
