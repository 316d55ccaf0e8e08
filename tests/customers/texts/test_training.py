"""Training: the same rows give the same model, and it reads what it has not seen."""

from __future__ import annotations

import random

import pytest

from opportune.customers.texts import Origin, Sample, to_bytes, train
from opportune.customers.texts import training as module
from opportune.errors import InputError
from tests.customers.texts.parts import ORIGIN, banking, moods, topics

POLISH = Origin("pl", "a part of XED", "CC BY 4.0")


def test_the_same_rows_give_the_same_bytes() -> None:
    assert to_bytes(train(banking().rows, False, ORIGIN).model) == to_bytes(topics().model)


def test_topics_of_texts_that_were_held_back_are_read() -> None:
    figures = topics().quality.figures

    assert figures["accuracy"] >= 0.85
    assert figures["majority_accuracy"] <= 0.25


def test_with_labels_dealt_at_random_nothing_is_read() -> None:
    labels = [row.labels for row in banking().rows]
    random.Random(3).shuffle(labels)
    rows = [Sample(row.text, one) for row, one in zip(banking().rows, labels, strict=True)]

    assert train(rows, False, ORIGIN).quality.figures["accuracy"] <= 0.35


def test_moods_of_texts_that_were_held_back_are_read_better_than_the_commonest_one() -> None:
    told: list[tuple[int, int]] = []

    trained = train(moods().rows, True, POLISH, progress=lambda done, total: told.append((done, total)))

    figures = trained.quality.figures
    assert figures["micro_f1"] >= figures["majority_micro_f1"] + 0.1
    assert told[-1] == (len(told), len(told))
    assert trained.model.about.several


def test_rare_labels_are_named() -> None:
    rows = [*banking().rows, *(Sample(f"call me back {number}", ("call_back",)) for number in range(4))]

    with pytest.raises(InputError, match=r"1 label has less than 10 rows to train on: call_back; add rows"):
        train(rows, False, ORIGIN)


def test_one_label_is_none() -> None:
    with pytest.raises(InputError, match="expected 2 to 1000 different labels, found 1"):
        train([Sample(f"text {number}", ("one",)) for number in range(40)], False, ORIGIN)


def test_few_labels_get_more_places() -> None:
    assert topics().model.about.layout == module.LAYOUTS[0]
    assert module.layout_of(77) == module.LAYOUTS[-1]
