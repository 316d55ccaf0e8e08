"""Project files as nodes that know their place."""

from __future__ import annotations

import time
from typing import Any

import pytest

from opportune.strategy.source import SourceError, find, parse, place_in_text, plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: no", {"a": "no"}),
        ("a: on", {"a": "on"}),
        ("a: true", {"a": True}),
        ("a: 012", {"a": 12}),
        ("a: 0x1F", {"a": 31}),
        ("a: 1e3", {"a": 1000.0}),
        ("a: 2026-01-01", {"a": "2026-01-01"}),
        ("a: 12:30", {"a": "12:30"}),
        ("a:", {"a": None}),
        ("1: x", {"1": "x"}),
        ("true: x", {"true": "x"}),
        ("a: '1'", {"a": "1"}),
        ("- &x [1]\n- *x", [[1], [1]]),
        ("", None),
        ("# only a comment", None),
    ],
)
def test_scalars_are_read_after_the_core_schema_of_yaml_1_2(text: str, value: Any) -> None:
    assert plain(parse(text)) == value


def test_every_key_and_value_knows_its_place() -> None:
    tree = parse("goals:\n  profit: {unit: EUR}\n")

    node, steps = find(tree, ["goals", "profit", "unit"])

    assert steps == ["goals", "profit", "unit"]
    assert (node.key_line, node.key_column, node.line, node.column) == (2, 12, 2, 18)


def test_steps_that_the_text_does_not_have_are_passed_over() -> None:
    node, steps = find(parse("eligibility: a > 1\n"), ["eligibility", 0, "rule"])

    assert node.value == "a > 1"
    assert steps == ["eligibility"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: [1", (1, 6)),
        ("a: 1\na: 2", (2, 1)),
        ("a: *b", (1, 4)),
        ("a: &a [*a]", (1, 8)),
        ("a: !!binary x", (1, 4)),
        ("a: 1\n---\nb: 2", (2, 1)),
        ("a: " + "[" * 50, (1, 23)),
        ('a: "\\ud800"', (1, 4)),
        ('a: "\\Uffffffff"', (1, 1)),
        ("a: " + "9" * 5000, (1, 4)),
        ("a: \x00", (1, 4)),
        ("? [a]\n: 1", (1, 3)),
        ("[" * 100_000, (1, 21)),
    ],
)
def test_a_text_that_cannot_be_trusted_is_refused_at_its_place(text: str, place: tuple[int, int]) -> None:
    with pytest.raises(SourceError) as caught:
        parse(text)

    assert (caught.value.line, caught.value.column) == place


@pytest.mark.parametrize("start", ["", "a: 012\n? ", "%YAML 1.2\n---\n", "- !<x> y\n- "])
@pytest.mark.parametrize("sign", ["[", "{", "- ", "? ", "[?", "{a: "])
def test_a_text_that_nests_without_measure_is_refused_at_once(start: str, sign: str) -> None:
    begin = time.perf_counter()

    with pytest.raises(SourceError):
        parse(start + sign * 200_000)

    assert time.perf_counter() - begin < 1.0


@pytest.mark.parametrize(
    ("text", "value_place", "file_place"),
    [
        ("r: one two\n", (1, 5), (1, 8)),
        ("r: 'one two'\n", (1, 5), (1, 9)),
        ("r: 'it''s two'\n", (1, 6), (1, 11)),
        ('r: "a\\"b two"\n', (1, 5), (1, 10)),
        ('r: "a\\u0041 two"\n', (1, 4), (1, 13)),
        ('r: "a\\nb two"\n', (2, 3), (1, 10)),
        ("r: |\n  one\n  two\n", (2, 1), (3, 3)),
        ("r: |\n\n  one\n    two\n", (3, 3), (4, 5)),
        ("r: |-\n    one\n    two", (2, 3), (3, 7)),
        ("r: >\n  one\n  two\n", (1, 5), (3, 3)),
        ("r: one\n  two\n", (1, 5), (2, 3)),
        ("r: |\n  one\n", (1, 99), (2, 6)),
    ],
)
def test_a_place_inside_of_a_text_is_found_in_the_file(
    text: str, value_place: tuple[int, int], file_place: tuple[int, int]
) -> None:
    node, _ = find(parse(text), ["r"])

    assert place_in_text(text, node, *value_place) == file_place
