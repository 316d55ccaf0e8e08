"""What is no fault of a strategy and worth knowing all the same."""

from __future__ import annotations

import pytest

from opportune.strategy import Project, load_files
from opportune.strategy.advice import of_change, of_project
from opportune.strategy.files import read_texts
from opportune.strategy.starter import STARTER


def project(**added: str) -> Project:
    files, _ = read_texts(STARTER)
    for name, text in added.items():
        files[f"{name}.yaml"] = files.get(f"{name}.yaml", "") + text
    return load_files(files)


def chained(after: str = "") -> Project:
    files, _ = read_texts(STARTER)
    files["outcomes.yaml"] += f"\nclick: {{sign: positive}}\nbought: {{sign: positive{after}}}\n"
    return load_files(files)


def test_an_outcome_that_comes_after_another_one_from_now_on_asks_for_a_rebuild() -> None:
    plain, in_a_row = chained(), chained(", after: click")

    assert of_change(plain, in_a_row) == (
        "outcome 'bought' now comes after 'click': what models learned of it before answers another question;"
        " run 'opportune models rebuild'",
    )
    assert "no longer comes after 'click'" in of_change(in_a_row, plain)[0]


def test_words_of_one_language_in_texts_of_all_are_told() -> None:
    words = "{ type: text, if_missing: one of our shops }"
    said = of_project(project(context=f"shop: {words}\nnear: {{ type: text, if_missing: '' }}\n"))

    assert said == (
        "'if_missing' of 'context.shop' says the same words in texts of all languages (en, pl);"
        " write a map from language to text where that is not meant",
    )
    assert of_project(project(context=f"shop: {words.replace('one of our shops', '{en: a shop, pl: sklep}')}\n")) == ()


def test_a_new_outcome_or_an_equal_one_asks_for_nothing() -> None:
    assert of_change(project(), chained(", after: click")) == ()
    assert of_change(chained(), chained()) == ()


def test_trees_without_their_package_are_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = project(models="main: {}\nforest: {kind: trees}\n")

    assert of_project(found) == ()
    monkeypatch.setattr("opportune.strategy.advice.has_lightgbm", lambda: False)
    (told,) = of_project(found)
    assert "model 'forest' predicts by the rates" in told
    assert "install opportune[trees]" in told
    assert of_project(project()) == ()
