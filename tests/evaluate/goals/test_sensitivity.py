"""How often each factor decided the winner, compared with strategies that are written without it."""

from __future__ import annotations

import re

import pytest

from opportune.evaluate.goals import sensitivity
from opportune.service.foreseeing import side_of
from opportune.service.revisions import strategy_from_files
from tests.evaluate.foresight.examples import example, files, people
from tests.evaluate.goals.deciding import decided

COUNT = 50


def firsts(decisions):
    return [[answer.actions[0].action if answer.actions else "" for answer in one.placements] for one in decisions]


@pytest.fixture(scope="module", params=["telecom", "coupons"])
def found(request):
    cases = people(request.param, COUNT)
    return request.param, cases, sensitivity(side_of(example(request.param), None, None, "numpy"), cases)


def differing(project, cases, texts):
    """Count first places that a strategy of other texts gives to somebody else."""
    own = firsts(decided(example(project), cases, is_explored=False))
    other = firsts(decided(strategy_from_files(texts)[0], cases, is_explored=False))
    pairs = [pair for before, after in zip(own, other, strict=True) for pair in zip(before, after, strict=True)]
    return sum(before != after for before, after in pairs if before), sum(bool(before) for before, _ in pairs)


def test_levers_decided_as_often_as_without_them_by_hand(found):
    project, cases, seen = found
    texts = {path: re.sub(r"(?m)^lever: .*\n", "", text) for path, text in files(project).items()}
    assert texts != files(project)

    changed, all_ = differing(project, cases, texts)

    (lever,) = [one for one in seen.factors if one.factor == "lever"]
    assert (lever.decided, seen.firsts) == (changed, all_)
    assert lever.share.value == pytest.approx(changed / all_)


def test_a_goal_decided_as_often_as_without_its_weight_by_hand(found):
    project, cases, seen = found
    name = next(iter(example(project).project.goals))
    goals = re.sub(r"weight: 1(\.0)?\b", "weight: 0", files(project)["goals.yaml"], count=1)
    goals = goals.replace("segments: {churn_risk: 0.5}", "segments: {churn_risk: 0}")
    assert goals != files(project)["goals.yaml"]

    changed, _ = differing(project, cases, files(project) | {"goals.yaml": goals})

    (own,) = [one for one in seen.factors if one.factor == f"goal:{name}"]
    assert own.decided == changed


def test_actions_lose_and_gain_what_factors_decided(found):
    _, _, seen = found

    assert sum(one.wins for one in seen.actions) == seen.firsts
    for factor in seen.factors:
        assert sum(one.lost.get(factor.factor, 0) for one in seen.actions) == factor.decided
        assert sum(one.gained.get(factor.factor, 0) for one in seen.actions) <= factor.decided
    assert [one.decided for one in seen.factors] == sorted((one.decided for one in seen.factors), reverse=True)


def test_a_model_that_has_learned_nothing_decides_nothing(found):
    _, _, seen = found

    (propensity,) = [one for one in seen.factors if one.factor == "propensity"]
    assert propensity.decided == 0
