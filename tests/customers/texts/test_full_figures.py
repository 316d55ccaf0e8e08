"""The full proof on the public data: quality on what was held back, time of reading, and that the models are theirs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import process_time

import numpy as np
import pytest
from msgspec.structs import replace

from opportune.customers.texts import Origin, TextModel, bundled_model, read_samples, train
from opportune.customers.texts.samples import is_held_back

pytestmark = pytest.mark.full

EMOTIONS = ["anger", "anticipation", "disgust", "fear", "joy", "sadness", "surprise", "trust"]
MILLISECONDS_MAX = 5.0


def assert_is(model: TextModel, bundled: TextModel) -> None:
    """Other processors may round the last bit of a sum otherwise, and with it a few of a million weights."""
    assert (model.about.none or 0.0) == pytest.approx(bundled.about.none or 0.0, rel=1e-6)
    assert replace(model.about, none=bundled.about.none) == bundled.about
    assert np.mean(model.weights == bundled.weights) > 0.999


def test_topics_of_banking77(public_data: Path) -> None:
    samples = read_samples(public_data / "banking77" / "train.csv.gz", "text", "category", several=False)
    about = bundled_model("banking_topics").about

    trained = train(samples.rows, False, Origin(about.language, about.data, about.licence))

    print(trained.quality)
    assert len(samples.rows) == 10_003
    assert trained.quality.texts == sum(is_held_back(row.text) for row in samples.rows) == 2_013
    assert trained.quality.figures["accuracy"] >= 0.85
    assert_is(trained.model, bundled_model("banking_topics"))


def test_moods_of_xed(public_data: Path) -> None:
    file = public_data / "polish_emotions" / "xed_pl_train.csv.gz"
    names = {str(code): name for code, name in enumerate(EMOTIONS, start=1)}
    samples = read_samples(file, "text", "emotions", several=True, names=names)
    about = bundled_model("film_moods").about

    trained = train(samples.rows, True, Origin(about.language, about.data, about.licence))

    print(trained.quality)
    figures = trained.quality.figures
    assert len(samples.rows) == 5_748
    assert figures["micro_f1"] >= figures["majority_micro_f1"] + 0.15
    assert figures["micro_f1"] > figures["all_micro_f1"]
    assert_is(trained.model, bundled_model("film_moods"))


@pytest.mark.serial
@pytest.mark.parametrize("name", ["banking_topics", "film_moods"])
def test_a_text_takes_no_more_than_five_milliseconds(public_data: Path, name: str) -> None:
    samples = read_samples(public_data / "banking77" / "train.csv.gz", "text", "category", several=False)
    model = bundled_model(name)
    letters = "".join(chr(0x4E00 + number) for number in range(20_000))
    texts = [*(row.text for row in samples.rows[:2_000]), "ab " * 40_000, letters * 5, "ﷺ" * 100_000, "x" * 100_000]

    slowest = max(min(_milliseconds(model.read, text) for _ in range(5)) for text in texts)

    print(f"{name}: slowest text {slowest:.2f} ms")
    assert slowest <= MILLISECONDS_MAX


def _milliseconds(read: Callable[[str], object], text: str) -> float:
    began = process_time()
    read(text)
    return (process_time() - began) * 1_000
