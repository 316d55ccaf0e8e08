"""Features of a project: what rules, models and texts see of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from opportune.customers.features import EventHistory
from opportune.decide.limits.windows import Length, micros
from opportune.records import Contact, ValueType
from opportune.service.revisions import Strategy, compiled
from opportune.strategy import check_files
from tests.strategy.test_broken import edited

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
EVENTS = """
purchase:
  attributes:
    amount: { type: number, unit: EUR, range: [0, 1000] }
    category: { type: text, values: [fresh, bread] }
    tariff: { type: text }
"""
FEATURES = """
spend_30d: { sum: purchase.amount, within: { days: 30 }, unit: EUR, if_missing: nothing }
last: { last: purchase.category, predictor: false }
fresh: { share: purchase.category, values: [fresh], by: amount }
weighed: { rate: purchase.amount, within: { weeks: 1, hours: 2 } }
fading: { decayed: purchase, half_life: { days: 7 } }
again: { sequence: { first: { event: purchase, where: "event.amount > 5" }, then: purchase, within: { days: 2 } } }
seen: { count: shown, over: contacts, per: action, within: { days: 7 } }
mine: { count: purchase, per: action, action_in: tariff }
"""


def project(features: str = FEATURES, **more: object) -> Strategy:
    files = {f"{name}.yaml": edit for name, edit in more.items()}
    return compiled(check_files(edited({"events.yaml": EVENTS, "features.yaml": features, **files})))


def test_features_are_compiled_as_they_are_declared() -> None:
    found = {one.name: one for one in project().features.features}

    assert found["spend_30d"].source.attribute == "amount"
    assert found["spend_30d"].within == Length(30)
    assert found["weighed"].within == Length(7, 7_200)
    assert found["fading"].half_life == 7 * 86_400
    assert found["fresh"].source.weight == "amount"
    assert found["again"].gap == Length(2)
    assert found["again"].source.where is not None
    assert found["again"].then is not None
    assert found["seen"].per_action
    assert {name: one.type for name, one in found.items() if name in ("spend_30d", "last", "again", "seen")} == {
        "spend_30d": ValueType.NUMBER,
        "last": ValueType.TEXT,
        "again": ValueType.BOOLEAN,
        "seen": ValueType.INTEGER,
    }


def test_models_see_features_but_those_per_action_and_those_that_are_barred() -> None:
    names = {one.name for one in project().plan.predictors}

    assert {"feature.spend_30d", "feature.again", "feature.weighed"} <= names
    assert not names & {"feature.last", "feature.seen", "feature.mine"}


def test_texts_name_features() -> None:
    text = {"find": "A second card for 5 EUR a month.", "put": "You spent {{ feature.spend_30d }}."}

    assert project(**{"actions/plans/family_sim": [text]}).plan.templates


def test_a_rule_of_an_action_sees_the_value_of_that_action() -> None:
    group = "eligibility: feature.seen < 2\n"
    strategy = project(**{"actions/plans/group": group})
    names = [action.name for action in strategy.plan.actions]
    contacts = tuple(
        Contact(micros(NOW - timedelta(hours=hours)), "shown", "plus_plan", "card", "app", "home", f"d{hours}")
        for hours in (1, 2)
    )

    facts = strategy.features.read(EventHistory(), contacts, NOW, "UTC")
    known = {"customer.plan": "prepaid", "customer.products": [], "now": NOW, "zone": "UTC"}
    passed = strategy.plan.gate.passed({**facts, **known})

    eligible = dict(zip(names, np.asarray(passed[: len(names)]), strict=True))
    assert facts["feature.seen@plus_plan"] == 2
    assert facts["feature.seen@travel_pack"] == 0
    assert not eligible["plus_plan"]
    assert eligible["travel_pack"]
    assert not any(name.startswith("feature.seen@help") for name in facts)


def test_a_project_without_features_has_none() -> None:
    features = compiled(check_files(edited({}))).features

    assert len(features) == 0
    assert features.read(EventHistory(), (), NOW, "UTC") == {}
