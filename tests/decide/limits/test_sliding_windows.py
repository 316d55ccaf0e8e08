"""What sliding windows count and how long rests last, against brute force over changes of the clocks in Warsaw."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from opportune.decide.limits.counting import policy_holds
from opportune.decide.limits.history import History
from opportune.decide.limits.limits import Apart, AtMost, Limits, Rest, Scope
from opportune.decide.limits.standing import Standing, holds_of
from opportune.decide.limits.windows import DAY, MICRO, Length, instant, micros
from opportune.records import Contact
from tests.decide.limits import warsaw
from tests.worlds import Item, World

ZONE = "Europe/Warsaw"
ACTIONS = ("loan_a", "loan_b", "card_a")
GROUP_OF = {"loan_a": "loans", "loan_b": "loans", "card_a": "cards"}
WHATS = ("shown", "view", "click")
WINDOWS = {"week": (7, 0), "day": (1, 0), "hours_24": (0, DAY), "hours_4": (0, 4 * 3_600), "both": (1, 7_200)}
CONTACTS = 50


def world():
    plan = World([Item(name, group=GROUP_OF[name]) for name in ACTIONS]).plan()
    names = [key.action for key in plan.candidates]
    slices = {name: slice(names.index(name), names.index(name) + 1) for name in ACTIONS}
    scope = Scope(np.ones(3, dtype=bool), frozenset(ACTIONS), {"loans": 2, "cards": 1}, None, True)
    policies = [
        AtMost(f"{name}_{per}", scope, 2, Length(*length), frozenset({"shown"}), per)
        for name, length in WINDOWS.items()
        for per in ("person", "group", "action")
    ]
    policies += [
        Rest(f"rest_{rests}", scope, "view", 2, Length(3), "click", Length(10), rests)
        for rests in ("action", "group", "all")
    ]
    limits = Limits(
        zone="UTC",
        policies=tuple(policies),
        actions={name: (slices[name], GROUP_OF[name], "offer") for name in ACTIONS},
        groups={key.group: slice(0, 3) for key in plan.candidates},
        size=3,
        horizon_seconds=1,
    )
    return replace(plan, limits=limits)


def histories(persons, seed=7):
    """Make contacts by quarters of an hour around changes of the clocks: moments, what and about what, all [P, M]."""
    draw = np.random.default_rng(seed)
    change = draw.choice(warsaw.CHANGES[4:-4], persons)
    at = change[:, None] + 900 * draw.integers(-9 * 96, 9 * 96, (persons, CONTACTS))
    # Every second history is crowded, so that windows of hours count something too.
    at[1::2] = change[1::2, None] + 900 * draw.integers(-96, 96, (len(at[1::2]), CONTACTS))
    what, action = (draw.integers(0, 3, (persons, CONTACTS)) for _ in range(2))
    # Half of the moments of decision lie exactly so many days after some contact.
    now = at[np.arange(persons), draw.integers(0, CONTACTS, persons)] + 900 * draw.integers(0, 96, persons)
    exact = draw.random(persons) < 0.5
    exactly = warsaw.moved(at[:, 0], 7) + 900 * draw.integers(-1, 2, persons)
    return at, what, action, np.where(exact, exactly, now)


def members(action):
    """Give the counters of all three ways to count: part → which contacts belong to it."""
    parts = {"": np.ones_like(action, dtype=bool)}
    parts |= {f"action:{name}": action == number for number, name in enumerate(ACTIONS)}
    parts |= {"group:loans": action <= 1, "group:cards": action == 2}
    return parts


def kind_of(part):
    return {"": ("person", "all"), "action": ("action",), "group": ("group",)}[part.partition(":")[0]]


def reference(at, what, action, now, begin=warsaw.start):
    """Give every person's holds: (policy, part) → counter, or the end of a rest in seconds."""
    found = [{} for _ in now]
    for part, own in members(action).items():
        for name, length in WINDOWS.items():
            counts = (warsaw.counted(at, now, begin(now, *length)) & own & (what == 0)).sum(axis=1)
            for person in np.flatnonzero(counts >= 2):
                found[person][f"{name}_{kind_of(part)[0]}", part] = int(counts[person])
        until = warsaw.rests_until(at, own & (what == 1), own & (what == 2), now, 2, 3, 10)
        for person in np.flatnonzero(until > now):
            found[person][f"rest_{kind_of(part)[-1]}", part] = int(until[person])
    return found


def engine(plan, at, what, action, now):
    """Give the same by the engine."""
    found = []
    for row in range(len(now)):
        past = np.flatnonzero(at[row] <= now[row])
        contacts = [
            Contact(int(at[row, i]) * MICRO, WHATS[what[row, i]], ACTIONS[action[row, i]], "", "desk", "", "")
            for i in past
        ]
        holds = holds_of(plan, Standing(contacts), {"zone": ZONE}, instant(int(now[row]) * MICRO))
        found.append(
            {
                (hold.limit, hold.part): hold.until // MICRO if hold.kind == "rest" else hold.count
                for hold in holds
                if not hold.left
            }
        )
    return found


def differences(one, other):
    return sum(mine != theirs for mine, theirs in zip(one, other, strict=True))


@pytest.mark.parametrize("persons", [200, pytest.param(20_000, marks=pytest.mark.full)])
def test_windows_and_rests_are_those_of_brute_force(persons):
    plan = world()
    held = 0
    for seed in range(persons // 200):
        at, what, action, now = histories(200, seed)
        own = engine(plan, at, what, action, now)
        held += sum(map(len, own))

        assert differences(own, reference(at, what, action, now)) == 0
    assert held > 10 * persons


def naive(now, days, seconds):
    """Take days for 24 hours."""
    return now - days * DAY - seconds


def fixed(now, days, seconds):
    """Begin windows at midnight, as counters that are reset every night do."""
    if not days:
        return now - seconds
    return now - (now + 3_600) % DAY - (days - 1) * DAY - seconds


@pytest.mark.parametrize("wrong", [naive, fixed])
def test_windows_in_hours_alone_or_with_fixed_begins_are_found_out(wrong):
    at, what, action, now = histories(200)

    assert differences(engine(world(), at, what, action, now), reference(at, what, action, now, wrong)) > 0


def test_a_contact_counts_no_more_when_a_hold_ends():
    plan = world()
    at, what, action, now = histories(40, seed=3)
    checked = 0
    for row in range(40):
        contacts = [
            Contact(int(at[row, i]) * MICRO, WHATS[what[row, i]], ACTIONS[action[row, i]], "", "desk", "", "")
            for i in np.flatnonzero(at[row] <= now[row])
        ]
        moment = instant(int(now[row]) * MICRO)
        for hold in holds_of(plan, Standing(contacts), {"zone": ZONE}, moment):
            if hold.left:
                continue
            end = instant(hold.until)
            for later, is_held in ((end - timedelta(minutes=15), True), (end, False)):
                if later < moment:
                    assert is_held
                    continue
                names = [
                    (one.limit, one.part)
                    for one in holds_of(plan, Standing(contacts), {"zone": ZONE}, later)
                    if not one.left
                ]
                assert ((hold.limit, hold.part) in names) == is_held
                checked += 1
    assert checked > 200


def test_a_hold_that_comes_back_with_an_hour_ends_after_it_came():
    # At 02:30 of summer time the window had left it out; at 02:15 of winter time it begins earlier once more.
    before, now, end = map(
        datetime.fromisoformat, ("2026-10-24T02:20+02:00", "2026-10-25T02:15+01:00", "2026-10-25T02:20+01:00")
    )
    contact = Contact(micros(before), "shown", "loan_a", "", "desk", "", "")
    scope = Scope(np.ones(3, dtype=bool), frozenset(ACTIONS), {"loans": 2, "cards": 1}, None, True)
    policies = (AtMost("one", scope, 1, Length(1), frozenset({"shown"}), "person"), Apart("breath", scope, Length(1)))

    holds = [*policy_holds(Limits(policies=policies), History([contact], {}), {}, now, ZONE, 1)]

    assert [(hold.kind, instant(hold.until)) for hold in holds] == [("at_most", end), ("distance", end)]
