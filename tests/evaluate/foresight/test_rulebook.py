"""Which rules keep an action from a customer, asked one by one."""

from __future__ import annotations

import numpy as np
import pytest

from opportune.evaluate.foresight.rulebook import Rulebook
from opportune.service.revisions import strategy_from_files
from opportune.strategy.files import read_texts
from opportune.strategy.starter import STARTER

SEEN = "seen: { count: shown, over: contacts, per: action, within: { days: 7 } }\n"
GROUP = "title: Plans\nsuitability: feature.seen < 3\n"


@pytest.mark.parametrize(("family_sim", "plus_plan"), [(5, 0), (0, 5), (5, 5), (0, 0)])
def test_a_rule_of_a_group_is_asked_for_each_action_where_it_has_a_value_for_each(family_sim, plus_plan):
    strategy, _ = strategy_from_files(
        {**read_texts(STARTER)[0], "features.yaml": SEEN, "actions/plans/group.yaml": GROUP}
    )
    plan, facts = strategy.plan, {"feature.seen@family_sim": family_sim, "feature.seen@plus_plan": plus_plan}
    book = Rulebook(plan, strategy.project)
    (number,) = (i for i, policy in enumerate(book.policies) if policy.rule == "feature.seen < 3")
    rows = {plan.actions[row % len(plan.actions)].name: (row, place) for row, place in np.argwhere(book.rows == number)}

    failed = book.judge(facts).failed

    assert book.policies[number].owner == "group:plans"
    assert failed[rows["family_sim"]] == (family_sim >= 3)
    assert failed[rows["plus_plan"]] == (plus_plan >= 3)
    assert failed[rows["travel_pack"]]
