"""Reading by a model, against the formula of docs/concepts/texts.md computed piece by piece."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import pytest

from opportune.customers.texts import TextModel
from opportune.customers.texts.ngrams import RUN_LENGTHS, plain_words
from tests.customers.texts.parts import banking, topics

WHOLE = 1 << 64
BASE = 0x9E3779B97F4A7C15
MIXER = 0xFF51AFD7ED558CCD


def mixed(number: int, kind: int) -> int:
    number = (number + kind) * MIXER % WHOLE
    return (number ^ (number >> 33)) * MIXER % WHOLE


def word_number(word: str) -> int:
    return sum(ord(letter) * pow(BASE, place + 2, WHOLE) for place, letter in enumerate(word)) % WHOLE


def run_number(run: str) -> int:
    number = 0
    for letter in run:
        number = (number * BASE + ord(letter)) % WHOLE
    return number


def places(text: str, model: TextModel) -> tuple[Counter[int], Counter[int]]:
    """Count words and pairs, and runs of letters, by place."""
    layout = model.about.layout
    words = plain_words(text)
    numbers = [mixed(word_number(word), 1) for word in words]
    numbers += [mixed((word_number(one) * BASE + word_number(other)) % WHOLE, 2) for one, other in pairwise(words)]
    runs = [
        mixed(run_number(f" {word} "[begin : begin + length]), length)
        for length in RUN_LENGTHS
        for word in words
        for begin in range(len(word) + 3 - length)
    ]
    return (
        Counter(number >> (64 - layout.word_bits) for number in numbers),
        Counter((1 << layout.word_bits) + (number >> (64 - layout.letter_bits)) for number in runs),
    )


def chances(text: str, model: TextModel) -> dict[str, float]:
    scores = [float(bias) for bias in model.bias]
    for part in places(text, model):
        values = {place: (1 + math.log(times)) * float(model.rarity[place]) for place, times in part.items()}
        length = math.sqrt(sum(value * value for value in values.values()))
        for place, value in values.items():
            for label in range(len(scores)):
                scores[label] += value / length * int(model.weights[place, label]) * float(model.scale[label])
    raised = [math.exp(score) for score in scores]
    whole = sum(raised) + math.exp(model.about.none or 0.0)
    return {label: one / whole for label, one in zip(model.about.labels, raised, strict=True)}


@pytest.mark.parametrize("text", ["I lost my card", "?", "Żółw! żółw! 12 😡", banking().rows[7].text, "a " * 90])
def test_chances_are_those_of_the_formula(text: str) -> None:
    model = topics().model

    assert model.read(text).chances == pytest.approx(chances(text, model), abs=1e-9)


def test_chances_of_one_label_a_text_leave_some_for_none_and_fall() -> None:
    found = list(topics().model.read("where can I change my PIN").chances.values())

    assert 0.9 < sum(found) < 1.0
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("text", ["", "   ", "\x00\x00"])
def test_a_text_without_a_word_gives_no_label_a_chance(text: str) -> None:
    reading = topics().model.read(text)

    assert set(reading.chances.values()) == {0.0}
    assert reading.sure(0.01) == ()
    assert topics().model.spoken(text, "change_pin") == []


def test_what_spoke_for_a_label_adds_up_to_its_score() -> None:
    model = topics().model
    text = "change pin"

    spoken = model.spoken(text, "change_pin", most=100)

    assert spoken[0].piece in ("pin", "change pin", "_pin_", "pin_", "_pin")
    assert spoken[0].weight > 0
    assert [abs(one.weight) for one in spoken] == sorted((abs(one.weight) for one in spoken), reverse=True)


def test_a_text_about_nothing_known_is_unsure() -> None:
    assert topics().model.read("zupełnie coś innego").sure(0.6) == ()
    assert topics().model.read("can I change my PIN at an ATM").sure(0.6) == ("change_pin",)
