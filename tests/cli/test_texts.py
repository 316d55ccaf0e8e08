"""Commands for models that read texts: train, read, show."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from opportune.customers.texts.bundled import bundled_bytes
from tests.cli.conftest import Run

SAMPLES = Path(__file__).parents[1] / "customers" / "texts" / "samples"
BANKING = ("--data", SAMPLES / "banking.csv", "--labels", "category", "--language", "en")
TEXTS = """
concern:
  models: [banking_topics, models/own.texts]
  at_least: 0.5
  labels: {lost_or_stolen_card: card, change_pin: pin, anger: complaint}
"""
CONTEXT = "\nconcern: {type: text, values: [card, pin, complaint]}\n"


def test_a_model_is_trained_and_read(run: Run) -> None:
    Path("models").mkdir()
    trained = run("texts", "train", *BANKING, "--licence", "CC BY 4.0", "--out", "models/own.texts", "--json")
    shown = run("texts", "show", "models/own.texts", "--json")
    read = run("texts", "read", "I lost my card", "--model", "models/own.texts", "--json")

    assert trained.code == shown.code == read.code == 0
    assert trained.json["figures"]["accuracy"] >= 0.85
    assert trained.json["bytes"] == Path("models/own.texts").stat().st_size
    assert trained.json["ms_per_text"] > 0
    assert shown.json["about"]["licence"] == "CC BY 4.0"
    assert shown.json["about"]["quality"]["accuracy"] == trained.json["figures"]["accuracy"]
    assert read.json["sure"] == ["lost_or_stolen_card"]
    assert "lost" in {one["piece"] for one in read.json["spoken"]["lost_or_stolen_card"]}


def test_training_says_how_good_the_model_is(run: Run) -> None:
    data = SAMPLES / "moods.csv"
    ended = run("texts", "train", "--data", data, "--labels", "emotions", "--language", "pl", "--several",
                "--rename", "joy=delight", "--at-least", "0.3", "--out", "moods.texts")  # fmt: skip

    assert ended.code == 0
    assert "8 labels; a label counts from a chance of 0.3 on" in ended.out
    for figure in ("micro f1", "macro f1", "majority micro f1", "ms of one core per text"):
        assert figure in ended.out
    assert "for anger:" in ended.out
    assert "delight" in run("texts", "show", "moods.texts").out


def test_a_text_is_read_with_the_pieces_that_spoke(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("Kocham cię, dziękuję!\xff".encode())))

    ended = run("texts", "read", "-", "--model", "film_moods")

    assert ended.code == 0
    assert ended.out.splitlines()[0].endswith("joy")
    assert "for joy: " in ended.out


def test_an_unclear_text_says_so(run: Run) -> None:
    assert (
        "no label has a chance of 0.4" in run("texts", "read", "what a lovely sunset", "--model", "banking_topics").out
    )


def test_what_a_strategy_takes_from_a_text_is_shown(run: Run) -> None:
    run("init", "shop")
    Path("shop/models").mkdir()
    Path("shop/models/own.texts").write_bytes(bundled_bytes("film_moods"))
    Path("shop/texts.yaml").write_text(TEXTS)
    with Path("shop/context.yaml").open("a") as file:
        file.write(CONTEXT)

    assert run("check", "shop").code == 0
    assert run("texts", "read", "I lost my card", "--project", "shop").out == "context.concern: card\n"
    found = run("texts", "read", "I lost my card", "--project", "shop", "--language", "fr", "--json").json
    assert found == {"facts": {}, "doubts": ["context.concern: no model of this language"]}


def test_two_models_of_one_language_are_refused(run: Run) -> None:
    run("init", "shop")
    Path("shop/models").mkdir()
    Path("shop/models/own.texts").write_bytes(bundled_bytes("film_moods"))
    Path("shop/texts.yaml").write_text(TEXTS.replace("banking_topics", "film_moods"))
    with Path("shop/context.yaml").open("a") as file:
        file.write(CONTEXT)

    ended = run("check", "shop")

    assert ended.code == 1
    assert "texts.yaml:3:24: concern.models: a second model for language 'pl'; keep one of them" in ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("read", "hello"), 2, "expected either --model or --project"),
        (("read", "hello", "--model", "film_moods", "--language", "pl"), 2, "--language goes with --project"),
        (("read", "hello", "--model", "film_mods"), 1, "film_mods: No such file, and no model of this name"),
        (("show", str(SAMPLES / "moods.csv")), 1, "moods.csv: this is no model of texts"),
        (("train", *BANKING, "--out", "own.onnx"), 2, "--out: expected a name that ends in .texts, found own.onnx"),
        (("train", *BANKING, "--out", "own.texts", "--rename", "a"), 2, "--rename: expected OLD=NEW, found a"),
        (("train", *BANKING, "--out", "own.texts", "--text", "txt"), 1, "it has no column 'txt'; did you mean 'text'?"),
        (("train", *BANKING, "--out", "no/own.texts"), 2, "--out: there is no folder no"),
    ],
)
def test_wrong_use_is_told(run: Run, arguments: tuple[object, ...], code: int, message: str) -> None:
    ended = run("texts", *arguments)

    assert message in " ".join(ended.err.split())
    assert ended.code == code


def test_a_missing_package_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opportune.cli.texts.has_scikit_learn", lambda: False)

    ended = run("texts", "train", *BANKING, "--out", "own.texts")

    assert ended.code == 2
    assert "training needs scikit-learn, which is not installed; install opportune[texts]" in ended.err


def test_a_strategy_that_reads_nothing_says_so(run: Run) -> None:
    run("init", "shop")

    ended = run("texts", "read", "hello", "--project", "shop")

    assert ended.code == 1
    assert "the strategy reads nothing out of texts; see texts.yaml" in ended.err
