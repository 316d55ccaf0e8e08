"""Contact policies that count: what binds an answer of so many places, and when there is room again."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from opportune.decide import Draws, State, decide
from opportune.decide.limits.counting import policy_holds
from opportune.decide.limits.history import History
from opportune.decide.limits.limits import Apart, AtMost, Limits, Quiet, Rest, Scope
from opportune.decide.limits.windows import Length, micros
from opportune.records import Contact, Hold
from tests.worlds import NOON, Item, World, model_of, replace, request

GROUPS = {"a": "things", "b": "things", "c": "others"}
HOUR = 3_600_000_000
WITHIN = Length(0, 10 * 3_600)


def scope_of(names):
    sizes = {group: sum(GROUPS[name] == group for name in names) for group in ("things", "others")}
    return Scope(np.array([name in names for name in GROUPS]), frozenset(names), sizes, None, False)


def at_most(most, per="person", what="shown", over="", names="abc"):
    return AtMost("few", scope_of(names), most, WITHIN, frozenset({what}), per, over=over)


def history(shown, what="shown"):
    """The n-th of the actions was met n + 1 hours ago."""
    return History(
        [
            Contact(micros(NOON) - (n + 1) * HOUR, what, name, "card", "desk", "main", f"d{n}")
            for n, name in enumerate(shown)
        ],
        {},
    )


def limits_with(policy):
    actions = {name: (slice(n, n + 1), group, "offer") for n, (name, group) in enumerate(GROUPS.items())}
    return Limits(policies=(policy,), actions=actions, size=len(actions))


def test_policies_hold_in_the_order_of_the_project_and_quiet_hours_only_while_they_last():
    nights = Quiet("nights", scope_of("abc"), 600, 900, frozenset(range(7)))
    mornings = Quiet("mornings", scope_of("abc"), 300, 600, frozenset(range(7)))
    limits = replace(limits_with(nights), policies=(mornings, nights, at_most(1)))

    found = list(policy_holds(limits, history("a"), {}, NOON, "UTC", 1))

    assert found[0] == Hold("nights", "quiet", "", 0, 0, 0, None, micros(NOON) + 3 * HOUR)
    assert [hold.limit for hold in found] == ["nights", "few"]


@pytest.mark.parametrize(
    ("strangers", "channels", "shown", "counted"),
    [
        (True, None, ["a", "gone", "c"], 2),
        (False, None, ["a", "gone", "c"], 1),
        (True, {"desk"}, ["a", "gone"], 2),
        (True, {"app"}, ["a", "gone"], 0),
    ],
)
def test_what_the_strategy_no_longer_has_counts_where_all_actions_are_covered(strangers, channels, shown, counted):
    scope = replace(scope_of("ab"), strangers=strangers, channels=channels and frozenset(channels))

    found = holds(replace(at_most(1), scope=scope), history(shown), places=1)

    assert [hold.count for hold in found] == ([counted] if counted else [])


def test_a_distance_is_kept_from_the_last_contact():
    policy = Apart("breath", scope_of("abc"), Length(0, 4 * 3_600))

    found = holds(policy, history("ab"), places=1)

    assert found == [Hold("breath", "distance", "", 0, 1, 1, micros(NOON) - HOUR, micros(NOON) + 3 * HOUR)]


def test_rests_are_listed_by_what_rests():
    policy = Rest("tired", scope_of("abc"), "seen", 1, None, None, Length(1), "action")

    assert [hold.part for hold in holds(policy, history("ca", "seen"), places=1)] == ["action:a", "action:c"]


def test_of_rests_that_began_in_an_hour_that_came_twice_the_one_that_ends_last_holds():
    policy = Rest("tired", scope_of("abc"), "seen", 1, None, None, Length(1), "all")
    began = [datetime.fromisoformat(f"2026-10-25T{clock}") for clock in ("02:50+02:00", "02:10+01:00")]
    seen = History([Contact(micros(at), "seen", "a", "card", "desk", "main", "d") for at in began], {})

    (hold,) = policy_holds(limits_with(policy), seen, {}, began[1], "Europe/Warsaw", 1)

    assert hold.since == micros(began[0])
    assert hold.until == micros(datetime.fromisoformat("2026-10-26T02:50+01:00"))


def test_a_rest_over_a_day_of_25_hours_lasts_to_its_end():
    policy = Rest("tired", scope_of("abc"), "seen", 1, None, None, Length(1), "all")
    began, now, end = map(
        datetime.fromisoformat, ("2026-10-24T12:00+02:00", "2026-10-25T11:59+01:00", "2026-10-25T12:00+01:00")
    )
    seen = History([Contact(micros(began), "seen", "a", "card", "desk", "main", "d")], {})

    (hold,) = policy_holds(limits_with(policy), seen, {}, now, "Europe/Warsaw", 1)

    assert hold.until == micros(end)
    assert list(policy_holds(limits_with(policy), seen, {}, end, "Europe/Warsaw", 1)) == []


def holds(policy, own, places, units=None):
    return list(policy_holds(limits_with(policy), own, units or {}, NOON, "UTC", places))


@pytest.mark.parametrize(
    ("policy", "shown", "places", "found"),
    [
        (at_most(3), "a", 2, []),
        (at_most(3), "a", 3, [("", 2)]),
        (at_most(3), "ab", 2, [("", 1)]),
        (at_most(3), "", 3, []),
        (at_most(2), "", 3, [("", 2)]),
        (at_most(1), "", 1, []),
        (at_most(1), "", 2, [("", 1)]),
        (at_most(2, names="ab"), "", 3, []),
        (at_most(1, names="ab"), "", 3, [("", 1)]),
        (at_most(2), "ab", 3, [("", 0)]),
        (at_most(2), "abc", 3, [("", 0)]),
        (at_most(1, "group"), "", 3, [("group:things", 1)]),
        (at_most(2, "group"), "a", 3, [("group:things", 1)]),
        (at_most(2, "group"), "ac", 1, []),
        (at_most(1, "group"), "c", 3, [("group:others", 0), ("group:things", 1)]),
        (at_most(1, "action"), "b", 3, [("action:b", 0)]),
        (at_most(1, "action"), "cb", 3, [("action:b", 0), ("action:c", 0)]),
        (at_most(1, what="seen"), "", 3, []),
    ],
)
def test_a_counter_binds_where_it_is_full_or_one_answer_could_exceed_it(policy, shown, places, found):
    assert [(hold.part, hold.left) for hold in holds(policy, history(shown), places)] == found


@pytest.mark.parametrize(("shown", "places", "left"), [("", 2, 2), ("a", 2, 2), ("ab", 2, 1), ("abc", 2, 0)])
def test_an_answer_of_fewer_places_than_the_limit_shows_no_more_than_is_left(shown, places, left):
    plan = World([Item(name) for name in GROUPS], sizes={"main": places}).plan()
    plan = replace(plan, limits=limits_with(at_most(3)))
    found = tuple(holds(at_most(3), history(shown), places))

    decision = decide(plan, State(model_of(plan), 0, holds=found), request(), NOON, Draws("x"))

    assert len(decision.placements[0].actions) == left


def test_there_is_room_again_when_enough_have_left_the_window():
    (hold,) = holds(at_most(2), history("abc"), places=1)

    # Two of three have to leave; the second oldest was shown two hours ago.
    assert (hold.count, hold.of) == (3, 2)
    assert hold.since == micros(NOON) - 10 * HOUR
    assert hold.until == micros(NOON) + 8 * HOUR


def test_outcomes_count_where_they_are_what_counts():
    (hold,) = holds(at_most(1, what="seen"), history("a", "seen"), places=3)

    assert (hold.left, hold.count) == (0, 1)
    assert holds(at_most(1, what="seen"), history("a", "shown"), places=3) == []


def test_a_level_counts_its_unit_and_who_belongs_to_none_alone():
    policy = at_most(1, over="household")
    unit = {"household": history("a")}

    assert [hold.left for hold in holds(policy, history(""), 1, unit)] == [0]
    assert [hold.left for hold in holds(policy, history("a"), 1)] == [0]
    assert [hold.left for hold in holds(at_most(1), history(""), 1, unit)] == []
