"""Counts of a funnel against explanations of the same decisions, one candidate at a time."""

from __future__ import annotations

from collections import Counter

import pytest

from opportune.decide import explain
from opportune.evaluate.foresight import Policy, funnel_of
from opportune.service.foreseeing import side_of
from tests.evaluate.foresight.examples import example, people

LAYERS = ("eligibility", "applicability", "suitability")
COMPETING = ("shown", "outranked", "exclusive", "already_shown", "linked")


@pytest.fixture(scope="module", params=["telecom", "coupons"])
def seen(request):
    """A funnel, and what explanations say of the same contacts."""
    side = side_of(example(request.param), None, None, "numpy")
    cases = people(request.param, 60)
    decisions = [side.decide(case) for case in cases]
    told = [explain(side.plan, decision) for decision in decisions]
    return side, funnel_of(side, cases), told


def candidates(told):
    return [one for explanation in told for placement in explanation.placements for one in placement.candidates]


def test_every_stage_drops_what_explanations_say(seen):
    _, funnel, told = seen
    stages = Counter(one.stage for one in candidates(told))

    assert funnel.candidates == sum(stages.values())
    assert funnel.returned == stages["shown"]
    assert {one.stage: one.dropped for one in funnel.stages} == {one.stage: stages[one.stage] for one in funnel.stages}
    assert funnel.stages[-1].left == funnel.returned


def test_every_rule_drops_what_explanations_say_first(seen):
    _, funnel, told = seen
    first: Counter[str] = Counter()
    for one in candidates(told):
        if one.stage in LAYERS:
            first[one.rules[0].rule] += 1

    counted: Counter[str] = Counter()
    for fall in funnel.policies:
        if fall.policy.rule:
            counted[fall.policy.rule] += fall.dropped

    assert +counted == first


def test_a_rule_stands_where_its_author_wrote_it(seen):
    side, funnel, _ = seen

    for fall in funnel.policies:
        kind, _, name = fall.policy.owner.partition(":")
        if fall.policy.rule:
            owner = (side.project.groups if kind == "group" else side.project.actions)[name]
            assert fall.policy.rule in [text.rule for text in getattr(owner, fall.policy.stage)]


def test_a_rule_that_alone_stood_in_the_way_is_counted(seen):
    _, funnel, told = seen
    single = sum(one.stage in LAYERS and len(one.rules) == 1 for one in candidates(told))

    # Explanations stop at the layer that dropped a candidate, so they know at least as many.
    assert 0 < sum(fall.alone or 0 for fall in funnel.policies) <= single


def test_actions_left_are_those_that_passed_everything(seen):
    _, funnel, told = seen
    left: Counter[tuple[str, int]] = Counter()
    for explanation in told:
        for placement in explanation.placements:
            actions = {one.action for one in placement.candidates if one.stage in COMPETING}
            left[placement.name, len(actions)] += 1

    for served in funnel.served:
        name = served.placement.partition("/")[2]
        assert served.contacts == sum(number for (own, _), number in left.items() if own == name)
        assert served.nothing == left[name, 0]
        assert list(served.left[:5]) == [left[name, size] for size in range(5)]


def test_actions_add_up_to_all_candidates(seen):
    _, funnel, told = seen
    shown = Counter(one.action for one in candidates(told) if one.stage == "shown")

    assert sum(one.candidates for one in funnel.actions) == funnel.candidates
    assert {one.action: one.shown for one in funnel.actions if one.shown} == dict(shown)


def test_policies_sort_the_same_everywhere():
    one, other = Policy("eligibility", "action:a", "x"), Policy("eligibility", "action:b", "x")

    assert sorted([other, one]) == [one, other]
