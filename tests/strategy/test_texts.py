"""What a project reads out of texts: from its files to the reader, and what is told of changes."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest

from opportune.customers.texts import TextReader, to_bytes
from opportune.errors import ProjectError
from opportune.outcomes import new_model
from opportune.strategy import check_directory, check_files
from opportune.strategy.compile import compile_plan, registries
from opportune.strategy.diff import differences
from opportune.strategy.files import read_texts
from opportune.strategy.load import load_files
from opportune.strategy.persona import run_persona, unexplored
from opportune.strategy.starter import STARTER
from opportune.strategy.texts import text_reader
from tests.customers.texts.parts import topics

OWN = "models/own.texts"
READING = """
topic:
  models: models/own.texts
  labels: {exchange_rate: travel, atm_support: travel, cash_withdrawal_charge: invoice}
  at_least: 0.3
  otherwise: other
mood:
  models: film_moods
  labels: {anger: annoyed, disgust: annoyed, joy: calm, trust: calm}
  at_least: 0.4
"""


def project(reading: str = READING) -> dict[str, str]:
    files, _ = read_texts(STARTER)
    files["texts.yaml"] = reading
    files[OWN] = base64.b64encode(to_bytes(topics().model)).decode()
    return files


def reader(reading: str = READING) -> TextReader:
    found = text_reader(check_files(project(reading)).project)
    assert found is not None
    return found


def test_a_project_reads_by_its_own_models_and_by_those_that_come_along() -> None:
    assert reader().read("what is your exchange rate", "en").facts == {"context.topic": "travel"}
    assert reader().read("Nienawidzę was! Oddajcie mi moje pieniądze!", "pl").facts == {"context.mood": "annoyed"}


def test_the_first_language_of_the_project_is_that_of_texts_that_do_not_say() -> None:
    assert reader().language == load_files(project()).settings.languages[0]


def test_an_attribute_of_several_texts_takes_all_that_are_likely() -> None:
    files = project("moods: {models: film_moods, at_least: 0.3}")
    files["context.yaml"] += "\nmoods: {type: texts}\n"

    found = text_reader(check_files(files).project)

    assert found is not None
    assert found.read("Kocham cię, dziękuję bardzo!", "pl").facts == {"context.moods": ["joy", "trust"]}


def test_a_project_without_texts_has_no_reader() -> None:
    assert text_reader(check_files(read_texts(STARTER)[0]).project) is None


def test_a_model_lies_in_the_folder_of_a_project(tmp_path: Path) -> None:
    for path, text in project().items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if path == OWN:
            file.write_bytes(to_bytes(topics().model))
        else:
            file.write_text(text, encoding="utf-8")

    assert dict(check_directory(tmp_path).project.files) == project()


def test_a_value_that_is_longer_than_its_attribute_takes_is_refused() -> None:
    files = project("short: {models: film_moods, labels: {anger: very annoyed}}")
    files["context.yaml"] += "\nshort: {type: text, max_length: 5}\n"

    with pytest.raises(ProjectError, match="does not take 'very annoyed'; shorten it to 5 characters"):
        check_files(files)


def test_changes_are_told() -> None:
    before, after = (
        load_files(project(text)) for text in (READING, READING.replace("0.3", "0.5").replace("mood:", "tone:"))
    )

    assert differences(before, after) == (
        "reading of texts 'mood' removed",
        "reading of texts 'tone' added",
        "reading of texts 'topic', at_least: 0.3 → 0.5",
    )


TURNS = """
- name: What is said is read, and holds for the rest of the call
  at: 2026-05-04T10:00:00Z
  channel: call_centre
  placement: agent
  customer: {age: 40, plan: basic, data_used_percent: 95}
  context: {topic: invoice}
  language: pl
  turns:
    - {says: He shouts, text: "Nienawidzę was! Oddajcie mi pieniądze!", expect: {absent: {plus_plan: {}}}}
    - {says: He waits, expect: {absent: {plus_plan: {}}}}
    - {says: He says thank you, text: "Kocham cię, dziękuję bardzo!", expect: {present: [plus_plan]}}
    - says: The agent knows better
      context: {mood: annoyed}
      text: Kocham cię, dziękuję bardzo!
      expect: {absent: {plus_plan: {}}}
"""


def failures(edits: Mapping[str, tuple[str, str]]) -> tuple[str, ...]:
    """Run the test above on the starter, with texts of its files replaced first."""
    files = project()
    files["context.yaml"] = files["context.yaml"].replace("mood:\n", "mood:\n  keeps: session\n")
    files["tests/more.yaml"] = TURNS
    for path, (find, put) in edits.items():
        assert find in files[path]
        files[path] = files[path].replace(find, put)
    checked = check_files(files)
    plan, read = unexplored(compile_plan(checked)), registries(checked.project)
    (persona,) = (one for one in checked.personas if one.name.startswith("What is said"))
    return run_persona(plan, read, new_model(plan, "numpy"), persona).failures


def test_what_is_said_in_a_turn_is_read_and_holds_where_the_session_keeps_it() -> None:
    assert failures({}) == ()


@pytest.mark.parametrize(
    ("path", "find", "put", "turn"),
    [
        ("texts.yaml", "anger: annoyed", "anger: calm", "turn 1 (He shouts)"),
        ("context.yaml", "  keeps: session\n", "", "turn 2 (He waits)"),
        ("texts.yaml", "joy: calm, trust: calm", "joy: annoyed, trust: annoyed", "turn 3 (He says thank you)"),
        ("tests/more.yaml", "{mood: annoyed}", "{mood: calm}", "turn 4 (The agent knows better)"),
    ],
)
def test_each_turn_rests_on_what_was_read(path: str, find: str, put: str, turn: str) -> None:
    (first, *_) = failures({path: (find, put)})

    assert first.startswith(turn)


def test_a_failed_turn_says_why_in_the_words_of_the_rule() -> None:
    wanted = "expect: {absent: {plus_plan: {}}}}\n    - {says: He waits"

    (shout, *_) = failures(
        {"tests/more.yaml": (wanted, wanted.replace("absent: {plus_plan: {}}", "present: [plus_plan]"))}
    )

    assert "Nobody who is annoyed about an invoice wants to buy" in shout


def test_a_test_of_one_answer_may_say_a_text() -> None:
    files = project()
    one = TURNS.split("  turns:")[0] + "  text: Nienawidzę was! Oddajcie mi pieniądze!\n"
    files["tests/more.yaml"] = one + "  expect: {absent: {plus_plan: {because: Nobody who is annoyed}}}\n"
    checked = check_files(files)
    plan, read = unexplored(compile_plan(checked)), registries(checked.project)

    (found,) = (run_persona(plan, read, new_model(plan, "numpy"), one) for one in checked.personas if one.text)

    assert found.failures == ()
