"""Rows to train on, and which of them are held back."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from opportune.customers.texts import read_samples
from opportune.customers.texts.samples import is_held_back, is_inner
from opportune.errors import InputError


def test_rows_without_text_or_label_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "notes.csv"
    file.write_text('text,topic\n"lost, again",card\n,card\n  ,card\nhello,\n', encoding="utf-8")

    found = read_samples(file, "text", "topic", several=False)

    assert [tuple(row) for row in found.rows] == [("lost, again", ("card",))]
    assert found.passed_over == 3


def test_several_labels_may_be_none_and_are_renamed(tmp_path: Path) -> None:
    file = tmp_path / "moods.csv.gz"
    file.write_bytes(gzip.compress("\ufefftext|x,moods\nźle,1; 2;1\nnic,\n".encode()))

    found = read_samples(file, "text|x", "moods", several=True, separator=";", names={"1": "anger"})

    assert [tuple(row) for row in found.rows] == [("źle", ("anger", "2")), ("nic", ())]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"txt,topic\na,b\n", "a.csv: it has no column 'text'; did you mean 'txt'?"),
        ("a.csv", b"text,topic\na\xff,b\n", "a.csv: expected a CSV file in UTF-8"),
        ("a.csv.gz", b"text,topic\na,b\n", "a.csv.gz: expected a CSV file in UTF-8"),
        ("a.csv", b"", "a.csv: it has no column 'text'; see its first line"),
        ("a.csv", b"text,topic\n" + b"x" * 1_000_001 + b",b\n", "a.csv: it is no sound CSV"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(InputError) as caught:
        read_samples(tmp_path / name, "text", "topic", several=False)

    assert str(caught.value).startswith(message)


def test_about_a_fifth_is_held_back_whatever_the_order() -> None:
    texts = [f"text {number}" for number in range(5_000)]
    held = [text for text in texts if is_held_back(text)]

    assert 900 < len(held) < 1_100
    assert 200 < sum(map(is_inner, held)) < 300
    assert is_held_back("text 17") == is_held_back("text 17")
