"""What decisions are expected to bring: by hand, and zero where both choose alike."""

from __future__ import annotations

import numpy as np
import pytest

from opportune.decide import Standing
from opportune.evaluate.foresight import Case
from opportune.evaluate.foresight.effect import Expectation
from opportune.outcomes import Names
from opportune.records import Contact
from opportune.service.foreseeing import side_of
from opportune.service.revisions import strategy_from_files
from tests.evaluate.foresight.examples import EDITS, edited, example, people
from tests.evaluate.foresight.test_limits import BEGIN, request
from tests.service.shop import files


@pytest.fixture(scope="module")
def seen():
    side = side_of(example("telecom"), None, None, "numpy")
    return side, [(case, side.decide(case)) for case in people("telecom", 20)]


def test_it_is_the_sum_of_propensity_times_value_over_all_that_is_shown(seen):
    side, decided = seen
    plan = side.plan
    expectation = Expectation(plan, plan, Names())

    for case, decision in decided:
        by_hand = np.zeros(len(plan.goals))
        for answer in decision.placements:
            for shown in answer.actions:
                place = plan.index_of(shown.action, case.request.channel, shown.treatment)
                chances = np.array([shown.propensity[outcome] for outcome in plan.scored])
                by_hand += plan.values[:, :, place] @ chances + plan.shown_values[:, place]

        assert expectation.of(decision, Standing()) == pytest.approx(by_hand, rel=1e-4)


def test_both_sides_count_by_the_values_of_the_new_strategy(seen):
    side, decided = seen
    dearer = edited(EDITS[1])
    expectation = Expectation(side.plan, dearer.plan, Names())

    # A weight changes no value of a goal.
    for _, decision in decided:
        assert expectation.of(decision, Standing()) == pytest.approx(
            Expectation(side.plan, side.plan, Names()).of(decision, Standing())
        )


def test_an_action_that_is_gone_counts_by_the_values_that_it_had(seen):
    side, decided = seen
    fewer = edited(next(edit for edit in EDITS if edit.name == "an action less"))
    expectation = Expectation(side.plan, fewer.plan, Names())

    for _, decision in decided:
        assert expectation.of(decision, Standing()) == pytest.approx(
            Expectation(side.plan, side.plan, Names()).of(decision, Standing())
        )


def test_nothing_is_worth_nothing(seen):
    side, _ = seen

    assert not Expectation(side.plan, side.plan, Names()).of(None, Standing()).any()


def test_contacts_that_came_before_cost_what_the_goal_says():
    goals = "profit: {unit: EUR, currency: EUR, fatigue: {each: 2, within: {days: 7}}}\n"
    tiring = side_of(strategy_from_files(files(goals=goals))[0], None, None, "numpy")
    case = somebody_met_before()
    decision = tiring.decide(case)
    shown = sum(len(answer.actions) for answer in decision.placements)

    fresh, tired = (
        Expectation(tiring.plan, tiring.plan, Names()).of(decision, standing)
        for standing in (Standing(), case.standing)
    )

    assert fresh[0] - tired[0] == pytest.approx(2 * shown)


def somebody_met_before():
    at = int(BEGIN.timestamp() * 1e6) - 1
    contact = Contact(at, "shown", "water", "card", "app", "card", "d-1")
    return Case("c-001", "c-001", request(1), {"age": 30}, BEGIN, "s", Standing(contacts=[contact]))
