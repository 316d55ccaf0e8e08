"""Records of fallback answers wait for the store, within bounds, and what is given up is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
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

    async def write(self, write: Any) -> Any:
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(write)
        return type("Receipt", (), {"repeated": False, "answer": None})()

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
