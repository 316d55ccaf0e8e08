"""What a project reads out of texts: from its files to the reader, and what is told of changes."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from opportune.customers.texts import TextReader, to_bytes
from opportune.errors import ProjectError
from opportune.strategy import check_directory, check_files
from opportune.strategy.diff import differences
from opportune.strategy.files import read_texts
from opportune.strategy.load import load_files
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
