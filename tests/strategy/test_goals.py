"""Goals of a project: what they compile to, their differences in words, and persona tests that see fatigue."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from opportune.decide.limits.windows import Length
from opportune.outcomes import new_model
from opportune.strategy import check_files
from opportune.strategy.compile import compile_plan, registries
from opportune.strategy.diff import differences
from opportune.strategy.files import read_texts
from opportune.strategy.load import load_files
from opportune.strategy.persona import run_persona, unexplored
from opportune.strategy.starter import STARTER

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "goals.md").read_text(encoding="utf-8")
GOALS = """
margin: { unit: EUR, currency: EUR, normal: 50, segments: { at_risk: 0.5 }, channels: { call_centre: 0.5 } }
loyalty: { unit: points, weight: 0.5, normal: 10, direction: less }
peace:
  unit: points
  fatigue: { each: 0.2, within: { days: 7, hours: 2 }, per: group, counts: [impression, reject], channels: app }
"""


def texts(**more):
    files, _ = read_texts(STARTER)
    return {**{path: text for path, text in files.items() if not path.startswith("tests/")}, **more}


def plan_of(files):
    return compile_plan(check_files(files))


def test_goals_compile_to_what_they_say():
    plan = plan_of(texts(**{"goals.yaml": GOALS}))
    (fatigue,) = plan.fatigues

    assert [goal.sign for goal in plan.goals] == [1.0, -1.0, 1.0]
    assert [goal.unit for goal in plan.goals] == ["EUR", "points", "points"]
    assert (fatigue.goal, fatigue.each, fatigue.per) == (2, 0.2, "group")
    assert fatigue.within == Length(7, 7_200)
    assert fatigue.counts == {"impression", "reject"}
    assert fatigue.scope.channels == {"app"}
    assert fatigue.scope.actions == {"plus_plan", "family_sim", "travel_pack"}
    in_app = np.array([key.channel == "app" for key in plan.candidates])
    assert not fatigue.scope.mask[~in_app].any()
    assert plan.channel_factors is not None
    assert plan.channel_factors[0].tolist() == [1.0 if app else 0.5 for app in in_app]
    assert (plan.channel_factors[1:] == 1.0).all()


def test_a_history_is_read_as_far_back_as_fatigue_looks():
    files = texts(**{"goals.yaml": GOALS, "contact_policies.yaml": "", "stocks.yaml": None})
    rest = {path: text for path, text in files.items() if text is not None}
    rest["actions/plans/family_sim.yaml"] = re.sub(r"(?m)^uses:.*\n", "", rest["actions/plans/family_sim.yaml"])

    limits = plan_of(rest).limits

    assert limits.is_empty
    assert limits.needs_contacts
    assert limits.horizon_seconds >= 7 * 86_400 + 7_200


def test_what_says_nothing_costs_nothing():
    plan = plan_of(texts())

    assert plan.fatigues == ()
    assert plan.channel_factors is None


def test_differences_are_told_in_words():
    other = GOALS.replace("each: 0.2", "each: 0.3").replace("direction: less", "direction: more")
    before, after = (load_files(texts(**{"goals.yaml": text})) for text in (GOALS, other))

    assert differences(before, after) == (
        "goal 'loyalty', direction: 'less' → 'more'",
        "goal 'peace', fatigue, each: 0.2 → 0.3",
    )


@pytest.mark.parametrize(("history", "passes"), [(True, True), (False, False)])
def test_the_persona_test_of_the_guide_holds_by_its_history_alone(history, passes):
    blocks = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    (fatigue,) = [block for block in blocks if "fatigue:" in block]
    (persona,) = [block for block in blocks if "history:" in block]
    if not history:
        persona = re.sub(r"  history:\n(    - .*\n)+", "", persona)
        assert "history" not in persona
    files = texts(**{"tests/fatigue.yaml": persona})
    files["goals.yaml"] += fatigue
    checked = check_files(files)
    plan = unexplored(compile_plan(checked))

    (one,) = checked.project.personas
    result = run_persona(plan, registries(checked.project), new_model(plan, "numpy"), one)

    assert (result.failures == ()) is passes
