"""Persona tests of several turns: what one turn says, shows and hears counts in the next."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from opportune.outcomes import new_model
from opportune.strategy import check_files
from opportune.strategy.compile import compile_plan, registries
from opportune.strategy.compile_features import compile_features
from opportune.strategy.files import read_texts
from opportune.strategy.persona import PersonaResult, run_persona, unexplored
from opportune.strategy.sessions import carried

TELECOM = Path(__file__).parents[2] / "examples" / "telecom"
SIX_TURNS = "A call in six turns"


def results(edits: Mapping[str, tuple[str, str]]) -> dict[str, PersonaResult]:
    """Run the example's tests of several turns, with texts of its files replaced first."""
    files = dict(read_texts(TELECOM)[0])
    for path, (find, put) in edits.items():
        assert find in files[path]
        files[path] = files[path].replace(find, put)
    checked = check_files(dict(files))
    plan, read = unexplored(compile_plan(checked)), registries(checked.project)
    model, features = new_model(plan, "numpy"), compile_features(checked)
    return {one.name: run_persona(plan, read, model, one, features) for one in checked.personas if one.turns}


def test_the_call_in_six_turns_goes_as_the_example_says() -> None:
    found = results({})

    assert {one.failures for one in found.values()} == {()}
    assert found[SIX_TURNS].ranking == ("explain_invoice", "automatic_payment", "paperless_invoice")


@pytest.mark.parametrize(
    ("path", "find", "put", "turn"),
    [
        ("context.yaml", "  keeps: session\n", "", "turn 3 (No contract, thank you)"),
        ("contact_policies.yaml", "outcome: reject", "outcome: no_answer", "turn 3 (No contract, thank you)"),
        ("segments.yaml", "context.mood == 'angry'", "context.mood == 'unhappy'", "turn 4 (The caller gets angry)"),
        ("actions/retention/loyalty_discount.yaml", "percent: 150", "percent: 1", "turn 5 (The caller calms down"),
        ("contact_policies.yaml", "rests: all", "rests: action", "turn 6 (Ten per cent off"),
    ],
    ids=["topic forgotten", "no taken for silence", "anger not heard", "objection not weighed", "deal forgotten"],
)
def test_each_turn_rests_on_what_the_example_says_of_it(path: str, find: str, put: str, turn: str) -> None:
    failures = results({path: (find, put)})[SIX_TURNS].failures

    assert failures
    assert failures[0].startswith(turn)


def test_what_came_of_an_action_that_no_answer_held_is_told() -> None:
    found = results(
        {"tests/session.yaml": ("outcomes: {contract_one_year: reject}", "outcomes: {second_line: reject}")}
    )

    said = "turn 3 (No contract, thank you): reject of second_line: it was in no answer before"
    assert said in found[SIX_TURNS].failures


def test_a_session_keeps_what_was_said_last_of_what_it_keeps() -> None:
    kept = frozenset(("topic", "mood"))
    first = carried(kept, {}, {"topic": "invoice", "waiting_minutes": 3})
    second = carried(kept, first, {"mood": "angry"})

    assert first == {"topic": "invoice"}
    assert second == {"topic": "invoice", "mood": "angry"}
    assert carried(kept, second, {"mood": "calm"}) == {"topic": "invoice", "mood": "calm"}
