"""Explanations name the rule of slates that kept a candidate out."""

import numpy as np
import pytest

from opportune.decide import Draws, State, decide
from opportune.decide.explain import explain
from opportune.decide.fallback import Reason, fallback
from opportune.decide.slate import Apart, Bundle, Links, Minimum, Most
from opportune.records import Stage
from tests.worlds import NOON, Item, World, model_of, replace, request

ITEMS = [Item("a", value=5), Item("b", value=4), Item("c", value=3), Item("d", value=2), Item("e", value=1)]


def some(*numbers):
    members = np.zeros(len(ITEMS), dtype=bool)
    members[list(numbers)] = True
    return members


CASES = {
    "quota": (
        Links(quotas=(Most("few", "group loans", some(0, 1), 1, True),)),
        "b",
        "quota few: 1 of 1 of group loans",
    ),
    "apart": (
        Links(apart=(Apart("never", ("a", "group:x"), np.array([0, 1, 1, -1, -1]), True),)),
        "b",
        "never: it does not stand together with a",
    ),
    "bundle": (Links(bundles=(Bundle("pair", (1, 2, 3, 4)),)), "b", "bundle pair needs 4 places"),
    "author": (
        Links(quotas=(Most("few", "group loans", some(0, 1), 1, True),), because={"few": "One loan at a time"}),
        "b",
        "One loan at a time (quota few: 1 of 1 of group loans)",
    ),
}


def explained(plan, action):
    model = model_of(plan)
    decision = decide(plan, State(model=model, position=0), request(), NOON, Draws("s"))
    (placement,) = explain(plan, decision, model).placements
    return next(one for one in placement.candidates if one.action == action)


@pytest.mark.parametrize("case", CASES)
def test_it_names_the_rule(case):
    links, action, words = CASES[case]
    if case == "apart":
        # Together b and c would be worth more than a.
        links = replace(links, apart=(replace(links.apart[0], part_of=np.array([0, 1, -1, -1, -1])),))

    one = explained(replace(World(ITEMS, sizes={"main": 3}).plan(), links=links), action)

    assert one.stage == "linked"
    assert one.reason == words


def test_an_incomplete_bundle_names_what_is_missing():
    items = [*ITEMS[:3], Item("d", eligibility=["customer.age > 200"]), ITEMS[4]]
    links = Links(bundles=(Bundle("pair", (0, 3)),))

    one = explained(replace(World(items, sizes={"main": 3}).plan(), links=links), "a")

    assert one.reason == "bundle pair incomplete: d cannot stand here"


def test_a_minimum_says_whose_place_it_holds():
    links = Links(minima=(Minimum("served", "kind service", some(3, 4), 1, True, None),))

    one = explained(replace(World(ITEMS, sizes={"main": 2}).plan(), links=links), "b")

    assert one.stage == "outranked"
    assert "others took the places (minimum served: 1 of 1 of kind service)" in one.reason


@pytest.mark.parametrize(
    ("links", "shown"),
    [
        (Links(), ["a", "b", "c"]),
        (Links(quotas=(Most("few", "", some(0, 1), 1, True),)), ["a", "c"]),
        (Links(bundles=(Bundle("pair", (1, 4)),)), ["a", "c"]),
        (Links(bundles=(Bundle("pair", (1, 2)),)), ["a", "b", "c"]),
    ],
)
def test_the_fallback_keeps_the_rules(links, shown):
    plan = replace(World(ITEMS, sizes={"main": 3}, fallback=["a", "b", "c"]).plan(), links=links)

    decision = fallback(plan, request(), {}, NOON, Reason.STORE_SLOW)

    assert [one.action for one in decision.placements[0].actions] == shown
    assert decision.traces[0].stages.count(Stage.SHOWN) == len(shown)
