"""Rows of a file that say what customers allow, read as writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from opportune.cli.identity import read_identifier
from opportune.customers.identity import Identifier
from opportune.customers.importing import Source, open_source
from opportune.decide.limits.consents import EVERYWHERE
from opportune.errors import InputError, suggest
from opportune.service.consents import Said, write_of
from opportune.service.revisions import Strategy
from opportune.storage import RecordConsent, Storage

__all__ = ["COLUMNS", "NEEDED", "ConsentRow", "batches", "outdated", "rows_of"]

BATCH = 2_000
NEEDED = ("customer", "purpose", "given")
COLUMNS = (*NEEDED, "channel", "source", "text_version", "occurred_at")
_GIVEN = {"true": True, "yes": True, "1": True, "tak": True, "false": False, "no": False, "0": False, "nie": False}


class ConsentRow(NamedTuple):
    """One row: what it says, or what is wrong with it."""

    number: int
    write: RecordConsent | InputError


def rows_of(file: Path, named: Mapping[str, str]) -> Source:
    """Open a file.

    Args:
        named: columns that are called otherwise: what they are → their name in the file.

    Raises:
        InputError: it cannot be read, or a column is missing that is needed or was named.
    """
    source = open_source(file)
    there = source.all_columns()
    for name in dict.fromkeys((*NEEDED, *named)):
        column = named.get(name, name)
        if there and column not in there:
            remedy = suggest(column, there, f"name one of {', '.join(there[:20])}: --column {name}=COLUMN")
            raise InputError.of(str(file), f"there is no column '{column}' that says {name}", remedy, "unknown-column")
    return source


def batches(source: Source, named: Mapping[str, str], strategy: Strategy, kind: str) -> Iterator[list[ConsentRow]]:
    """Read rows, some at a time.

    Args:
        kind: of all identifiers; "" where each says it itself.

    Raises:
        InputError: the rest of the file cannot be read.
    """
    names = {name: named.get(name, name) for name in COLUMNS}
    for batch in source.batches(names.values(), size=BATCH):
        rows: list[ConsentRow] = []
        for place in range(batch.size):
            number = batch.first + place
            values = {name: batch.columns[column][place] for name, column in names.items() if column in batch.columns}
            try:
                if place in batch.faults:
                    raise InputError.of("row", batch.faults[place])
                rows.append(ConsentRow(number, _write(strategy, number, values, kind)))
            except InputError as error:
                rows.append(ConsentRow(number, error))
        yield rows


def outdated(storage: Storage, write: RecordConsent) -> InputError | None:
    """Refuse a row that was imported before and does not say when that was said, where another word came since.

    It may be the old file, or a new word like the first one: only a moment tells.
    """
    if write.occurred_at is not None:
        return None
    channels = (write.channel, EVERYWHERE)
    words = [
        one
        for one in storage.consents(write.identifier, write.identifier_kind)
        if one.purpose == write.purpose and (write.channel == EVERYWHERE or one.channel in channels)
    ]
    if all(one.given == write.given for one in words):
        return None
    message = "the same row was imported before, and something else was said since"
    return InputError.of("occurred_at", message, "give the moment when it was said")


def _write(strategy: Strategy, number: int, row: Mapping[str, Any], kind: str) -> RecordConsent:
    """Read one row.

    Raises:
        InputError: with all that is wrong; no value is repeated.
    """
    values = {name: value for name, value in row.items() if value not in (None, "")}
    missing = [name for name in NEEDED if name not in values]
    if missing:
        raise InputError.of("row", f"expected {', '.join(NEEDED)}, found no {' and no '.join(missing)}")
    said = Said(
        purpose=_text(values, "purpose"),
        given=_given(values["given"]),
        channel=_text(values, "channel", EVERYWHERE),
        source=_text(values, "source"),
        text_version=_text(values, "text_version"),
        occurred_at=_moment(values.get("occurred_at")),
    )
    kinds = strategy.registries.identifiers
    customer = _text(values, "customer")
    one: Identifier = kinds.one(kind, customer, "customer") if kind else read_identifier(kinds, customer)
    write = write_of(strategy.project, said, "-", one.value, one.kind)
    # Of what it says: the same file again, or a part of it, has no second effect.
    return msgspec.structs.replace(write, id=f"{_digest(write)}-{number}")


def _text(values: Mapping[str, Any], name: str, otherwise: str = "") -> str:
    value = values.get(name, otherwise)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise InputError.of(name, "expected text, found something else")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InputError.of(name, "expected text in UTF-8, found other bytes", "save the file as UTF-8") from None
    return value


def _given(value: object) -> bool:
    answer = value if isinstance(value, bool) else _GIVEN.get(str(value).strip().lower())
    if answer is None:
        raise InputError.of("given", f"expected one of {', '.join(_GIVEN)}, found something else")
    return answer


def _moment(value: object) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(value.strip() if isinstance(value, str) else "")
    except ValueError:
        raise InputError.of("occurred_at", "expected a moment with its offset, such as 2026-05-04T18:00:00Z") from None


def _digest(write: RecordConsent) -> str:
    return "consent-" + blake2b(msgspec.json.encode(write), digest_size=12).hexdigest()
