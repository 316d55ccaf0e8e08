"""What is left of stocks: periods of the calendar, pacing, holds, and what decisions take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opportune.decide import Draws, State, decide, reserves_of, sold_out, stock_at
from opportune.decide.limits.limits import Limits, Stock
from opportune.decide.limits.masks import quotas_of
from opportune.decide.limits.periods import period_of
from opportune.decide.limits.stocks import stock_holds
from opportune.decide.limits.windows import Length, instant, micros
from opportune.records import Hold, Stage
from tests.worlds import NOON, Item, World, model_of, replace, request

WARSAW = "Europe/Warsaw"
LEASE = Length(0, 3_600)


def stock(units=10, uses=(1, 2, 0), period="", paced=False):
    amounts = tuple(sorted(use for use in uses if use))
    return Stock("headsets", units, period, paced, LEASE, ("accept",), ("reject",), np.array(uses), amounts)


def limits_with(one, zone="UTC"):
    actions = {f"a{n}": (slice(n, n + 1), "things", "offer") for n in range(len(one.uses))}
    return Limits(
        zone=zone, stocks={one.name: one}, actions=actions, groups={"things": slice(0, 3)}, size=len(one.uses)
    )


def plan_with(one, **sizes):
    plan = World([Item(f"a{n}") for n in range(3)], sizes=sizes or {"main": 3}).plan()
    return replace(plan, limits=limits_with(one))


def holds(one, taken, now=NOON, places=3):
    period = stock_at(plan_with(one), one.name, now)[0]
    return list(stock_holds(limits_with(one), {(one.name, period): taken}, now, places))


@pytest.mark.parametrize(
    ("kind", "moment", "name", "hours"),
    [
        ("hour", "2026-10-25T00:30:00Z", "2026-10-25T02+02:00", 1),
        ("hour", "2026-10-25T01:30:00Z", "2026-10-25T02+01:00", 1),
        ("day", "2026-10-25T12:00:00Z", "2026-10-25", 25),
        ("day", "2026-03-29T12:00:00Z", "2026-03-29", 23),
        ("week", "2027-01-01T12:00:00Z", "2026-W53", 168),
        ("week", "2026-10-18T21:59:59Z", "2026-W42", 168),
        ("week", "2026-10-18T22:00:00Z", "2026-W43", 169),
        ("month", "2026-11-30T22:59:59Z", "2026-11", 720),
        ("month", "2026-11-30T23:00:00Z", "2026-12", 744),
        ("year", "2026-06-01T00:00:00Z", "2026", 8_760),
        ("year", "2027-12-31T23:00:00Z", "2028", 8_784),
    ],
)
def test_a_period_is_that_of_the_calendar(kind, moment, name, hours):
    now = datetime.fromisoformat(moment)

    found, begin, end = period_of(kind, now, WARSAW)

    assert found == name
    assert instant(end) - instant(begin) == timedelta(hours=hours)
    assert instant(begin) <= now < instant(end)


@pytest.mark.parametrize(
    ("zone", "moment", "name", "begin", "minutes"),
    [
        ("Pacific/Chatham", "2026-04-04T13:59:59Z", "2026-04-05T03+13:45", "2026-04-04T13:15:00Z", 45),
        ("Pacific/Chatham", "2026-04-04T14:00:00Z", "2026-04-05T02+12:45", "2026-04-04T14:00:00Z", 15),
        ("Pacific/Chatham", "2026-09-26T14:05:00Z", "2026-09-27T03+13:45", "2026-09-26T14:00:00Z", 15),
        ("Australia/Lord_Howe", "2026-04-04T15:10:00Z", "2026-04-05T01+10:30", "2026-04-04T15:00:00Z", 30),
        ("Australia/Lord_Howe", "2026-10-03T15:59:00Z", "2026-10-04T02+11:00", "2026-10-03T15:30:00Z", 30),
        ("Asia/Kathmandu", "2026-10-03T12:00:00Z", "2026-10-03T17+05:45", "2026-10-03T11:15:00Z", 60),
    ],
)
def test_an_hour_in_which_clocks_change_is_as_long_as_they_tell_it(zone, moment, name, begin, minutes):
    found, first, last = period_of("hour", datetime.fromisoformat(moment), zone)

    assert found == name
    assert instant(first) == datetime.fromisoformat(begin)
    assert instant(last) - instant(first) == timedelta(minutes=minutes)


def test_what_uses_more_than_is_left_is_held_and_the_rest_shares_a_quota():
    one = stock(units=10, uses=(1, 5, 0))

    assert holds(one, 0) == []
    assert holds(one, 8) == [Hold("headsets", "stock", "over:2", 0, 8, 10)]
    assert holds(one, 10) == [Hold("headsets", "stock", "", 0, 10, 10)]
    assert holds(stock(units=10, uses=(4, 4, 4)), 5) == [Hold("headsets", "stock", "within:5", 1, 5, 10)]


@pytest.mark.parametrize(("taken", "members"), [(8, [True, True, False, False]), (7, [True, True, True, False])])
def test_a_quota_of_a_stock_counts_what_uses_it_and_no_more_than_is_left(taken, members):
    one = stock(uses=(1, 2, 3, 0))

    (quota,) = quotas_of(limits_with(one), holds(one, taken))

    assert (quota.members.tolist(), quota.most) == (members, 1)


def test_a_quota_of_a_stock_holds_in_the_answer():
    plan = plan_with(stock(units=10, uses=(4, 4, 0)))
    found = tuple(stock_holds(plan.limits, {("headsets", ""): 5}, NOON, 3))

    decision = decide(plan, State(model_of(plan), 0, holds=found), request(), NOON, Draws("x"))

    shown = [one.action for one in decision.placements[0].actions]
    assert len(set(shown) & {"a0", "a1"}) == 1
    assert "a2" in shown
    assert [quota.most for quota in quotas_of(plan.limits, found)] == [1]


def test_a_stock_that_is_not_paced_is_there_from_the_begin_of_its_period_until_the_next():
    one, begin = stock(10, (1, 2, 0), "day"), datetime(2026, 12, 1, tzinfo=UTC)

    (hold,) = holds(one, 10, now=begin + timedelta(hours=1))

    assert stock_at(plan_with(one), "headsets", begin)[1] == 10
    assert hold.until == micros(begin + timedelta(days=1))


@pytest.mark.parametrize(("uses", "taken", "wanted"), [((1, 0, 0), 10, 11), ((2, 3, 0), 10, 12), ((2, 0, 0), 98, 100)])
def test_a_paced_stock_is_told_to_be_there_again_when_it_lets_out_what_the_least_action_uses(uses, taken, wanted):
    one, begin = stock(100, uses, "day", paced=True), datetime(2026, 12, 1, tzinfo=UTC)

    hold = holds(one, taken, now=begin + timedelta(minutes=1))[0]

    lets_out = [stock_at(plan_with(one), "headsets", instant(hold.until - early))[1] for early in (1, 0)]
    assert lets_out == [wanted - 1, wanted]


def test_a_paced_stock_with_too_little_left_is_there_again_in_its_next_period():
    one, begin = stock(100, (2, 3, 0), "day", paced=True), datetime(2026, 12, 1, tzinfo=UTC)

    hold = holds(one, 99, now=begin + timedelta(minutes=1))[0]

    assert hold.until == micros(begin + timedelta(days=1))


def test_a_decision_takes_for_each_shown_action_until_its_lease_ends():
    plan = plan_with(stock(uses=(1, 2, 0)))

    decision = decide(plan, State(model_of(plan), 0), request(), NOON, Draws("x"))

    taken = {reserve.action: reserve for reserve in reserves_of(plan, decision, NOON)}
    assert {action: reserve.units for action, reserve in taken.items()} == {"a0": 1, "a1": 2}
    assert all(reserve.lease_until == micros(NOON + timedelta(hours=1)) for reserve in taken.values())
    assert all((one.confirmed_by, one.released_by) == (("accept",), ("reject",)) for one in taken.values())
    assert reserves_of(plan, msgspec.structs.replace(decision, degraded="store-slow"), NOON) == ()


def test_a_stock_that_was_lost_holds_what_uses_as_much():
    plan = plan_with(stock(uses=(1, 2, 0)))

    hold = sold_out(plan, "headsets", "a1", NOON)
    decision = decide(plan, State(model_of(plan), 0, holds=(hold,)), request(), NOON, Draws("x"))

    assert hold == Hold("headsets", "stock", "over:1", 0, 9, 10)
    stages = np.frombuffer(decision.traces[0].stages, dtype=np.uint8)
    assert [Stage(stage) for stage in stages] == [Stage.SHOWN, Stage.LIMITED, Stage.SHOWN]


def test_a_stock_of_which_nothing_was_taken_is_whole():
    one = stock(units=3, uses=(3, 0, 0))

    assert list(stock_holds(limits_with(one), {}, NOON, 3)) == []


def test_a_paced_stock_lets_nothing_out_at_the_begin_of_its_period():
    one, begin = stock(100, (2, 3, 0), "day", paced=True), datetime(2026, 12, 1, tzinfo=UTC)

    (hold,) = holds(one, 0, now=begin)

    assert (hold.left, hold.count, hold.of) == (0, 0, 0)
    assert begin < instant(hold.until) < begin + timedelta(minutes=1)
    assert sold_out(plan_with(one), "headsets", "a1", begin).count == 0


MONTH = 31 * 86_400


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 5_000), st.lists(st.integers(1, 50), min_size=1, max_size=3), st.integers(0, MONTH - 1))
def test_a_paced_stock_runs_ahead_of_the_clock_by_one_use_at_most(units, uses, second):
    one = stock(units, tuple(min(use, units) for use in uses), "month", paced=True)
    plan, now = plan_with(one), datetime(2026, 12, 1, tzinfo=UTC) + timedelta(seconds=second)

    _, most = stock_at(plan, "headsets", now)

    share = units * second / MONTH
    assert 0 <= most <= units
    assert most < share + 1 + one.largest
    assert second == 0 or most >= min(units, share)
    assert stock_at(plan, "headsets", now + timedelta(seconds=1))[1] >= most or second == MONTH - 1


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 500), st.integers(1, 20), st.integers(0, 500), st.integers(1, MONTH - 1))
def test_a_hold_of_a_paced_stock_ends_when_there_is_enough(units, use, taken, second):
    one = stock(units, (min(use, units),) * 3, "month", paced=True)
    taken = min(taken, units)
    now = datetime(2026, 12, 1, tzinfo=UTC) + timedelta(seconds=second)

    for hold in holds(one, taken, now):
        if hold.left:
            continue
        end = instant(hold.until)
        assert end > now
        if end < datetime(2027, 1, 1, tzinfo=UTC):
            assert not [other for other in holds(one, taken, end) if not other.left]
            before = end - timedelta(microseconds=1)
            assert before < now or [other for other in holds(one, taken, before) if not other.left]


def test_with_enough_demand_a_paced_stock_is_given_out_and_never_more():
    one = stock(800, (7, 7, 7), "day", paced=True)
    plan, begin = plan_with(one), datetime(2026, 12, 1, tzinfo=UTC)
    taken, spread = 0, []
    for minute in range(24 * 60):
        _, most = stock_at(plan, "headsets", begin + timedelta(minutes=minute))
        while taken + 7 <= most:
            taken += 7
        spread.append(taken)

    assert taken == 798
    assert spread[12 * 60] == pytest.approx(400, abs=14)
