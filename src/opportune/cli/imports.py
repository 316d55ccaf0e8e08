"""`opportune import`: customers from a file of rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import msgspec
import typer
from rich.markup import escape

from opportune.cli.output import FOUND, JsonOption, bar, count, err, fail, failures, out, print_json
from opportune.cli.rows import Mapped, first_line, read_mapping, read_rows, read_table
from opportune.cli.yaml_files import read_yaml
from opportune.errors import InputError, Problem
from opportune.records import Origin
from opportune.service.revisions import strategy_from_folder
from opportune.storage import SaveProfile, Storage, open_storage

__all__ = ["import_customers"]

BATCH = 500


def import_customers(
    project: Annotated[Path, typer.Argument(help="Folder of the strategy, whose attributes are meant.")],
    file: Annotated[Path, typer.Argument(help="CSV, Parquet or JSON Lines; one row per customer.")],
    store: Annotated[str, typer.Option(help="File of the store, or its URL; made if missing.")] = "opportune.db",
    id_column: Annotated[str, typer.Option("--id", help="Column of the identifier.")] = "id",
    mapping: Annotated[
        Path | None,
        typer.Option(
            help="YAML file, 'id: column' and 'attributes: {attribute: column}', for what is named otherwise."
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Drop attributes that a row does not have.")] = False,
    report: Annotated[Path | None, typer.Option(help="Where refused rows go; FILE.refused.jsonl if left out.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Import customers from a file of rows.

    Columns feed the attributes of the same name; a mapping changes that for the columns and attributes that it names.
    Exit code 1 if rows were refused. The service must not run on the same store meanwhile; while it runs, send rows to
    POST /v1/customers.
    """
    report = report or file.with_name(file.name + ".refused.jsonl")
    with failures(as_json):
        registry = strategy_from_folder(project).registries.customer
        table = read_table(file)
        columns = read_mapping(_yaml(mapping), id_column, table.columns, registry)
        unused = [name for name in table.columns if name not in (columns.id, *columns.attributes.values())]
        if unused and not as_json:
            err.print(escape(f"columns not imported: {', '.join(unused)}"))
        with open_storage(store) as storage, bar("Importing", as_json) as progress:
            rows = _told(read_rows(table, columns, registry, first_line(file)), len(table), progress)
            imported, refused, customers = _write(storage, rows, replace, report)
    if as_json:
        told = {"imported": imported, "customers": customers, "refused": refused}
        print_json({**told, "report": str(report) if refused else None})
    else:
        rows_of = f"{count(imported, 'row')} of {count(customers, 'customer')}"
        out.print(f"{rows_of} imported, {count(refused, 'row')} refused.")
        if refused:
            out.print(escape(f"Refused rows with reasons: {report}"))
    if refused:
        raise typer.Exit(FOUND)


def _yaml(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    read = read_yaml(path)
    if not isinstance(read, dict):
        fail(f"{path}: expected 'id: column' and 'attributes: {{attribute: column}}'")
    return read


def _told(rows: Iterable[Mapped], total: int, progress: Any) -> Iterator[Mapped]:
    for row in rows:
        yield row
        if row.number % BATCH == 0:
            progress(row.number, total)


def _write(storage: Storage, rows: Iterator[Mapped], replace: bool, report: Path) -> tuple[int, int, int]:
    """Write rows in batches; a refused one goes to the report and spoils no other.

    Returns:
        rows imported, rows refused, and customers whom the imported ones concern.
    """
    run = uuid4().hex
    imported = refused = 0
    customers: set[str] = set()
    with ExitStack() as files:
        lines = None
        while batch := list(islice(rows, BATCH)):
            good = [row for row in batch if not row.problems]
            results = storage.write([_save(row, run, replace) for row in good])
            wrong = [(row.number, row.line, row.problems) for row in batch if row.problems]
            for row, result in zip(good, results, strict=True):
                if isinstance(result, InputError):
                    wrong.append((row.number, row.line, tuple(result.problems)))
                else:
                    customers.add(row.identifier)
            imported += len(batch) - len(wrong)
            refused += len(wrong)
            if wrong and lines is None:
                lines = files.enter_context(report.open("w", encoding="utf-8"))
            for number, line, problems in sorted(wrong):
                assert lines is not None
                lines.write(_line(number, line, problems))
    return imported, refused, len(customers)


def _save(row: Mapped, run: str, replace: bool) -> SaveProfile:
    return SaveProfile(
        id=f"import-{run}-{row.number}",
        identifier=row.identifier,
        attributes=row.attributes,
        replace=replace,
        origin=Origin.IMPORT,
    )


def _line(number: int, line: int, problems: tuple[Problem, ...]) -> str:
    told = [{"where": one.where, "message": one.message, "remedy": one.remedy} for one in problems]
    place = {"row": number, "line": line} if line else {"row": number}
    return msgspec.json.encode({**place, "problems": told}).decode() + "\n"
