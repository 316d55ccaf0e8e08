"""What binds one person now: by names of today, in the zone that may be known, for the places that are asked."""

from __future__ import annotations

import numpy as np
import pytest

from opportune.decide import Standing, holds_of, places_of
from opportune.decide.limits.limits import AtMost, Limits, Minors, Purpose, Quiet, Scope, Stock
from opportune.decide.limits.standing import off_today
from opportune.decide.limits.windows import Length, micros
from opportune.records import Contact, PlacementRequest
from tests.worlds import NOON, Item, World, replace, request

EVERYTHING = np.ones(1, dtype=bool)
SCOPE = Scope(EVERYTHING, frozenset({"a"}), {"things": 1}, None, False)
STOCK = Stock("pens", 1, "", False, Length(1), ("accept",), ("reject",), np.array([1]), (1,))


def plan_with(**limits):
    plan = World([Item("a")], sizes={"main": 3, "side": 1}).plan()
    actions = {"a": (slice(0, 1), "things", "offer")}
    return replace(plan, limits=Limits(actions=actions, groups={"things": slice(0, 1)}, size=1, **limits))


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        ({"policies": (Quiet("nights", SCOPE, 0, 0, frozenset(range(7))),)}, "quiet"),
        ({"stocks": {"pens": STOCK}}, "stock"),
        ({"purposes": (Purpose("marketing", "consent", {"desk": EVERYTHING}),)}, "consent"),
        ({"minors": Minors("customer.age", 18, True)}, "minor"),
        ({}, None),
    ],
)
def test_each_kind_of_limit_holds_where_it_is_the_only_one(limits, kind) -> None:
    standing = Standing(stocks={("pens", ""): 1}, consents=())

    holds = holds_of(plan_with(**limits), standing, {"zone": "UTC"}, NOON)

    assert [hold.kind for hold in holds] == ([kind] if kind else [])


def test_what_a_person_said_is_read_where_no_contact_counts() -> None:
    assert Limits(purposes=(Purpose("marketing", "consent", {}),)).needs_contacts
    assert not Limits().needs_contacts


@pytest.mark.parametrize(
    ("switches", "off"),
    [
        ([("action:old", True)], {"action:new"}),
        ([("action:old", True), ("action:new", False)], set()),
        ([("action:new", False), ("action:old", True)], {"action:new"}),
        ([("group:old", True), ("action:new", False)], {"group:things"}),
    ],
)
def test_of_all_names_that_something_had_the_latest_switch_holds(switches, off) -> None:
    limits = Limits(former={"old": "new"}, former_groups={"old": "things"})

    assert off_today(limits, switches) == off


@pytest.mark.parametrize("over", ["", "household"])
def test_what_was_shown_under_a_former_name_counts_for_the_person_and_for_the_unit(over) -> None:
    plan = plan_with(policies=(AtMost("once", SCOPE, 1, Length(7), frozenset({"shown"}), "action", over=over),))
    plan = replace(plan, limits=replace(plan.limits, former={"old": "a"}))
    shown = [Contact(micros(NOON) - 1, "shown", "old", "card", "desk", "main", "d-1")]
    standing = Standing(units={over: shown}) if over else Standing(shown)

    (hold,) = holds_of(plan, standing, {"zone": "UTC"}, NOON)

    assert (hold.part, hold.count) == ("action:a", 1)


@pytest.mark.parametrize(
    ("unproven", "asked", "is_quiet"),
    [(False, None, False), (True, None, True), (True, "Europe/Warsaw", True), (True, "Asia/Tokyo", False)],
)
def test_without_what_is_known_of_the_person_quiet_hours_are_those_of_the_request_else_of_the_project(
    unproven, asked, is_quiet
) -> None:
    # It is two in the afternoon in Warsaw, where the project is, and night where the customer lives.
    plan = plan_with(policies=(Quiet("siesta", SCOPE, 13 * 60, 15 * 60, frozenset(range(7))),))

    holds = holds_of(plan, Standing(unproven=unproven), {"zone": "Australia/Sydney"}, NOON, request=request(zone=asked))

    assert ("quiet" in {hold.kind for hold in holds}) is is_quiet


def test_without_a_contact_the_consents_of_all_channels_are_judged() -> None:
    plan = plan_with(purposes=(Purpose("marketing", "consent", {"desk": EVERYTHING, "post": EVERYTHING}),))
    plan = replace(plan, channels={"desk": plan.channels["desk"], "post": plan.channels["desk"]})

    holds = holds_of(plan, Standing(consents=()), {}, NOON)

    assert [hold.part for hold in holds] == ["channel:desk", "channel:post"]
    assert [hold.part for hold in holds_of(plan, Standing(consents=()), {}, NOON, request=request())] == [
        "channel:desk"
    ]


def test_places_are_those_that_are_asked_for_else_those_of_the_placement() -> None:
    main, side = PlacementRequest(name="main", size=2), PlacementRequest(name="side")

    assert places_of(plan_with(), request()) == 3
    assert places_of(plan_with(), request(placements=(main,))) == 2
    assert places_of(plan_with(), request(placements=(main, side))) == 3


def test_what_binds_is_listed_in_one_order_by_the_names_of_today() -> None:
    plan = plan_with(
        policies=(Quiet("nights", SCOPE, 0, 0, frozenset(range(7))),),
        stocks={"pens": STOCK},
        purposes=(Purpose("marketing", "consent", {"desk": EVERYTHING}),),
        minors=Minors("customer.age", 18, True),
    )
    plan = replace(plan, limits=replace(plan.limits, former={"old": "a"}))
    off = frozenset({"group:things", "action:old", *(f"action:b{n}" for n in range(9))})
    standing = Standing(stocks={("pens", ""): 1}, switched_off=off, consents=(), unproven=True)

    holds = holds_of(plan, standing, {"zone": "UTC"}, NOON)

    switches = ["action:a", *(f"action:b{n}" for n in range(9)), "group:things"]
    assert [hold.part for hold in holds[:11]] == switches
    assert [hold.kind for hold in holds[11:]] == ["identity", "consent", "minor", "quiet", "stock"]


def test_what_leaves_room_for_the_places_of_the_answer_does_not_bind() -> None:
    two = Scope(np.ones(2, dtype=bool), frozenset("ab"), {"things": 2}, None, False)
    policy = AtMost("one", two, 1, Length(7), frozenset({"shown"}), "person")
    stock = Stock("pens", 1, "", False, Length(1), ("accept",), ("reject",), np.array([1, 1]), (1, 1))
    plan = replace(plan_with(), limits=Limits(policies=(policy,), stocks={"pens": stock}, size=2))

    assert [hold.left for hold in holds_of(plan, Standing(), {"zone": "UTC"}, NOON)] == [1, 1]
    assert holds_of(plan, Standing(), {"zone": "UTC"}, NOON, places=1) == ()
