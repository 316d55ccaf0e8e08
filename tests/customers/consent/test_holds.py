"""What a person allows, in a decision: silence, agreement, refusal, per channel; and what explanations say of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from opportune.decide import Draws, State, decide
from opportune.decide.fallback import Reason, fallback, standing_answers
from opportune.decide.pipeline import canonical, gathered_in
from opportune.service.revisions import strategy_from_files
from opportune.strategy.persona import run_persona, unexplored
from tests.customers.consent.asked import AT, agreed, asking, decided, fates, files, refused, request, shown
from tests.worlds import NOON, model_of

SOON = timedelta(seconds=1)
OFFERS = {"plus_plan", "family_sim", "travel_pack"}


@pytest.fixture(scope="module")
def strategy():
    return asking()


def test_silence_is_no_where_consent_is_the_basis(strategy) -> None:
    decision = decided(strategy, ())

    assert not shown(decision) & OFFERS
    assert fates(strategy, decision)["plus_plan"] == (
        "limited",
        "no consent to marketing by call_centre: nothing was said",
    )


def test_what_was_agreed_to_in_any_channel_is_shown(strategy) -> None:
    assert shown(decided(strategy, (agreed(),))) & OFFERS
    assert shown(decided(strategy, (agreed(channel="call_centre"),))) & OFFERS


def test_agreement_in_another_channel_is_none_here(strategy) -> None:
    assert not shown(decided(strategy, (agreed(channel="app"),))) & OFFERS


def test_a_withdrawal_is_told_with_moment_source_and_text(strategy) -> None:
    decision = decided(strategy, (agreed(at=AT - SOON), refused("marketing", "call_centre")))

    assert fates(strategy, decision)["plus_plan"] == (
        "limited",
        "no consent to marketing by call_centre: refused or withdrawn 4 May 2026, 14:00, by web form, text v3",
    )


@pytest.mark.parametrize(
    ("said", "allowed"),
    [
        ((agreed("marketing", "*", AT), refused("marketing", "call_centre", AT - SOON)), True),
        ((agreed("marketing", "call_centre", AT - SOON), refused("marketing", "*", AT)), False),
        ((agreed("marketing", "call_centre", AT), refused("marketing", "*", AT)), False),
        ((refused("tips"),), False),
    ],
)
def test_what_was_said_last_holds_be_it_of_one_channel_or_of_all(strategy, said, allowed) -> None:
    assert bool(shown(decided(strategy, said)) & OFFERS) is allowed


def test_silence_is_yes_where_objection_is_the_basis(strategy) -> None:
    asked = request("app")

    before = decided(strategy, (), asked=asked)
    after = decided(strategy, (refused("tips"),), asked=asked)

    assert shown(before)
    assert not shown(after)
    stage, reason = fates(strategy, after)["help_pages"]
    assert stage == "limited"
    assert reason == (
        "Some people want to be left alone (objection to tips by app: objected 4 May 2026, 14:00, by web form, text v3)"
    )


def test_a_purpose_of_some_channels_is_not_asked_about_in_others(strategy) -> None:
    assert "tips" not in {hold.limit for hold in decided(strategy, (refused("tips"),)).holds}


def test_consents_that_could_not_be_read_hold_back_all_that_anybody_may_object_to(strategy) -> None:
    decision = decided(strategy, None, asked=request("app"))

    assert not shown(decision)
    assert fates(strategy, decision)["help_pages"][1].endswith("(consent to tips by app could not be asked)")


def test_a_decision_with_holds_of_consents_follows_from_its_record(strategy) -> None:
    for consents in ((), (agreed(),), (refused("profiling"), agreed())):
        decision = decided(strategy, consents)

        again = decide(
            strategy.plan,
            State(
                model_of(strategy.plan),
                0,
                "p-1",
                {name: one for name, one in decision.facts.items() if name.startswith("customer.")},
                holds=decision.holds,
                gathered=gathered_in(decision),
            ),
            decision.request,
            NOON,
            Draws(decision.seed),
        )

        assert canonical(again) == canonical(decision)


def test_a_fallback_shows_a_known_customer_nothing_that_needs_asking(strategy) -> None:
    asked = request("app")
    facts = {"now": NOON, "zone": "Europe/Warsaw"}

    answer = fallback(strategy.plan, asked, facts, NOON, Reason.STORE_SLOW)
    anonymous = fallback(strategy.plan, request_of_nobody(), facts, NOON, Reason.STORE_SLOW)
    by_mail = replace(request_of_nobody(), identifiers={"email": "a@example.com"})

    assert not shown(answer)
    assert not shown(fallback(strategy.plan, by_mail, facts, NOON, Reason.STORE_SLOW))
    assert shown(anonymous) == {"help_pages"}


def request_of_nobody():
    return replace(request("app"), customer=None)


def test_answers_made_beforehand_show_nothing_that_needs_asking(strategy) -> None:
    placements = standing_answers(strategy.plan, NOON)["app"]

    assert not any(placement.actions for placement in placements)


def test_without_purposes_the_same_fallbacks_are_shown() -> None:
    texts = {**files()}
    del texts["consents.yaml"]
    plan = strategy_from_files(texts)[0].plan

    assert any(placement.actions for placement in standing_answers(plan, NOON)["app"])


PERSONA = """\
- name: one who withdrew
  at: 2026-05-04T14:00:00+02:00
  customer: { age: 40, plan: basic, data_used_percent: 95 }
  channel: call_centre
  placement: agent
  consents:
    marketing:
    - true
    - { given: false, channel: call_centre, ago: { hours: 2 }, source: web form, text: v3 }
  expect:
    absent:
      plus_plan: { stage: limited, because: "refused or withdrawn 4 May 2026, 12:00, by web form, text v3" }
- name: one who agreed
  at: 2026-05-04T14:00:00+02:00
  customer: { age: 40, plan: basic, data_used_percent: 95 }
  channel: call_centre
  placement: agent
  consents: { marketing: true }
  expect:
    present: [plus_plan]
"""


def test_persona_tests_say_what_the_person_allows() -> None:
    texts = {path: text for path, text in files().items() if not path.startswith("tests/")}
    strategy, checked = strategy_from_files({**texts, "tests/consents.yaml": PERSONA})
    plan = unexplored(strategy.plan)

    results = [run_persona(plan, strategy.registries, model_of(plan), one) for one in checked.personas]

    assert [one.failures for one in results] == [(), ()]
