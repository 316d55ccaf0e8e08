"""Portions go when nobody else writes, and after a while whatever else there is."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opportune.storage.portions import PILE, PORTIONS_MAX, YIELD_SECONDS, Portions, Waiting


class Clock:
    """Goes on when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def waiting(count: int) -> list[Waiting]:
    loop = asyncio.new_event_loop()
    try:
        return [Waiting((), loop.create_future(), False) for _ in range(count)]
    finally:
        loop.close()


def test_a_portion_lets_others_go_first_for_a_while_and_no_longer(clock: Clock) -> None:
    portions = Portions(clock)
    first, second = waiting(2)
    portions.add([first, second])

    assert portions.take(is_free=False) == []
    clock.now += YIELD_SECONDS / 2
    assert portions.patience() == pytest.approx(YIELD_SECONDS / 2)
    assert portions.take(is_free=False) == []
    clock.now += YIELD_SECONDS
    assert portions.take(is_free=False) == [first]
    assert portions.take(is_free=False) == []
    clock.now += YIELD_SECONDS
    assert portions.take(is_free=False) == [second]


def test_a_portion_does_not_wait_where_nobody_else_writes(clock: Clock) -> None:
    portions = Portions(clock)
    given_ = waiting(3)
    portions.add(given_)

    assert [portions.take(is_free=True) for _ in range(3)] == [[one] for one in given_]
    assert portions.take(is_free=True) == []
    assert portions.patience() == float("inf")


@given(st.integers(0, 100))
def test_a_pile_goes_several_at_once_in_its_order_and_whole(count: int) -> None:
    portions = Portions(Clock())
    given_ = waiting(count)
    portions.add(given_)

    taken: list[Waiting] = []
    while group := portions.take(is_free=True):
        assert len(group) == min(PORTIONS_MAX, 1 + (count - len(taken)) // PILE, count - len(taken))
        taken += group

    assert taken == given_
