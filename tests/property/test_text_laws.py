"""Laws of reading texts: any text is read, its chances are chances, and only what is read of it counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opportune.customers.texts import TextReader, bundled_model
from opportune.customers.texts.ngrams import TEXT_LENGTH_MAX, pieces_of
from opportune.customers.texts.reader import ReadAttribute

TOPICS, MOODS = bundled_model("banking_topics"), bundled_model("film_moods")
READER = TextReader([ReadAttribute("topic", {"en": TOPICS}), ReadAttribute("moods", {"pl": MOODS}, is_list=True)], "en")

any_text = st.text(st.characters(exclude_categories=()), max_size=200)
"""Also with lone surrogates, NUL and signs that no font has."""


@given(any_text)
def test_any_text_is_read(text: str) -> None:
    topics, moods = TOPICS.read(text).chances, MOODS.read(text).chances

    assert all(0.0 <= chance <= 1.0 for chance in (*topics.values(), *moods.values()))
    assert sum(topics.values()) < 1.0
    assert set(topics) == set(TOPICS.about.labels)


@given(any_text, st.sampled_from([None, "en", "pl", "pl-PL", "", "xx", "\x00"]))
def test_every_attribute_is_a_fact_or_a_doubt(text: str, language: str | None) -> None:
    found = READER.read(text, language)

    doubted = {doubt.partition(":")[0] for doubt in found.doubts}
    assert {*found.facts} | doubted == {"context.topic", "context.moods"}
    assert not {*found.facts} & doubted


@given(any_text)
def test_every_piece_stands_in_the_text(text: str) -> None:
    pieces = pieces_of(text)

    assert len(pieces.hashes) == len(pieces.starts) == len(pieces.stops) >= pieces.words
    for begin, end in zip(pieces.starts.tolist(), pieces.stops.tolist(), strict=True):
        assert 0 <= begin < end <= len(pieces.text)


@given(st.text(max_size=40), st.integers(1, 50))
def test_a_long_text_is_read_up_to_its_bound(text: str, times: int) -> None:
    long = (text + " ") * times * 100

    assert TOPICS.read(long).chances == TOPICS.read(long[:TEXT_LENGTH_MAX]).chances


@given(st.lists(st.sampled_from(["card", "lost", "pin", "zgubiłem", "?"]), max_size=12))
def test_capitals_and_accents_change_nothing(words: list[str]) -> None:
    text = " ".join(words)

    assert TOPICS.read(text).chances == TOPICS.read(text.upper().replace("Ł", "L")).chances
