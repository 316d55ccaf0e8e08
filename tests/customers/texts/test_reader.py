"""Attributes of the context out of a text."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from opportune.customers.texts import ReadAttribute, TextReader, bundled_model

TOPICS = {"en": bundled_model("banking_topics")}
MOODS = {"pl": bundled_model("film_moods")}
CARD = {"lost_or_stolen_card": "card", "card_swallowed": "card", "change_pin": "pin"}

LOST = "I lost my card, please help"
ANGRY = "Nienawidzę was! Oddajcie mi moje pieniądze!"


def test_labels_give_the_values_that_the_project_names() -> None:
    reader = TextReader([ReadAttribute("topic", TOPICS, CARD)], "en")

    assert reader.read(LOST) == ({"context.topic": "card"}, ())
    assert reader.read("How do I change my PIN?").facts == {"context.topic": "pin"}


def test_chances_of_labels_with_one_value_add_up() -> None:
    text = "I lost my card, the machine swallowed it"
    parts = TOPICS["en"].read(text).chances
    both = {"lost_or_stolen_card": "card", "card_swallowed": "card"}
    least = parts["lost_or_stolen_card"] + parts["card_swallowed"] - 1e-9

    assert parts["lost_or_stolen_card"] > 0.001
    assert ReadAttribute("topic", TOPICS, both, at_least=least).of(text, "en") == "card"
    assert ReadAttribute("topic", TOPICS, both, at_least=least + 1e-6).of(text, "en") is None


def test_what_is_unclear_is_missing_and_told() -> None:
    reader = TextReader([ReadAttribute("topic", TOPICS, CARD)], "en")

    assert reader.read("good morning") == ({}, ("context.topic: unclear",))


def test_what_is_unclear_may_have_a_value_of_its_own() -> None:
    reader = TextReader([ReadAttribute("topic", TOPICS, CARD, otherwise="other")], "en")

    assert reader.read("") == ({"context.topic": "other"}, ())


def test_a_list_takes_all_that_is_likely_enough_and_may_be_empty() -> None:
    reader = TextReader([ReadAttribute("moods", MOODS, at_least=0.3, is_list=True)], "pl")

    assert reader.read("Kocham cię, dziękuję bardzo!").facts == {"context.moods": ["joy", "trust"]}
    assert reader.read("").facts == {"context.moods": []}


def test_of_several_moods_a_text_takes_the_strongest() -> None:
    grim = {"anger": "negative", "disgust": "negative", "joy": "positive"}

    assert ReadAttribute("mood", MOODS, at_least=0.3).of(ANGRY, "pl") == "anger"
    assert ReadAttribute("mood", MOODS, grim, at_least=0.3).of(ANGRY, "pl") == "negative"


@pytest.mark.parametrize(("language", "key"), [(None, "topic"), ("en-GB", "topic"), ("EN", "topic"), ("pl", "mood")])
def test_the_language_that_is_said_or_the_default_chooses_the_model(language: str | None, key: str) -> None:
    reader = TextReader([ReadAttribute("topic", TOPICS, CARD), ReadAttribute("mood", MOODS, at_least=0.01)], "en")

    found = reader.read(LOST, language)

    other = {"topic": "mood", "mood": "topic"}[key]
    assert set(found.facts) == {f"context.{key}"}
    assert found.doubts == (f"context.{other}: no model of this language",)


def test_one_attribute_may_be_read_in_several_languages() -> None:
    reader = TextReader([ReadAttribute("what", TOPICS | MOODS, at_least=0.3)], "en")

    assert reader.read(LOST).facts == {"context.what": "lost_or_stolen_card"}
    assert reader.read(ANGRY, "pl").facts == {"context.what": "anger"}


def test_what_is_late_is_named_for_every_attribute() -> None:
    reader = TextReader([ReadAttribute("topic", TOPICS), ReadAttribute("mood", MOODS)], "en")

    assert reader.late == ("context.topic: late", "context.mood: late")


def test_threads_read_alike() -> None:
    reader = TextReader([ReadAttribute("topic", TOPICS)], "en")
    texts = [f"{LOST} {number}" for number in range(40)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(reader.read, texts))

    assert found == [reader.read(text) for text in texts]
