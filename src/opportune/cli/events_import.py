"""`opportune events import`: what happened before, from a file of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from opportune.cli.events_targets import event_target
from opportune.cli.import_run import Import, check_rows, expect_kind, kept_progress, report_of, write_rows
from opportune.cli.imports import alone, declared, digest, read_mapping, tell_unused
from opportune.cli.output import FOUND, JsonOption, bar, count, fail, failures, out, print_json
from opportune.cli.releases import StoreOption, UrlOption
from opportune.customers.identity import CUSTOMER
from opportune.customers.importing import (
    Batch,
    ColumnMap,
    Notes,
    Progress,
    ProgressFile,
    Row,
    Source,
    match_columns,
    open_source,
    read_mapping_file,
)
from opportune.customers.intake.event_rows import KEYS, MOMENT, TYPE, EventRows, event_registry, rearranged
from opportune.errors import suggest
from opportune.service.revisions import Strategy, strategy_from_folder

__all__ = ["import_events"]


@dataclass(frozen=True)
class EventImport(Import):
    """What is imported, and how its rows become events."""

    strategy: Strategy
    kind: str

    def reader(self) -> Callable[[Batch], list[Row]]:
        """Give what reads a batch."""
        registries = self.strategy.registries
        return EventRows(self.columns, registries.events, registries.identifiers, self.kind).read


def import_events(
    project: Annotated[Path, typer.Argument(help="Folder of the strategy, whose event types are meant.")],
    file: Annotated[Path, typer.Argument(help="CSV, Parquet or JSON Lines with one row per event.")],
    store: StoreOption = "",
    url: UrlOption = "",
    type_: Annotated[
        str, typer.Option("--type", help="Event type of all rows; the column 'type' tells it if left out.")
    ] = "",
    id_column: Annotated[str, typer.Option("--id", help="Column of the customer's identifier.")] = "customer",
    kind: Annotated[str, typer.Option(help="Kind of that identifier.")] = CUSTOMER,
    mapping: Annotated[
        Path | None, typer.Option(help="YAML file that says which column feeds what, and how it is read.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Where refused rows go; FILE.refused.jsonl if left out.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check everything, write no event.")] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew after an interruption, instead of going on.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Import events from a file of rows, such as those of the last years.

    Columns feed the attributes of the same name, and 'type', 'occurred_at', 'event_id' and 'session' what their names
    say. Exit code 1 if rows were refused. After an interruption the same command goes on where it stood: no event is
    written twice or left out. While a service holds the store, add --url with its address.
    """
    with failures(as_json):
        report = report_of(file, report)
        kept = kept_progress(file, report, store, url, dry_run)
        strategy = strategy_from_folder(project)
        events = strategy.registries.events
        if type_ and type_ not in events:
            fail(f"--type: the project has no such event type; {suggest(type_, events, 'declare it in events.yaml')}")
        expect_kind(kind, strategy.registries.identifiers.kinds)
        with alone(file):
            source, columns = _matched(file, mapping, id_column, type_, strategy)
            if not as_json:
                tell_unused(source, columns)
            about = _about(source, columns, strategy, url, kind)
            registry = event_registry(None)
            task = EventImport(source, columns, registry, about, False, report, strategy, kind)
            done = _done(task, kept, store, restart, dry_run, as_json)
    _tell(done, report, dry_run, as_json)
    if done.refused:
        raise typer.Exit(FOUND)


def _done(task: EventImport, kept: ProgressFile, store: str, restart: bool, dry_run: bool, as_json: bool) -> Progress:
    with bar("Checking" if dry_run else "Importing", as_json) as told:
        if dry_run:
            return check_rows(task, told)
        with event_target(store, task.about["--url"], task.kind) as target:
            return write_rows(task, target, kept, restart, told)


def _matched(
    file: Path, mapping: Path | None, id_column: str, type_: str, strategy: Strategy
) -> tuple[Source, ColumnMap]:
    """Open the rows and say what feeds what; all that is wrong with the mapping is told at once."""
    content, notes = None, Notes()
    if mapping is not None:
        content, notes = read_mapping(mapping)
        notes = _EventNotes(notes.file, notes.place)
    source = open_source(file)
    chosen = [type_] if type_ else list(strategy.registries.events)
    together = event_registry(None)
    for name in chosen:
        together.attributes.update(strategy.registries.events[name].attributes)
    # Of JSON Lines the first lines alone tell columns: what stands beside attributes may come later.
    names = source.columns if set(KEYS) <= set(source.columns) else source.all_columns()
    wanted = read_mapping_file(rearranged(content, names, type_), together, notes)
    source = open_source(file, wanted.csv)
    columns = match_columns(wanted, id_column, source, together, notes)
    if TYPE not in columns.attributes:
        notes.add((), "nothing says the event type", "add --type, or 'type: COLUMN' to the mapping", "type")
    if MOMENT not in columns.attributes and MOMENT not in wanted.attributes:
        remedy = "add 'occurred_at: COLUMN' to the mapping, or 'occurred_at: ~' if all of it happens now"
        notes.add((), "nothing says when events happened", remedy, "occurred_at")
    notes.settle()
    return source, columns


class _EventNotes(Notes):
    """Names what stands beside the attributes as the mapping file has it."""

    def add(self, path: tuple[str, ...], message: str, remedy: str = "", where: str = "") -> None:
        if len(path) > 1 and path[0] == "attributes" and path[1] in _NAMES:
            path = (_NAMES[path[1]], *path[2:])
        super().add(path, message, remedy, where)


_NAMES = {name: key for key, name in KEYS.items()}


def _about(source: Source, columns: ColumnMap, strategy: Strategy, url: str, kind: str) -> dict[str, str]:
    """Give what must be the same to go on after an interruption; whether it is the same store, the store says."""
    events = strategy.registries.events
    attributes = [(name, [declared(one) for one in events[name].attributes.values()]) for name in sorted(events)]
    return {
        "the rows": source.fingerprint,
        "the mapping": digest(columns),
        "the project's event types": digest(attributes),
        "--url": url,
        "--kind": kind,
    }


def _tell(done: Progress, report: Path, dry_run: bool, as_json: bool) -> None:
    refused = str(report) if done.refused else None
    if as_json:
        print_json({"imported": done.imported, "refused": done.refused, "report": refused})
        return
    verb = "can be imported" if dry_run else "imported"
    out.print(f"{count(done.imported, 'event')} {verb}; {count(done.refused, 'row')} refused.")
    if refused:
        out.print(escape(f"Refused rows with reasons: {refused}"))
