"""The models that come along: what they are, and that reading needs nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from opportune.customers.texts import BUNDLED, bundled_model
from opportune.customers.texts.bundled import bundled_bytes
from opportune.customers.texts.samples import is_held_back
from tests.customers.texts.parts import banking, moods

BYTES_MAX = 2_000_000
NOTICE = (Path(__file__).parents[3] / "NOTICE").read_text(encoding="utf-8")

ALONE = """
import socket, sys
def refuse(*args): raise OSError("no network")
socket.socket.connect = refuse
from opportune.customers.texts import bundled_model
assert bundled_model("banking_topics").read("I lost my card").sure(0.4) == ("lost_or_stolen_card",)
assert not {"sklearn", "scipy"} & {name.partition(".")[0] for name in sys.modules}
"""


@pytest.mark.parametrize("name", BUNDLED)
def test_a_model_is_small_and_says_what_it_was_trained_on(name: str) -> None:
    about = bundled_model(name).about

    assert len(bundled_bytes(name)) <= BYTES_MAX
    assert about.licence == "CC BY 4.0"
    assert f"{name}.texts" in NOTICE
    assert about.data.partition(":")[0].partition(",")[0] in NOTICE


def test_there_is_no_other_file_of_a_model() -> None:
    folder = Path(sys.modules["opportune.customers.texts"].__file__ or "").parent / "bundled"

    assert sorted(file.stem for file in folder.glob("*.texts")) == sorted(BUNDLED)


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(KeyError):
        bundled_bytes("../bundled/film_moods")


def test_topics_of_questions_that_were_held_back_are_read() -> None:
    rows = [row for row in banking().rows if is_held_back(row.text)]

    right = sum(next(iter(bundled_model("banking_topics").read(row.text).chances)) in row.labels for row in rows)

    assert right >= 0.85 * len(rows) >= 0.85 * 50


@pytest.mark.parametrize(
    "text",
    [
        *("good morning", "hello, how are you today?", "who won the match yesterday", "book a table for two"),
        *("my internet is slow", "I love your service", "please call me back", "are you a robot?"),
    ],
)
def test_what_is_not_about_banking_has_no_topic(text: str) -> None:
    assert bundled_model("banking_topics").read(text).sure(0.4) == ()


def test_the_likeliest_mood_is_right_more_often_than_the_commonest() -> None:
    rows = [row for row in moods().rows if is_held_back(row.text)]

    right = sum(next(iter(bundled_model("film_moods").read(row.text).chances)) in row.labels for row in rows)
    commonest = max(sum(mood in row.labels for row in rows) for mood in bundled_model("film_moods").about.labels)

    assert right >= 1.2 * commonest


def test_reading_needs_neither_network_nor_what_trained_it() -> None:
    ended = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, timeout=120, check=False)

    assert ended.stderr == ""
    assert ended.returncode == 0
