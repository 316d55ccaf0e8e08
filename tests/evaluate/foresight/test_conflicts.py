"""What can have no effect: found from the strategy alone, or seen in the contacts that were decided."""

from __future__ import annotations

import pytest

from opportune.evaluate.foresight import Case, conflicts, funnel_of
from opportune.evaluate.foresight.domination import bounds
from opportune.evaluate.foresight.sentences import conflict_said
from opportune.evaluate.speech import LANGUAGES
from opportune.service.foreseeing import side_of
from opportune.service.revisions import strategy_from_files
from tests.evaluate.foresight.examples import AT, example, people
from tests.evaluate.foresight.test_limits import request
from tests.service.shop import files

COSTS = "{shown: -0.5, accept: 1}"


def action(name, values="{accept: 1}", **keys):
    own = "".join(f"{key}: {value}\n" for key, value in keys.items())
    return (
        f"kind: offer\ntitle: {name}\n{own}values: {{profit: {values}}}\n"
        "treatments: {app: {card: {content: {en: {title: One}, pl: {title: Jeden}}}}}\n"
    )


def found(code, cases=(), **changed):
    side = side_of(strategy_from_files(files(**changed))[0], None, None, "numpy")
    return [one for one in conflicts(side, funnel_of(side, cases)) if one.code == code]


def test_an_action_that_others_always_beat_can_never_be_best():
    gift = action("gift", "{shown: 2}")

    (one,) = found("never-best", actions__drinks__gift=gift, actions__drinks__loss=action("loss", COSTS))

    assert (one.subject, one.detail, one.certain) == ("action:loss", ("gift",), True)


@pytest.mark.parametrize(
    "gift",
    [
        action("gift", "{shown: 2}", eligibility='"customer.member"'),
        action("gift", "{shown: 2}", valid="{until: 2030-01-01}"),
        action("gift", "{shown: 2}", active="false"),
        action("gift", "{shown: 0.4}"),
    ],
    ids=["for members alone", "for a time", "switched off", "worth no more"],
)
def test_an_action_that_others_do_not_always_beat_may_be_best(gift):
    assert not found("never-best", actions__drinks__gift=gift, actions__drinks__loss=action("loss", COSTS))


def test_what_a_limit_may_hold_back_beats_nobody():
    policy = "once: {at_most: 1, within: {days: 7}, counts: shown, per: person}\n"
    gift, loss = action("gift", "{shown: 2}"), action("loss", COSTS)

    assert not found("never-best", actions__drinks__gift=gift, actions__drinks__loss=loss, contact_policies=policy)


def test_what_needs_a_consent_beats_nobody_who_needs_none():
    asked = "offers: {basis: consent, kinds: [offer], texts: {v1: 'May we?'}}\n"
    gift, loss = action("gift", "{shown: 2}"), action("loss", COSTS).replace("kind: offer", "kind: service")

    assert not found("never-best", actions__drinks__gift=gift, actions__drinks__loss=loss, consents=asked)


@pytest.mark.parametrize(
    ("gifts", "placements", "is_beaten"),
    [(["gift"], "card, list", False), (["gift"], "card", True), (["gift", "present"], "card, list", True)],
)
def test_what_may_stand_in_another_placement_already_leaves_its_place_to_others(gifts, placements, is_beaten):
    channels = files()["channels.yaml"].replace("card: {size: 1", "list: {size: 1, fallback: []}\n    card: {size: 1")
    own = f"card: {{placements: [{placements}], content"
    better = {f"actions__drinks__{name}": action(name, "{shown: 2}").replace("card: {content", own) for name in gifts}
    loss = action("loss", COSTS).replace("card: {content", "card: {placements: [card], content")

    told = found("never-best", actions__drinks__loss=loss, channels=channels, **better)

    assert ("action:loss" in [one.subject for one in told]) is is_beaten


def test_what_is_mandatory_is_not_beaten():
    gift, loss = action("gift", "{shown: 2}"), action("loss", COSTS, mandatory='"customer.member"')

    assert not found("never-best", actions__drinks__gift=gift, actions__drinks__loss=loss)


def test_priorities_lie_between_their_bounds():
    for project in ("telecom", "coupons"):
        side = side_of(example(project), None, None, "numpy")
        low, high = bounds(side.plan)

        for case in people(project, 30):
            decision = side.decide(case)
            for answer, trace in zip(decision.placements, decision.traces, strict=True):
                for shown, candidate in zip(answer.actions, trace.chosen, strict=True):
                    assert low[candidate] - 1e-5 <= shown.priority <= high[candidate] + 1e-5


def test_an_action_that_its_own_rules_keep_from_being_mandatory_is_named():
    gift = action("gift", eligibility='"customer.age >= 18"', mandatory='"customer.age < 16"')

    (one,) = found("never-mandatory", actions__drinks__gift=gift)

    assert one.subject == "action:gift"
    assert "exclude each other" in one.detail[0]


def test_a_bundle_whose_parts_exclude_each_other_is_named():
    young, old = (action(name, eligibility=f'"customer.age {rule}"') for name, rule in (("a", "< 16"), ("b", "> 60")))
    slates = "both: {only_together: [young, old]}\n"
    channels = files()["channels.yaml"].replace("card: {size: 1", "card: {size: 2")

    (one,) = found(
        "never-bundled", actions__drinks__young=young, actions__drinks__old=old, slates=slates, channels=channels
    )

    assert one.subject == "bundle:both"


def test_what_passed_for_nobody_and_what_was_never_shown_is_named():
    cases = [Case(f"c-{age}", f"c-{age}", request(age), {"age": age}, AT, f"s-{age}") for age in (20, 30)]
    floor = files()["channels.yaml"].replace("card: {size: 1,", "card: {size: 1, exploration: {method: none},")

    (passed,) = found("never-passed", cases, channels=floor)
    shown = found("never-shown", cases, channels=floor)

    assert (passed.subject, passed.number) == ("action:wine", 2)
    assert [(one.subject, one.detail, one.number) for one in shown] == [("action:water", ("coffee",), 2)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_conflict_is_said_in_a_sentence(language):
    gift = action("gift", eligibility='"customer.age >= 18"', mandatory='"customer.age < 16"')
    policies = (
        "once: {at_most: 1, within: {days: 7}, counts: shown, per: person}\n"
        "more: {at_most: 2, within: {days: 7}, counts: shown, per: person}\n"
    )
    side = side_of(
        strategy_from_files(files(actions__drinks__gift=gift, contact_policies=policies))[0], None, None, "numpy"
    )

    said = [conflict_said(one, language) for one in conflicts(side, funnel_of(side, []))]

    assert len(said) >= 2
    assert all(one.endswith(".") and "{" not in one for one in said)
