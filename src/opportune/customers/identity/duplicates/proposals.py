"""Proposals of duplicates as files that a person goes through and marks: JSON Lines, or CSV for a spreadsheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from opportune.errors import InputError

__all__ = ["ACCEPTED", "Accepted", "Proposal", "read_accepted", "write_proposals"]

ACCEPTED = ("yes", "y", "x", "1", "true")
LEFT = ("", "no", "n", "0", "false", "none")
"""How a proposal is marked, in letters of any size."""
_COLUMNS = ("one", "other", "likely", "reasons", "accept")
_REASONS = " | "
_SPREADSHEET = re.compile(r"[=+\-@\t\r']|0|\d{16}|\d+[eE.]")


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """Two persons who may be one.

    Args:
        one, other: an identifier of each, the kind before it where it is not a customer's.
        likely: how likely they are one, in [0, 1].
        reasons: what is the same, nearly the same, and different; without the values.
    """

    one: str
    other: str
    likely: float
    reasons: tuple[str, ...]


class Accepted(NamedTuple):
    """A proposal that a person has marked; `line` is where it stands, from 1."""

    one: str
    other: str
    line: int


def write_proposals(path: Path, proposals: Iterable[Proposal]) -> None:
    """Write a file; one that ends in .csv has a heading, any other is JSON Lines."""
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix.lower() == ".csv":
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_COLUMNS)
            for one in proposals:
                writer.writerow((_cell(one.one), _cell(one.other), one.likely, _REASONS.join(one.reasons), ""))
            return
        for one in proposals:
            file.write(msgspec.json.encode({**msgspec.structs.asdict(one), "accept": False}).decode() + "\n")


def read_accepted(path: Path) -> list[Accepted]:
    """Read what a person has marked in such a file: `accept` is yes, x, 1 or true; no, or nothing, leaves a pair.

    Raises:
        InputError: it is no such file, or lines are none of one; with all that are wrong.
    """
    try:
        return _accepted(path)
    except UnicodeDecodeError:
        message = "expected text in UTF-8, found other bytes"
        raise InputError.of(path.name, message, "save it again as CSV in UTF-8") from None
    except csv.Error:
        raise InputError.of(path.name, "expected a sheet as the search wrote it", "write it anew with --to") from None


def _accepted(path: Path) -> list[Accepted]:
    found: list[Accepted] = []
    errors: list[InputError] = []
    for line, row in _rows(path):
        mark = str(row.get("accept")).strip().lower()
        texts = [row.get("one"), row.get("other")]
        if not all(isinstance(text, str) and text for text in texts) or "accept" not in row:
            errors.append(InputError.of(f"line {line}", "expected one, other and accept, as the search wrote them"))
        elif mark not in ACCEPTED + LEFT:
            message = "expected yes or no in accept, found another word"
            errors.append(InputError.of(f"line {line}", message, "write yes, or leave it empty"))
        elif mark in ACCEPTED:
            one, other = (_read_cell(str(text)) if path.suffix.lower() == ".csv" else str(text) for text in texts)
            found.append(Accepted(one, other, line))
    if errors:
        raise InputError([problem for error in errors for problem in error.problems])
    return found


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        if path.suffix.lower() == ".csv":
            start = file.readline()
            # Spreadsheets of some countries write semicolons.
            separator = ";" if start.count(";") > start.count(",") else ","
            file.seek(0)
            reader = csv.DictReader(file, delimiter=separator)
            for row in reader:
                yield reader.line_num, row
            return
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield number, msgspec.json.decode(line, type=dict[str, Any])
                except (msgspec.MsgspecError, ValueError, RecursionError):
                    yield number, {}


def _cell(text: str) -> str:
    """Keep a spreadsheet from taking an identifier for a formula, or for a number that it would write otherwise."""
    return f"'{text}" if _SPREADSHEET.match(text) else text


def _read_cell(text: str) -> str:
    return text.removeprefix("'")
