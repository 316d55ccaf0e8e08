"""`opportune consent`: what customers allow, told, recorded and imported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
from rich.markup import escape
from rich.table import Table

from opportune.cli.consent_rows import COLUMNS, ConsentRow, batches, outdated, rows_of
from opportune.cli.identity import CustomerArgument, read_identifier, strategy_of, written
from opportune.cli.output import FOUND, JsonOption, count, err, fail, failures, out, print_json, print_table
from opportune.cli.releases import OnlyStoreOption, StoreOption, UrlOption, expect_one, opened, service
from opportune.errors import InputError, suggest
from opportune.service.consents import Said, lines_of, write_of
from opportune.service.revisions import Strategy
from opportune.storage import Receipt, Storage

__all__ = ["consent"]

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
    if not lines:
        out.print("The strategy of the store asks about nothing; name purposes in consents.yaml, and publish it.")
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
    file: Annotated[Path, typer.Argument(help="CSV with a heading, JSON Lines or Parquet.")],
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
        named, strategy = _columns(column or []), _strategy(storage)
        kinds = strategy.registries.identifiers.kinds
        if kind and kind not in kinds:
            remedy = suggest(kind, kinds, f"known: {', '.join(kinds)}")
            fail(f"--kind: the project has no such kind of identifier; {remedy}")
        counts = {"recorded": 0, "repeated": 0}
        refused: list[dict[str, Any]] = []
        for rows in batches(rows_of(file, named), named, strategy, kind):
            for number, result in _taken(storage, rows):
                if isinstance(result, InputError):
                    refused.append({"row": number, "problems": [str(problem) for problem in result.problems]})
                else:
                    counts["repeated" if result.repeated else "recorded"] += 1
    if as_json:
        print_json({**counts, "refused": refused})
    else:
        for one in refused:
            err.print(escape(f"row {one['row']}: {'; '.join(one['problems'])}"))
        before = f", {counts['repeated']:,} there before" if counts["repeated"] else ""
        out.print(f"{count(counts['recorded'], 'consent')} recorded{before}, {count(len(refused), 'row')} refused.")
    if refused:
        raise typer.Exit(FOUND)


def _taken(storage: Storage, rows: Sequence[ConsentRow]) -> Iterator[tuple[int, Receipt | InputError]]:
    """Write what rows say; give what became of each."""
    writes = [row.write for row in rows if not isinstance(row.write, InputError)]
    results = iter(storage.write(writes) if writes else ())
    for number, write in rows:
        if isinstance(write, InputError):
            yield number, write
            continue
        result = next(results)
        again = isinstance(result, Receipt) and result.repeated
        yield number, (outdated(storage, write) if again else None) or result


def _strategy(storage: Storage) -> Strategy:
    strategy = strategy_of(storage)
    if strategy is None:
        raise InputError.of("store", "it has no revision that can be used", "publish a strategy")
    return strategy


def _columns(given: list[str]) -> dict[str, str]:
    """Read which column is what, of those that are called otherwise."""
    named: dict[str, str] = {}
    for text in given:
        name, sign, column = text.partition("=")
        if not sign or name not in COLUMNS:
            fail(f"--column: expected one of {', '.join(COLUMNS)} and a column, such as given=zgoda")
        named[name] = column
    return named
