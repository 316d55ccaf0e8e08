"""`opportune consent`: what customers allow, told, recorded and imported."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from opportune.cli.identity import CustomerArgument, read_identifier, strategy_of, written
from opportune.cli.output import FOUND, JsonOption, count, err, fail, failures, out, print_json, print_table
from opportune.cli.releases import OnlyStoreOption, StoreOption, UrlOption, expect_one, opened, service
from opportune.customers.identity import Identifier
from opportune.errors import InputError, suggest
from opportune.service.consents import Said, lines_of, write_of
from opportune.service.revisions import Strategy
from opportune.storage import RecordConsent, Storage

__all__ = ["consent"]

BATCH = 2_000
COLUMNS = ("customer", "purpose", "given", "channel", "source", "text_version", "occurred_at")
_GIVEN = {"true": True, "yes": True, "1": True, "tak": True, "false": False, "no": False, "0": False, "nie": False}

consent = typer.Typer(
    help="Tell, record and import what customers allow.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@consent.command("show")
def show(
    customer: CustomerArgument,
    store: OnlyStoreOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say what a customer allows, by purpose and channel, and how it was said.

    Works beside a running service.
    """
    with failures(as_json), opened(store, read_only=True) as storage:
        strategy = _strategy(storage)
        one = read_identifier(strategy.registries.identifiers, customer)
        lines = lines_of(strategy.project, storage.consents(one.value, one.kind))
    if as_json:
        print_json({"consents": lines})
        return
    table = Table("purpose", "channel", "allowed", "said", "how", "text")
    for line in lines:
        said = "nothing" if line.at is None else f"{'yes' if line.given else 'no'}, {line.at:%Y-%m-%d %H:%M} UTC"
        allowed = "yes" if line.allowed else "no"
        table.add_row(*map(escape, (line.purpose, line.channel, allowed, said, line.source, line.text_version)))
    print_table(table)


@consent.command("record")
def record(
    customer: CustomerArgument,
    purpose: Annotated[str, typer.Argument(help="Purpose of the strategy.")],
    given: Annotated[bool, typer.Option("--given/--refused", help="Whether the person agrees.")],
    channel: Annotated[str, typer.Option(help="Where that holds; everywhere if left out.")] = "*",
    source: Annotated[str, typer.Option(help="How it was said, such as web form.")] = "",
    text: Annotated[str, typer.Option(help="Version of the text that was shown.")] = "",
    store: StoreOption = "",
    url: UrlOption = "",
    as_json: JsonOption = False,
) -> None:
    """Record what a customer said of a purpose; --refused also withdraws and objects.

    While a service holds the store, add --url with its address.
    """
    with failures(as_json):
        expect_one(store, url)
        if url:
            with service(url) as client:
                entry = client.consent(
                    customer, purpose, given=given, channel=channel, source=source, text_version=text
                ).sequence
        else:
            with opened(store) as storage:
                strategy = _strategy(storage)
                one = read_identifier(strategy.registries.identifiers, customer)
                said = Said(purpose=purpose, given=given, channel=channel, source=source, text_version=text)
                write = write_of(strategy.project, said, uuid4().hex, one.value, one.kind)
                entry = written(storage, write).sequence
    if as_json:
        print_json({"entry": entry})
        return
    out.print(f"Recorded as entry {entry:,}.")


@consent.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV with a heading, or JSON Lines.")],
    column: Annotated[
        list[str] | None,
        typer.Option(help=f"Which column is what, such as given=zgoda; of {', '.join(COLUMNS)}. May be repeated."),
    ] = None,
    store: OnlyStoreOption = "",
    kind: Annotated[
        str, typer.Option(help="Kind of all identifiers of the file; each is KIND:VALUE or a customer's if left out.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Import what customers said: customer, purpose and given, and what is known of how.

    The same file again has no second effect. Rows that are refused are told with their reasons; exit code 1 then.
    On SQLite not beside a running service, which takes them one by one: PUT /v1/customers/CUSTOMER/consents.
    """
    otherwise = "PUT /v1/customers/CUSTOMER/consents, one by one"
    with failures(as_json), opened(store, otherwise=otherwise) as storage:
        names, strategy = _columns(column or []), _strategy(storage)
        kinds = strategy.registries.identifiers.kinds
        if kind and kind not in kinds:
            remedy = suggest(kind, kinds, f"known: {', '.join(kinds)}")
            fail(f"--kind: the project has no such kind of identifier; {remedy}")
        taken = 0
        refused: list[dict[str, Any]] = []
        for rows in _batches(file):
            writes: list[RecordConsent] = []
            for number, row in rows:
                try:
                    writes.append(_write(strategy, number, row, names, kind))
                except InputError as error:
                    refused.append({"row": number, "problems": [str(problem) for problem in error.problems]})
            results = storage.write(writes)
            taken += sum(not isinstance(result, InputError) for result in results)
            refused += [
                {"row": write.id.rpartition("-")[2], "problems": [str(result)]}
                for write, result in zip(writes, results, strict=True)
                if isinstance(result, InputError)
            ]
    if as_json:
        print_json({"recorded": taken, "refused": refused})
    else:
        for one in refused:
            err.print(escape(f"row {one['row']}: {'; '.join(one['problems'])}"))
        out.print(f"{count(taken, 'consent')} recorded, {count(len(refused), 'row')} refused.")
    if refused:
        raise typer.Exit(FOUND)


def _strategy(storage: Storage) -> Strategy:
    strategy = strategy_of(storage)
    if strategy is None:
        raise InputError.of("store", "it has no revision that can be used", "publish a strategy")
    return strategy


def _columns(given: list[str]) -> dict[str, str]:
    """Read which column is what."""
    names = {name: name for name in COLUMNS}
    for text in given:
        name, sign, column = text.partition("=")
        if not sign or name not in COLUMNS:
            fail(f"--column: expected one of {', '.join(COLUMNS)} and a column, such as given=zgoda")
        names[name] = column
    return names


def _batches(file: Path) -> Iterator[list[tuple[int, Mapping[str, Any]]]]:
    batch: list[tuple[int, Mapping[str, Any]]] = []
    for numbered in enumerate(_rows(file), start=1):
        batch.append(numbered)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _rows(file: Path) -> Iterator[Mapping[str, Any]]:
    with file.open(encoding="utf-8-sig", newline="") as opened_file:
        if file.suffix in (".jsonl", ".ndjson"):
            for line in opened_file:
                if line.strip():
                    try:
                        row = json.loads(line)
                    except ValueError:
                        row = None
                    yield row if isinstance(row, dict) else {}
        else:
            yield from csv.DictReader(opened_file)


def _write(
    strategy: Strategy, number: int, row: Mapping[str, Any], names: Mapping[str, str], kind: str
) -> RecordConsent:
    """Read one row.

    Args:
        kind: of its identifier; "" where that says it itself.

    Raises:
        InputError: with all that is wrong; no value is repeated.
    """
    values = {name: row.get(names[name]) for name in COLUMNS}
    values = {name: value for name, value in values.items() if value not in (None, "")}
    given = values.get("given")
    answer = given if isinstance(given, bool) else _GIVEN.get(str(given).strip().lower())
    if answer is None or "customer" not in values or "purpose" not in values:
        raise InputError.of("row", "expected a customer, a purpose, and given as true or false")
    try:
        at = datetime.fromisoformat(str(values["occurred_at"])) if "occurred_at" in values else None
    except ValueError:
        raise InputError.of("occurred_at", "expected a moment with its offset, such as 2026-05-04T18:00:00Z") from None
    said = Said(
        purpose=str(values["purpose"]),
        given=answer,
        channel=str(values.get("channel", "*")),
        source=str(values.get("source", "")),
        text_version=str(values.get("text_version", "")),
        occurred_at=at,
    )
    one = _person(strategy, str(values["customer"]), kind)
    write = write_of(strategy.project, said, "-", one.value, one.kind)
    # Of what it says: the same file again, or a part of it, has no second effect.
    return msgspec.structs.replace(write, id=f"{_digest(write)}-{number}")


def _person(strategy: Strategy, text: str, kind: str) -> Identifier:
    kinds = strategy.registries.identifiers
    return kinds.one(kind, text, "customer") if kind else read_identifier(kinds, text)


def _digest(write: RecordConsent) -> str:
    return "consent-" + blake2b(msgspec.json.encode(write), digest_size=12).hexdigest()
