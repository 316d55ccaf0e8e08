"""Who is left with nothing, and that something is left without the policies that are named."""

from __future__ import annotations

import pytest

from opportune.evaluate.foresight import Case, Policy, funnel_of, outlook
from opportune.records import DecisionRequest, PlacementRequest
from opportune.service.foreseeing import side_of, sides_of
from opportune.service.revisions import strategy_from_files
from tests.evaluate.foresight.examples import AT
from tests.service.shop import files

CHANNELS = """
till:
  outcomes: [impression, accept, reject]
  placements:
    screen: {size: 1, fallback: []}
"""
TREATMENTS = "treatments: {till: {card: {content: {en: {title: One}, pl: {title: Jeden}}}}}\n"
RULES = {
    "actions/drinks/group.yaml": 'suitability: "customer.age >= 14"\n',
    "actions/drinks/coffee.yaml": 'eligibility: "customer.age >= 18"\n',
    "actions/drinks/wine.yaml": "eligibility: \"customer.age >= 18 && context.weather == 'Rainy'\"\n",
    "actions/drinks/water.yaml": 'eligibility: {rule: "customer.member", because: "Members only"}\n',
    "actions/help/call_back.yaml": 'applicability: ["customer.city == \'Kielce\'", "customer.age >= 12"]\n',
}
GROUP = Policy("suitability", "group:drinks", "customer.age >= 14")
WATER = Policy("eligibility", "action:water", "customer.member", "Members only")
IN_KIELCE = Policy("applicability", "action:call_back", "customer.city == 'Kielce'")
TWELVE = Policy("applicability", "action:call_back", "customer.age >= 12")


def shop(**changed):
    """The corner shop with a screen alone and rules on everything."""
    texts = {path: text for path, text in files(channels=CHANNELS).items() if not path.startswith("tests/")}
    for path, rules in (RULES | changed).items():
        head = (
            "title: Drinks\n"
            if path.endswith("group.yaml")
            else "title: One\nkind: offer\nvalues: {profit: {accept: 1}}\n"
        )
        texts[path] = head + rules + ("" if path.endswith("group.yaml") else TREATMENTS)
    return strategy_from_files(texts)[0]


def customer(name, **known):
    request = DecisionRequest(
        id=name, channel="till", placements=(PlacementRequest(name="screen"),), context={"weather": "Sunny"}
    )
    return Case(name, name, request, known, AT, name)


CHILD = customer("child", age=11, member=False, city="Kielce")
TEEN = customer("teen", age=15, member=False, city="Radom")
BABY = customer("baby", age=2, member=True, city="Radom")
GROWN = customer("grown", age=40, member=False, city="Radom")


def wants(strategy, *cases):
    funnel = funnel_of(side_of(strategy, None, None, "numpy"), cases)
    return {want.policies: want.names for want in funnel.wants}


@pytest.mark.parametrize(
    ("case", "expected"),
    [(CHILD, {(TWELVE,)}), (BABY, {(GROUP,)}), (GROWN, set())],
    ids=["one rule", "a rule of the group", "somebody with something"],
)
def test_the_fewest_policies_that_stand_in_the_way_are_named(case, expected):
    assert set(wants(shop(), case)) == expected


def test_several_sets_of_one_size_are_all_named():
    assert set(wants(shop(), TEEN)) == {
        (WATER,),
        (IN_KIELCE,),
        (Policy("eligibility", "action:coffee", "customer.age >= 18"),),
        (Policy("eligibility", "action:wine", "customer.age >= 18 && context.weather == 'Rainy'"),),
    }


@pytest.mark.parametrize(
    ("case", "path", "rules"),
    [
        (CHILD, "actions/help/call_back.yaml", "applicability: \"customer.city == 'Kielce'\"\n"),
        (BABY, "actions/drinks/group.yaml", ""),
        (TEEN, "actions/drinks/water.yaml", ""),
    ],
    ids=["child", "baby", "teen"],
)
def test_without_what_is_named_something_is_left(case, path, rules):
    assert wants(shop(), case)
    assert not wants(shop(**{path: rules}), case)


def test_without_another_policy_nothing_is_left_still():
    assert wants(shop(**{"actions/drinks/group.yaml": ""}), TEEN)


def test_several_policies_together_are_named_together():
    strict = shop(
        **{"actions/help/call_back.yaml": 'applicability: ["customer.city == \'Kielce\'", "customer.age >= 99"]\n'}
    )
    old = customer("old", age=13, member=False, city="Radom")

    assert all(len(policies) == 2 for policies in wants(strict, old))


def test_what_is_switched_off_is_named():
    off = shop(**{"actions/drinks/water.yaml": RULES["actions/drinks/water.yaml"] + "active: false\n"})
    member = customer("member", age=15, member=True, city="Radom")

    assert (Policy("inactive", "action:water"),) in wants(off, member)


def test_a_plan_blames_for_those_whom_the_change_left_with_nothing_alone():
    before, after = shop(), shop(**{"actions/drinks/group.yaml": 'suitability: "customer.age >= 50"\n'})

    seen = outlook(sides_of(before, after, None, None, "numpy"), [CHILD, TEEN, BABY, GROWN])

    assert (seen.empty_before, seen.empty_after, seen.emptied) == (3, 4, 1)
    assert [(want.policies, want.names) for want in seen.wants] == [
        ((Policy("applicability", "action:call_back", "customer.city == 'Kielce'"),), ("grown",)),
        ((Policy("suitability", "group:drinks", "customer.age >= 50"),), ("grown",)),
    ]
    assert [(change.name, change.kind) for change in seen.changes] == [("grown", "nothing now")]
