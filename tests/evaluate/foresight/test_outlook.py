"""A plan names exactly those customers whose decisions change, as deciding before and after by itself shows."""

from __future__ import annotations

import pytest

from opportune.decide import Draws, Standing, State, decide, gather, holds_of
from opportune.evaluate.foresight import outlook
from opportune.outcomes import new_model
from opportune.records import Decision
from opportune.service.foreseeing import sides_of
from opportune.service.revisions import Strategy
from tests.evaluate.foresight.examples import EDITS, edited, example, people

COUNT, MANY = 40, 500
CALLED_NOW = {"online_security": "safe_surfing"}


def decided(strategy: Strategy, cases) -> list[Decision]:
    """Decide contacts in the plainest way, of people whom nobody has met before."""
    model = new_model(strategy.plan, "numpy")
    found = []
    for case in cases:
        profile = strategy.registries.customer.read(case.attributes)[0]
        placements = strategy.plan.channels[case.request.channel].placements
        places = sum(placements[wanted.name].size for wanted in case.request.placements)
        facts = gather(strategy.plan, profile, case.request, case.at)
        holds = holds_of(strategy.plan, Standing(consents=()), facts, case.at, places)
        state = State(model=model, position=0, person=case.person, profile=profile, holds=holds)
        found.append(decide(strategy.plan, state, case.request, case.at, Draws(case.seed)))
    return found


def shown(decision: Decision, called: dict[str, str]) -> list[list[object]]:
    return [
        [(called.get(one.action, one.action), one.treatment, one.content) for one in answer.actions]
        for answer in decision.placements
    ]


@pytest.fixture(scope="module")
def before():
    cases = {project: people(project, COUNT) for project in ("telecom", "coupons")}
    return {project: (own, decided(example(project), own)) for project, own in cases.items()}


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_those_who_are_named_are_those_whose_decisions_change(edit, before):
    names_exactly_those_who_change(edit, *before[edit.project])


@pytest.mark.full
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_those_who_are_named_among_many_are_those_whose_decisions_change(edit):
    cases = people(edit.project, MANY)

    names_exactly_those_who_change(edit, cases, decided(example(edit.project), cases))


def names_exactly_those_who_change(edit, cases, old):
    strategy = edited(edit)
    called = CALLED_NOW if edit.name == "a new name" else {}
    new = decided(strategy, cases)

    seen = outlook(sides_of(example(edit.project), strategy, None, None, "numpy"), cases)

    changed = [
        case.name for case, one, other in zip(cases, old, new, strict=True) if shown(one, called) != shown(other, {})
    ]
    assert [change.name for change in seen.changes] == changed
    assert bool(changed) == (edit.name not in ("a new name", "layout alone"))


def test_looking_at_the_first_place_alone_would_miss_some(before):
    cases, old = before["telecom"]
    seen = outlook(sides_of(example("telecom"), edited(EDITS[0]), None, None, "numpy"), cases)
    new = decided(edited(EDITS[0]), cases)

    firsts = [
        case.name
        for case, one, other in zip(cases, old, new, strict=True)
        if [placed[:1] for placed in shown(one, {})] != [placed[:1] for placed in shown(other, {})]
    ]

    assert set(firsts) < {change.name for change in seen.changes}


def test_counts_of_actions_add_up_to_what_is_shown(before):
    cases, old = before["coupons"]
    edit = next(edit for edit in EDITS if edit.name == "a group")
    seen = outlook(sides_of(example("coupons"), edited(edit), None, None, "numpy"), cases)
    new = decided(edited(edit), cases)

    for action in seen.actions:
        for number, side in ((action.before, old), (action.after, new)):
            assert number == sum(any(one.action == action.action for one in d.placements[0].actions) for d in side)
        assert action.after - action.before == action.gained - action.lost


def test_the_same_strategy_changes_nobody(before):
    cases, _ = before["telecom"]

    seen = outlook(sides_of(example("telecom"), example("telecom"), None, None, "numpy"), cases)

    assert seen.changed == seen.emptied == 0
    assert seen.kinds == {}
    assert seen.effects is None
