"""`opportune import`: customers from a file of rows or an SQL query."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape

from opportune.cli.import_run import Import, check_rows, expect_kind, kept_progress, report_of, write_rows
from opportune.cli.import_targets import target_of
from opportune.cli.output import FOUND, JsonOption, bar, count, err, fail, failures, out, print_json
from opportune.cli.releases import StoreOption, UrlOption
from opportune.customers import Attribute, Registry
from opportune.customers.identity import CUSTOMER, Kind
from opportune.customers.importing import (
    Batch,
    ColumnMap,
    Notes,
    Progress,
    ProgressFile,
    Row,
    Source,
    copy_query,
    match_columns,
    open_source,
    read_mapping_file,
)
from opportune.errors import Problem
from opportune.service.revisions import strategy_from_folder
from opportune.strategy.source import SourceError, find, parse, plain

__all__ = ["alone", "declared", "digest", "import_customers", "read_mapping", "tell_unused"]

QUERY = ".sql"


@dataclass(frozen=True)
class CustomerImport(Import):
    """What is imported, and of which kind its identifiers are."""

    kind: Kind

    def reader(self) -> Callable[[Batch], list[Row]]:
        """Give what reads a batch."""
        read = super().reader()
        if self.kind.normalize == "none":
            return read
        return lambda batch: [self._named(row) for row in read(batch)]

    def _named(self, row: Row) -> Row:
        """Write the identifier of a row as it is compared."""
        if row.problems:
            return row
        try:
            return row._replace(identifier=self.kind.written(row.identifier))
        except ValueError as error:
            problem = Problem("", 0, 0, self.columns.id, str(error), "", "invalid-identifier")
            return row._replace(attributes={}, problems=(problem,))


def import_customers(
    project: Annotated[Path, typer.Argument(help="Folder of the strategy, whose attributes are meant.")],
    file: Annotated[
        Path, typer.Argument(help="CSV, Parquet or JSON Lines with one row per customer; or an SQL query, with --from.")
    ],
    store: StoreOption = "",
    url: UrlOption = "",
    database: Annotated[
        str, typer.Option("--from", help="Database of the query: postgresql://USER@HOST/DATABASE or sqlite:///FILE.")
    ] = "",
    id_column: Annotated[str, typer.Option("--id", help="Column of the identifier.")] = "id",
    kind: Annotated[str, typer.Option(help="Kind of that identifier.")] = CUSTOMER,
    mapping: Annotated[
        Path | None, typer.Option(help="YAML file that says which column feeds what, and how it is read.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Drop attributes that a row does not have.")] = False,
    report: Annotated[Path | None, typer.Option(help="Where refused rows go; FILE.refused.jsonl if left out.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check everything, write no customer.")] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew after an interruption, instead of going on.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Import customers from a file of rows or an SQL query.

    Columns feed the attributes of the same name; a mapping changes that for the columns and attributes that it names.
    Exit code 1 if rows were refused. After an interruption the same command goes on where it stood: no row is written
    twice or left out. While a service holds the store, add --url with its address.
    """
    with failures(as_json):
        report = report_of(file, report)
        kept = kept_progress(file, report, store, url, dry_run)
        registries = strategy_from_folder(project).registries
        registry, kinds = registries.customer, registries.identifiers.kinds
        expect_kind(kind, kinds)
        with alone(file):
            rows = _rows_file(file, database, restart or not kept.path.exists(), as_json)
            try:
                source, columns = _matched(rows, mapping, id_column, registry)
                if not as_json:
                    tell_unused(source, columns)
                about = _about(source, columns, registry, url, replace) | {"--kind": kind}
                task = CustomerImport(source, columns, registry, about, replace, report, kinds[kind])
                done = _done(task, kept, store, restart, dry_run, as_json)
            finally:
                # An import that goes on later needs the rows of its query; nobody else does.
                if rows != file and not kept.path.exists():
                    rows.unlink(missing_ok=True)
    _tell(done, report, dry_run, bool(url), as_json)
    if done.refused:
        raise typer.Exit(FOUND)


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Keep a second import of the same file away; both would write every row."""
    if not file.is_file():
        fail(f"{file}: No such file; check the name", FOUND)
    with file.open("rb") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fail(f"{file}: another process imports this file; wait until it has ended")
        yield


def _done(task: Import, kept: ProgressFile, store: str, restart: bool, dry_run: bool, as_json: bool) -> Progress:
    with bar("Checking" if dry_run else "Importing", as_json) as told:
        if dry_run:
            return check_rows(task, told)
        with target_of(store, task.about["--url"], task.about["--kind"]) as target:
            return write_rows(task, target, kept, restart, told)


def _rows_file(file: Path, database: str, anew: bool, as_json: bool) -> Path:
    """Give the file of rows; those of a query are copied into one, unless an interrupted import left it."""
    if file.suffix.lower() != QUERY:
        if database:
            fail(f"{file}: --from names the database of a query; expected a file that ends in {QUERY}")
        return file
    if not database:
        fail(f"{file}: expected the database of the query; add --from postgresql://USER@HOST/DATABASE")
    rows = file.with_name(file.name + ".rows.jsonl")
    if anew or not rows.exists():
        try:
            query = file.read_text("utf-8")
        except UnicodeDecodeError:
            fail(f"{file}: expected an SQL query in UTF-8")
        found = copy_query(database, query, rows)
        if not as_json:
            err.print(f"{count(found, 'row')} read from the database.")
    return rows


def _matched(rows: Path, mapping: Path | None, id_column: str, registry: Registry) -> tuple[Source, ColumnMap]:
    """Open the rows and say what feeds what; all that is wrong with the mapping is told at once."""
    content, notes = None, Notes()
    if mapping is not None:
        content, notes = read_mapping(mapping)
    wanted = read_mapping_file(content, registry, notes)
    source = open_source(rows, wanted.csv)
    columns = match_columns(wanted, id_column, source, registry, notes)
    notes.settle()
    return source, columns


def read_mapping(path: Path) -> tuple[Any, Notes]:
    """Read a mapping file; with it, where to note what is wrong with it."""
    try:
        tree = parse(path.read_text("utf-8"))
    except UnicodeDecodeError:
        fail(f"{path}: expected YAML in UTF-8")
    except SourceError as error:
        fail(f"{path}:{error.line}:{error.column}: {error.message}")

    def place(steps: tuple[str, ...]) -> tuple[int, int]:
        node, _ = find(tree, steps)
        return node.line, node.column

    return plain(tree), Notes(str(path), place)


def tell_unused(source: Source, columns: ColumnMap) -> None:
    """Name the columns that feed nothing."""
    unused = [name or "one without a name" for name in source.columns if name not in columns.columns]
    if unused:
        err.print(escape(f"columns not imported: {', '.join(unused)}"))


def _about(source: Source, columns: ColumnMap, registry: Registry, url: str, replace: bool) -> dict[str, str]:
    """Give what must be the same to go on after an interruption; whether it is the same store, the store says."""
    return {
        "the rows": source.fingerprint,
        "the mapping": digest(columns),
        "the project's attributes": digest([declared(one) for _, one in sorted(registry.attributes.items())]),
        "--url": url,
        "--replace": str(replace),
    }


def declared(attribute: Attribute) -> tuple[object, ...]:
    """Give what of an attribute's declaration decides how its cells are read."""
    values = None if attribute.values is None else sorted(attribute.values)
    return attribute.name, attribute.type, attribute.range, values, attribute.length_max, attribute.items_max


def digest(value: Any) -> str:
    """Give the digest of a value, as progress keeps it."""
    return blake2b(msgspec.json.encode(value, order="deterministic"), digest_size=16).hexdigest()


def _tell(done: Progress, report: Path, dry_run: bool, over_http: bool, as_json: bool) -> None:
    refused = str(report) if done.refused else None
    known = not dry_run and not over_http
    if as_json:
        new = done.new if known else None
        print_json({"imported": done.imported, "new": new, "refused": done.refused, "report": refused})
        return
    verb = "can be imported" if dry_run else "imported"
    brought = f", {count(done.new, 'new customer')} among them" if known else ""
    out.print(f"{count(done.imported, 'row')} {verb}{brought}; {count(done.refused, 'row')} refused.")
    if refused:
        out.print(escape(f"Refused rows with reasons: {refused}"))
