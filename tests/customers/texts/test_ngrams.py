"""What a text is taken apart into."""

from __future__ import annotations

import pytest

from opportune.customers.texts.ngrams import TEXT_LENGTH_MAX, pieces_of, plain_words


def names(text: str) -> list[str]:
    pieces = pieces_of(text)
    return [pieces.name(index) for index in range(len(pieces.hashes))]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Żółć, GĘŚLĄ jaźń", ["zolc", ",", "gesla", "jazn"]),
        ("order 4711 of 3.5.", ["order", "0000", "of", "0", ".", "0", "."]),
        ("ﬁne\u00a0cafe\u0301 2²", ["fine", "cafe", "00"]),
        ("why?! 😡😡", ["why", "?", "!", "😡", "😡"]),
        ("a\x00b\x07\ud800c", ["a", "b", "c"]),
        ("❤\ufe0f", ["❤"]),
        ("", []),
        (" \n\t\x00", []),
    ],
)
def test_words_are_small_letters_without_accents_and_signs_stand_alone(text: str, words: list[str]) -> None:
    assert plain_words(text) == words


def test_pieces_are_words_then_pairs_then_runs_of_letters_that_keep_to_one_word() -> None:
    assert names("to nie") == [
        *("to", "nie"),
        *("to nie",),
        *("_to", "to_", "_ni", "nie", "ie_"),
        *("_to_", "_nie", "nie_"),
        *("_nie_",),
    ]


def test_a_single_letter_has_a_word_and_one_run() -> None:
    assert names("a") == ["a", "_a_"]


def test_equal_pieces_of_one_kind_have_one_number_wherever_they_stand() -> None:
    pieces = pieces_of("no card no")

    found = dict(zip(names("no card no"), pieces.hashes.tolist(), strict=True))
    assert pieces.hashes.tolist().count(found["no"]) == 2
    assert found["no"] == pieces_of("oh no").hashes[1]


def test_a_word_and_the_run_of_the_same_letters_differ() -> None:
    pieces = pieces_of("abcd")
    letters = [index for index in range(len(pieces.hashes)) if pieces.name(index) == "abcd"]

    assert len(letters) == 2
    assert len({int(pieces.hashes[index]) for index in letters}) == 2


def test_what_stands_beyond_the_length_that_is_read_changes_nothing() -> None:
    text = "card " * 1_000

    assert len(text) > TEXT_LENGTH_MAX
    assert pieces_of(text + "stolen").text == pieces_of(text).text


def test_signs_that_fall_into_many_letters_do_not_make_a_text_longer() -> None:
    assert len(pieces_of("ﷺ" * TEXT_LENGTH_MAX).text) <= TEXT_LENGTH_MAX + 2
