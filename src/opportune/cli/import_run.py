"""One import from its first row to its last, over any interruption."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from msgspec.structs import replace as changed

from opportune.cli.import_targets import Target, write_id
from opportune.cli.output import fail
from opportune.cli.releases import expect_one
from opportune.customers import Registry
from opportune.customers.importing import Batch, ColumnMap, Progress, ProgressFile, RefusedRows, Row, RowReader, Source
from opportune.errors import suggest

__all__ = ["Import", "check_rows", "expect_kind", "kept_progress", "report_of", "write_rows"]

Told = Callable[[int, int], None]
"""Takes the rows done and about how many there are."""


@dataclass(frozen=True)
class Import:
    """What is imported, and how.

    Args:
        about: what must be the same to go on after an interruption: name → digest.
        replace: drop attributes that a row does not have.
        report: where refused rows go.
    """

    source: Source
    columns: ColumnMap
    registry: Registry
    about: dict[str, str]
    replace: bool
    report: Path

    def reader(self) -> Callable[[Batch], list[Row]]:
        """Give what reads a batch."""
        return RowReader(self.columns, self.registry).read


def report_of(file: Path, report: Path | None) -> Path:
    """Give where the refused rows of a file go, and leave where it is none."""
    if file.is_dir():
        fail(f"{file}: expected a file of rows, found a folder")
    return report or file.with_name(file.name + ".refused.jsonl")


def kept_progress(file: Path, report: Path, store: str, url: str, dry_run: bool) -> ProgressFile:
    """Give where an import of a file says how far it is, and leave where its options contradict one another."""
    expect_one(store, url)
    if report.resolve() == file.resolve():
        fail(f"--report: expected another file than that of the rows, {file}")
    kept = ProgressFile(file.with_name(file.name + ".import.json"))
    if dry_run and kept.path.exists():
        fail(f"{kept.path}: an import was interrupted; finish it without --dry-run, or remove this file")
    return kept


def expect_kind(kind: str, kinds: Iterable[str]) -> None:
    """Leave where the project has no such kind of identifier."""
    if kind not in kinds:
        remedy = suggest(kind, kinds, "declare it in identifiers.yaml")
        fail(f"--kind: the project has no such kind of identifier; {remedy}")


def check_rows(task: Import, told: Told) -> Progress:
    """Read every row and write none; refused ones go to the report."""
    done = Progress(run="", about={})
    read = task.reader()
    with closing(RefusedRows(task.report)) as report:
        for batch in task.source.batches(task.columns.columns):
            refused = [row for row in read(batch) if row.problems]
            report.add(refused)
            done = changed(
                done,
                rows=done.rows + batch.size,
                imported=done.imported + batch.size - len(refused),
                refused=done.refused + len(refused),
            )
            told(done.rows, max(done.rows, task.source.rows))
    return done


def write_rows(task: Import, target: Target, kept: ProgressFile, restart: bool, told: Told) -> Progress:
    """Write every row that is not written yet.

    After each batch its rows are in the target first, then its refused rows in the report, then both in the progress:
    what an interruption cuts off is done once more, under the same ids.
    """
    done = _beginning(task, target, kept, restart)
    read = task.reader()
    with closing(RefusedRows(task.report, done.report_bytes)) as report, _collecting_nothing():
        kept.write(done)
        for batch in task.source.batches(task.columns.columns, done.rows, target.rows):
            rows = read(batch)
            good = [row for row in rows if not row.problems]
            refused = [row for row in rows if row.problems]
            written = target.write(done.run, batch.first, good, task.replace) if good else []
            last = done.last
            for row, one in zip(good, written, strict=True):
                if one.problems:
                    refused.append(Row(row.number, row.line, row.identifier, {}, one.problems))
                else:
                    last = one.sequence, write_id(done.run, row.number)
            report.add(sorted(refused, key=lambda row: row.number))
            done = changed(
                done,
                rows=done.rows + batch.size,
                imported=done.imported + batch.size - len(refused),
                new=done.new + sum(one.new for one in written),
                refused=done.refused + len(refused),
                report_bytes=report.bytes,
                last=last,
            )
            kept.write(done)
            gc.collect()
            told(done.rows, max(done.rows, task.source.rows))
    kept.remove()
    return done


@contextmanager
def _collecting_nothing() -> Iterator[None]:
    """Keep the collector from looking through all rows of a batch again and again: a quarter of the time.

    Between batches, when few objects live, it costs nothing.
    """
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def _beginning(task: Import, target: Target, kept: ProgressFile, restart: bool) -> Progress:
    if restart:
        kept.remove()
    found = kept.read(task.about)
    if found is None:
        return Progress(run=uuid4().hex, about=task.about)
    sequence, id_ = found.last
    if sequence and not target.has(sequence, id_):
        fail(
            f"{kept.path}: an import was interrupted after {found.rows:,} rows, and the store does not have them;"
            " give the store that it wrote to, or --restart to import everything once more"
        )
    return found
