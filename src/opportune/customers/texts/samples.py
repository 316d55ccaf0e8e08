"""Texts with their labels, to train on: rows of a CSV file, and which of them are held back."""

from __future__ import annotations

import csv
import gzip
import hashlib
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TextIO

from opportune.errors import InputError, suggest

__all__ = ["HELD_BACK_EVERY", "ROWS_MAX", "Sample", "Samples", "is_held_back", "is_inner", "read_samples"]

ROWS_MAX = 200_000
"""More would not fit into the memory of a small machine: a text takes some kilobytes."""
HELD_BACK_EVERY = 5
"""One text of so many is held back from training; which, its hash says."""
INNER_EVERY = 4
"""One text of so many among those for training judges settings."""
CELL_MAX = 1_000_000


class Sample(NamedTuple):
    """One text and its labels, in order of the file; several rows may have the same text."""

    text: str
    labels: tuple[str, ...]


class Samples(NamedTuple):
    """The rows of a file.

    Args:
        passed_over: how many rows have no text, or no label where each needs one.
    """

    rows: list[Sample]
    passed_over: int


def is_held_back(text: str) -> bool:
    """Say whether a text is held back; equal texts go together, whatever the order of rows."""
    return _bucket(text, b"held back") % HELD_BACK_EVERY == 0


def is_inner(text: str) -> bool:
    """Say whether a text that is trained on judges settings first."""
    return _bucket(text, b"inner") % INNER_EVERY == 0


def _bucket(text: str, person: bytes) -> int:
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, person=person).digest(), "big")


def read_samples(
    file: Path, text: str, labels: str, several: bool, separator: str = ",", names: Mapping[str, str] | None = None
) -> Samples:
    """Read a CSV file, packed by gzip where its name ends in .gz.

    Args:
        text, labels: names of the columns.
        several: whether a cell lists several labels, or none.
        separator: what stands between them.
        names: label of the file → what it is to be called.

    Raises:
        InputError: it is no such file, has no such column, or more than ROWS_MAX rows; texts are never repeated.
    """
    try:
        with _opened(file) as stream:
            return _samples(csv.DictReader(stream), file.name, text, labels, separator if several else "", names or {})
    except FileNotFoundError:
        raise InputError.of(file.name, "there is no such file", "check the name") from None
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError.of(file.name, "expected a CSV file in UTF-8, packed by gzip if it ends in .gz") from None
    except csv.Error as error:
        raise InputError.of(file.name, f"it is no sound CSV ({error})", "write it anew") from None


def _opened(file: Path) -> TextIO:
    csv.field_size_limit(min(CELL_MAX, sys.maxsize))
    if file.suffix == ".gz":
        return gzip.open(file, "rt", encoding="utf-8-sig", newline="")
    return file.open(encoding="utf-8-sig", newline="")


def _samples(
    reader: csv.DictReader[str], file: str, text: str, labels: str, separator: str, names: Mapping[str, str]
) -> Samples:
    columns = list(reader.fieldnames or ())
    for column in (text, labels):
        if column not in columns:
            raise InputError.of(file, f"it has no column '{column}'", suggest(column, columns, "see its first line"))
    rows: list[Sample] = []
    passed_over = 0
    for cells in reader:
        found = tuple(dict.fromkeys(_labels(cells[labels] or "", separator, names)))
        if not (cells[text] or "").strip() or not (found or separator):
            passed_over += 1
            continue
        rows.append(Sample(cells[text], found))
        if len(rows) > ROWS_MAX:
            raise InputError.of(file, f"more than {ROWS_MAX:,} rows", "take a part of them")
    return Samples(rows, passed_over)


def _labels(cell: str, separator: str, names: Mapping[str, str]) -> Iterator[str]:
    for part in cell.split(separator) if separator else [cell]:
        if label := part.strip():
            yield names.get(label, label)
