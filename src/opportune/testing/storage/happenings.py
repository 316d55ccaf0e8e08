"""What happened with a person is read at once, and a decision that did not know all of it is refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from opportune.errors import StaleError
from opportune.storage import ErasePayloads, Happening, History, Receipt, SaveDecision, Storage, Write
from opportune.storage.entries import to_microseconds
from opportune.testing.storage.case import StorageCase
from opportune.testing.storage.splits import decide_for
from opportune.testing.storage.writes import NOON, accept, consent, event, join, merge, one, save_profile

__all__ = ["HappeningsContract"]

HOUR = timedelta(hours=1)


class HappeningsContract(StorageCase):
    """What happened with a person is read at once, and a decision that did not know all of it is refused."""

    def test_contacts_and_events_come_in_one_read(self, tmp_path: Path) -> None:
        with self.open(tmp_path, clock=lambda: NOON + 2 * HOUR) as storage:
            storage.write([save_profile("p1", "c-001"), save_profile("p2", "c-002"), merge("m")])
            storage.write([event("e1", occurred_at=NOON + HOUR), event("e2", "c-002", occurred_at=NOON)])
            storage.write([event("old", occurred_at=NOON - HOUR), event("ahead", occurred_at=NOON + 9 * HOUR)])
            storage.write([decide_for(storage, "a", "c-002"), accept("o", "d-a"), event("nobody", None)])
            storage.write([save_profile("p3", "c-001", age=1)])
            last = storage.last_sequence()

            found = storage.happened("c-001", "customer", NOON)

            assert found == storage.happened("c-002", "customer", NOON)
            assert found.last == last
            assert [(one.attributes["key"], one.type) for one in found.events] == [
                ("e2", "call"),
                ("e1", "call"),
                ("ahead", "call"),
            ]
            now = to_microseconds(NOON + 2 * HOUR)
            assert found.events[0] == Happening(to_microseconds(NOON), now, 5, "call", {"key": "e2"}, None)
            assert found.events[2].at == now
            assert found.contacts == storage.contacts("c-001", NOON).contacts
            assert len(found.contacts) == 2
            one(storage, ErasePayloads(id="x", sequences=(5,)))
            assert storage.happened("c-001", "customer", NOON).events[0].attributes == {}
            assert storage.happened("nobody", "customer", NOON) == History(0, (), ())

    def test_many_events_are_all_there(self, storage: Storage) -> None:
        for begin in range(0, 700, 100):
            storage.write([event(f"e{n}") for n in range(begin, begin + 100)])

        found = storage.happened("c-001", "customer", NOON - 1_000_000 * HOUR)

        assert [one.attributes["key"] for one in found.events] == [f"e{n}" for n in range(700)]

    def test_those_of_a_household_are_those_of_all_its_members(self, storage: Storage) -> None:
        storage.write([join("j1"), join("j2", "c-002"), join("j3", "c-003", "h-2"), merge("m", "c-004", "c-002")])
        storage.write([event(f"e{n}", f"c-00{n}") for n in (1, 2, 3, 4)])
        since = NOON - 1_000_000 * HOUR

        alone = storage.happened("c-001", "customer", since)
        found = storage.happened("c-001", "customer", since, "household")

        assert [one.attributes["key"] for one in alone.events] == ["e1"]
        assert [one.attributes["key"] for one in found.events] == ["e1", "e2", "e4"]
        assert found.last == storage.last_sequence()

    @pytest.mark.parametrize(
        ("kinds", "write", "is_stale"),
        [
            ((), event("n", "c-002"), False),
            (("event",), event("n", "c-002"), True),
            (("event",), consent("n", "c-002"), False),
            (("event", "consent"), consent("n", "c-002"), True),
            (("member",), join("n", "c-002"), True),
            (("event",), accept("n", "d-base"), False),
            ((), accept("n", "d-base"), True),
            (("event",), event("n", "c-003"), False),
            (("consent",), merge("n", "c-002", "c-003"), True),
            (("consent",), save_profile("n", "c-002"), False),
        ],
    )
    def test_a_decision_must_know_the_newest_of_what_it_depends_on(
        self, storage: Storage, kinds: tuple[str, ...], write: Write, is_stale: bool
    ) -> None:
        storage.write(
            [save_profile("p1", "c-001"), save_profile("p2", "c-002"), save_profile("p3", "c-003"), merge("m")]
        )
        one(storage, decide_for(storage, "base", "c-001"))
        seen = storage.happened("c-001", "customer", NOON).last
        decision = decide_for(storage, "a", "c-001", contacts_seen=seen, seen_kinds=kinds)

        written, result = storage.write([write, decision])

        assert isinstance(written, Receipt)
        assert isinstance(result, StaleError if is_stale else Receipt)
        if is_stale:
            seen = storage.happened("c-001", "customer", NOON).last
            one(storage, decide_for(storage, "a", "c-001", contacts_seen=seen, seen_kinds=kinds))

    def test_a_decision_must_know_what_others_did_whom_it_depends_on(self, storage: Storage) -> None:
        storage.write([join("j1"), join("j2", "c-002")])
        other = storage.person_of("c-002")
        assert other is not None
        seen = storage.happened("c-001", "customer", NOON, "household").last
        known = decide_for(
            storage, "a", "c-001", contacts_seen=seen, seen_kinds=("event",), seen_with=dict.fromkeys([other], seen)
        )

        one(storage, known)
        (_, refusal) = storage.write([event("e", "c-002"), decide_again(known, "b")])

        assert isinstance(refusal, StaleError)


def decide_again(write: SaveDecision, key: str) -> SaveDecision:
    """The same decision for another request."""
    request = msgspec.structs.replace(write.decision.request, id=key)
    decision = msgspec.structs.replace(write.decision, id=f"d-{key}", request=request)
    return msgspec.structs.replace(write, decision=decision)
