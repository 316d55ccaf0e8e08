"""Records of fallback answers wait for the store, within bounds, and what is given up is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from opportune.errors import InputError, StoreBusyError, StoreError
from opportune.service import keeping
from opportune.service.keeping import LateRecords
from opportune.storage import GroupWriter, SaveDecision


class Writer:
    """Fails as the script says, then takes everything."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.event_failures: list[Exception] = []
        self.taken: list[Any] = []
        self.events: list[Any] = []
        self.stored: bytes | None = None
        """Answer that was recorded before; None where none was."""

    async def write(self, write: Any) -> Any:
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(write)
        return type("Receipt", (), {"repeated": self.stored is not None, "answer": self.stored})()

    async def write_many(self, writes: Any) -> Any:
        if self.event_failures:
            raise self.event_failures.pop(0)
        self.events += writes
        return []


def keep(writer: Writer, use: Callable[[LateRecords], Awaitable[None]]) -> LateRecords:
    async def run() -> LateRecords:
        late = LateRecords(cast(GroupWriter, writer), lambda: "id", lambda: Clock.now)
        await use(late)
        return late

    return asyncio.run(run())


class Clock:
    now = 0.0


@dataclass(frozen=True)
class Late:
    """Stands for the record of a decision, and for the decision."""

    id: int

    @property
    def decision(self) -> Late:
        return self


def record(number: int) -> SaveDecision:
    return cast(SaveDecision, Late(number))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(Clock, "now", 0.0)


@pytest.mark.parametrize("failure", [StoreError("gone"), StoreBusyError("busy")])
def test_a_record_is_tried_until_the_store_takes_it(failure: Exception) -> None:
    writer = Writer(*[failure] * 5)

    async def use(late: LateRecords) -> None:
        for number in range(3):
            late.add(record(number))
        await late.close()

    late = keep(writer, use)

    assert sorted(one.id for one in writer.taken) == [0, 1, 2]
    assert (late.waiting, late.given_up) == (0, 0)


def test_of_too_many_the_oldest_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "RECORDS_MAX", 2)
    writer = Writer()

    async def use(late: LateRecords) -> None:
        for number in range(5):
            late.add(record(number))
        await late.close()

    late = keep(writer, use)

    assert writer.taken == [Late(3), Late(4)]
    assert late.given_up == 3


def test_a_record_that_is_too_old_is_given_up() -> None:
    writer = Writer(*[StoreError("gone")] * 100)

    async def use(late: LateRecords) -> None:
        late.add(record(1))
        await asyncio.sleep(0.01)
        Clock.now = keeping.SECONDS_MAX + 1
        await late.close()

    late = keep(writer, use)

    assert (late.waiting, late.given_up, writer.taken) == (0, 1, [])


def test_a_record_that_is_refused_is_not_tried_again() -> None:
    writer = Writer(InputError.of("id", "used before"))

    async def use(late: LateRecords) -> None:
        late.add(record(1))
        late.add(record(2))
        await late.close()

    late = keep(writer, use)

    assert (writer.taken, late.given_up) == ([Late(2)], 1)


def test_a_service_that_stops_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "CLOSE_SECONDS", 0.02)
    writer = Writer(*[StoreError("gone")] * 10_000)

    async def use(late: LateRecords) -> None:
        late.add(record(1))
        await late.close()

    late = keep(writer, use)

    assert (late.waiting, late.given_up) == (0, 1)


def test_a_write_that_the_end_of_a_service_cuts_off_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "CLOSE_SECONDS", 0.02)
    writer = Writer()

    async def hang(write: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(writer, "write", hang)

    async def use(late: LateRecords) -> None:
        late.add(record(1))
        await late.close()

    late = keep(writer, use)

    assert (late.waiting, late.given_up) == (0, 1)


@pytest.mark.parametrize(("stored", "unseen"), [(None, []), (b"fallback", []), (b"late", ["unseen"])])
def test_actions_are_unseen_only_where_the_late_decision_was_recorded(
    monkeypatch: pytest.MonkeyPatch, stored: bytes | None, unseen: list[str]
) -> None:
    monkeypatch.setattr(keeping, "_unseen", lambda late, new_id: ["unseen"])
    writer = Writer()
    writer.stored = stored

    async def use(late: LateRecords) -> None:
        late.add(record(1), late=cast(SaveDecision, SimpleNamespace(answer=b"late")))
        await late.close()

    keep(writer, use)

    assert writer.taken == [Late(1), *unseen]


WINDOW = SimpleNamespace(action="coffee", treatment="card")
WITHHELD = SimpleNamespace(action="wine", treatment="card")


@pytest.mark.parametrize(
    ("windows", "reserved", "contacts_seen", "expected"),
    [
        ((), (), None, {}),
        ((WINDOW, WITHHELD), (), None, {"coffee": True, "wine": True}),
        ((), ("coffee",), None, {"coffee": False}),
        ((), (), 3, {"coffee": False, "water": False}),
        ((WINDOW,), ("water",), None, {"coffee": True, "water": False}),
    ],
)
def test_what_nobody_saw_closes_its_window_and_takes_back_what_it_took(
    windows: Any, reserved: tuple[str, ...], contacts_seen: int | None, expected: dict[str, bool]
) -> None:
    def answers(name: str, *actions: str) -> Any:
        shown = tuple(SimpleNamespace(action=action, treatment="card") for action in actions)
        return (SimpleNamespace(name=name, actions=shown),)

    decided = SimpleNamespace(
        id="d", placements=answers("receipt", "coffee", "water"), withheld=answers("screen", "wine")
    )
    reserves = tuple(SimpleNamespace(action=action) for action in reserved)
    late = SimpleNamespace(decision=decided, windows=windows, reserves=reserves, contacts_seen=contacts_seen)

    told = list(keeping._unseen(cast(SaveDecision, late), lambda: "id"))

    # Of its window's end where it has one, else as a report.
    assert {one.outcome.action: one.expiry for one in told} == expected
    assert {one.placement for one in told if one.outcome.action == "wine"} <= {"screen"}


@pytest.mark.parametrize("refusal", [None, InputError.of("id", "used before")])
def test_what_an_answer_told_is_tried_on_its_own_and_its_record_counts_once(refusal: Exception | None) -> None:
    writer = Writer(*([] if refusal is None else [refusal]))
    writer.event_failures = [StoreError("gone")] * 3

    async def use(late: LateRecords) -> None:
        late.add(record(1), happened=cast(Any, ("call",)))
        await late.close()

    late = keep(writer, use)

    assert writer.taken == ([Late(1)] if refusal is None else [])
    assert writer.events == ["call"]
    assert (late.waiting, late.given_up) == (0, 0 if refusal is None else 1)


def test_a_record_that_is_written_is_not_lost_with_what_it_told() -> None:
    writer = Writer()
    writer.event_failures = [StoreError("gone")] * 100

    async def use(late: LateRecords) -> None:
        late.add(record(1), happened=cast(Any, ("call",)))
        await asyncio.sleep(0.01)
        Clock.now = keeping.SECONDS_MAX + 1
        await late.close()

    late = keep(writer, use)

    assert (writer.taken, writer.events, late.given_up, late.waiting) == ([Late(1)], [], 0, 0)


def test_records_are_written_in_order_in_small_groups_and_again_when_more_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeping, "GROUP_MAX", 2)
    # The first group fails, and is first again.
    writer = Writer(StoreError("gone"), StoreError("gone"))

    async def use(late: LateRecords) -> None:
        for number in range(3):
            late.add(record(number))
        while late.waiting or not late._task or not late._task.done():
            await asyncio.sleep(0.001)
        late.add(record(3))
        await late.close()
        assert late._unsettled == {}

    late = keep(writer, use)

    assert (writer.taken, late.given_up) == ([Late(number) for number in range(4)], 0)


@pytest.mark.parametrize("failures", [[], [StoreError("gone")] * 3, [InputError.of("id", "used before")]])
def test_who_waits_for_a_record_hears_when_it_is_written_or_given_up(failures: list[Exception]) -> None:
    writer = Writer(*failures)

    async def use(late: LateRecords) -> None:
        late.add(record(1))
        await late.settled(cast(Any, [1, 7]))
        assert not writer.failures
        assert late.given_up or writer.taken == [Late(1)]
        await late.close()

    keep(writer, use)


def test_who_waits_for_a_record_hears_of_it_though_the_same_was_asked_again() -> None:
    async def use(late: LateRecords) -> None:
        late.add(record(1))
        waiting = asyncio.create_task(late.settled(cast(Any, [1])))
        await asyncio.sleep(0)
        late.add(record(1))
        await waiting
        await late.close()

    assert keep(Writer(StoreError("gone")), use).given_up == 0


def test_who_waits_for_a_record_for_too_long_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "SETTLED_SECONDS", 0.01)
    monkeypatch.setattr(keeping, "CLOSE_SECONDS", 0.01)
    writer = Writer(*[StoreError("gone")] * 10_000)

    async def use(late: LateRecords) -> None:
        late.add(record(1))
        with pytest.raises(StoreBusyError, match="not written yet"):
            await late.settled(cast(Any, [1]))
        await late.close()
        await late.settled(cast(Any, [1]))

    keep(writer, use)
