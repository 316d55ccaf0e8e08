"""Decisions without what is known of the person: after an objection, and for minors."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from opportune.decide import explain
from opportune.decide.pipeline import canonical
from tests.customers.consent.asked import ADULT, agreed, asking, decided, files, refused, request
from tests.worlds import model_of

OBJECTED = (agreed(), refused("profiling"))
GATHERED = {"feature.calls_7d": 3, "household.size": 2, "account.value": 1.5, "context.topic": "data"}


@pytest.fixture(scope="module")
def strategy():
    return asking()


def altered(rng: random.Random) -> dict[str, object]:
    """Give a profile of which everything may be otherwise."""
    everything = {
        "age": rng.randint(18, 100),
        "plan": rng.choice(["prepaid", "basic", "plus"]),
        "monthly_bill": rng.uniform(0, 2000),
        "data_used_percent": rng.uniform(0, 100),
        "customer_since": datetime(rng.randint(1990, 2026), 1, 1, tzinfo=UTC).isoformat(),
        "products": rng.sample(["roaming", "device_insurance", "family_sim"], rng.randint(0, 3)),
    }
    return {name: value for name, value in everything.items() if rng.random() < 0.8}


def test_after_an_objection_a_hundred_altered_profiles_get_the_same_bytes(strategy) -> None:
    rng = random.Random(7)

    answers = {
        canonical(
            decided(
                strategy,
                OBJECTED,
                altered(rng),
                version=number,
                gathered={**GATHERED, "feature.calls_7d": number, "household.size": number % 9},
            )
        )
        for number in range(100)
    }

    assert len(answers) == 1


def test_without_an_objection_they_do_not(strategy) -> None:
    rng = random.Random(7)

    answers = {canonical(decided(strategy, (agreed(),), altered(rng), version=number)) for number in range(100)}

    assert len(answers) > 50


def test_an_objection_keeps_the_facts_of_the_contact_and_drops_those_of_the_person(strategy) -> None:
    decision = decided(strategy, OBJECTED, asked=request(context={}), gathered=GATHERED)

    assert set(decision.facts) == {"context.topic", "now", "zone"}
    assert decision.person == "p-1"


def test_context_that_says_something_about_the_person_is_dropped_too() -> None:
    context = files()["context.yaml"].replace(
        "  values: [calm, annoyed]", "  values: [calm, annoyed]\n  personal: true"
    )
    asked = request(context={"mood": "calm", "topic": "data"})

    decision = decided(asking(context=context), OBJECTED, asked=asked, gathered=GATHERED)

    assert set(decision.facts) == {"context.topic", "now", "zone"}


def test_it_is_recorded_and_told(strategy) -> None:
    decision = decided(strategy, OBJECTED)

    told = explain(strategy.plan, decision, model_of(strategy.plan))

    assert [hold.limit for hold in decision.holds if hold.part == "profile"] == ["profiling"]
    assert told.profiling == "objection to profiling: objected 4 May 2026, 14:00, by web form, text v3"
    changes = [one.change for placement in told.placements for one in placement.candidates if one.change]
    assert not [change for change in changes if change.input.startswith("customer.")]


def test_consents_and_limits_still_hold(strategy) -> None:
    decision = decided(strategy, (refused("profiling"),))

    assert {hold.limit for hold in decision.holds} == {"marketing", "profiling"}


MINORS = "\nminors: { attribute: age, below: 18, unknown: adult }\n"


def with_minors(text: str = MINORS, **more: str):
    return asking(project=files()["project.yaml"].rstrip() + text, **more)


@pytest.mark.parametrize(
    ("customer", "setting", "is_minor"),
    [
        ({"age": 17}, MINORS, True),
        ({"age": 18}, MINORS, False),
        ({}, MINORS, False),
        ({}, MINORS.replace("adult", "minor"), True),
        ({"age": 17}, MINORS.replace("adult }", "adult, allowed_because: parents signed }"), False),
    ],
)
def test_minors_are_decided_for_without_what_is_known_of_them(customer, setting, is_minor) -> None:
    strategy = with_minors(setting)

    decision = decided(strategy, (agreed(),), {**customer, "plan": "basic"})

    assert ("customer.plan" not in decision.facts) is is_minor
    assert bool(explain(strategy.plan, decision).profiling) is is_minor


def test_it_is_told_whether_the_age_is_known() -> None:
    strategy = with_minors(MINORS.replace("adult", "minor"))

    young, unknown = (
        explain(strategy.plan, decided(strategy, (agreed(),), customer)).profiling for customer in ({"age": 17}, {})
    )

    assert young == "younger than 18"
    assert unknown == "age not known, which counts as younger than 18"


@pytest.mark.parametrize(("age", "is_minor"), [(17.9, True), (18.0, False)])
def test_an_age_may_be_a_number_with_a_fraction(age, is_minor) -> None:
    attributes = files()["attributes.yaml"] + "years: { type: number }\n"
    strategy = with_minors(MINORS.replace("attribute: age", "attribute: years"), attributes=attributes)

    decision = decided(strategy, (agreed(),), {**ADULT, "years": age})

    assert ("customer.plan" not in decision.facts) is is_minor


@pytest.mark.parametrize(
    ("born", "is_minor"),
    [
        ("2008-05-04T00:00:00+02:00", False),
        ("2008-05-05T00:00:00+02:00", True),
        ("2008-04-20T00:00:00+02:00", False),
        ("2008-06-01T00:00:00+02:00", True),
        ("2026-01-01T00:00:00Z", True),
    ],
)
def test_a_moment_of_birth_tells_the_age_by_the_calendar(born, is_minor) -> None:
    attributes = files()["attributes.yaml"] + "born: { type: timestamp }\n"
    strategy = with_minors(MINORS.replace("attribute: age", "attribute: born"), attributes=attributes)

    decision = decided(strategy, (agreed(),), {**ADULT, "born": born})

    assert ("customer.plan" not in decision.facts) is is_minor
