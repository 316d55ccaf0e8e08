"""Import a file of customers and die by SIGKILL right after a chosen step.

Arguments: folder, step ("store", "report", "progress" or "" to live), how often the step is taken before, and how the
import is done: "" as it is, "anew" with ids of its own each time, "early" with progress kept before the rows.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from uuid import uuid4

from msgspec.structs import replace as changed

from opportune.cli.import_run import Import, write_rows
from opportune.cli.import_targets import StoreTarget, Written
from opportune.customers import Attribute, Registry
from opportune.customers.importing import (
    MappingFile,
    Notes,
    Progress,
    ProgressFile,
    RefusedRows,
    Row,
    match_columns,
    open_source,
)
from opportune.records import ValueType
from opportune.storage import SqliteStorage

BATCH = 50
REGISTRY = Registry([Attribute("age", ValueType.INTEGER, range=(0, 120))], "customer.")


class Death:
    """Kills this process after a step was taken some times."""

    def __init__(self, step: str, times: int) -> None:
        self._step, self._left = step, times

    def after(self, step: str) -> None:
        if step == self._step:
            self._left -= 1
            if self._left < 0:
                os.kill(os.getpid(), signal.SIGKILL)


class KilledTarget(StoreTarget):
    """Dies after a write."""

    rows = BATCH

    def __init__(self, storage: SqliteStorage, death: Death, kept: KilledProgress, careless: str) -> None:
        super().__init__(storage)
        self._death, self._kept, self._careless = death, kept, careless
        self._own = uuid4().hex

    def write(self, run: str, first: int, rows: Sequence[Row], replace: bool) -> list[Written]:
        if self._careless == "early" and self._kept.last is not None:
            self._kept.write(changed(self._kept.last, rows=first - 1 + BATCH))
        written = super().write(self._own if self._careless == "anew" else run, first, rows, replace)
        self._death.after("store")
        return written

    def has(self, sequence: int, id: str) -> bool:
        return bool(self._careless) or super().has(sequence, id)


class KilledProgress(ProgressFile):
    """Dies after progress was kept."""

    def __init__(self, path: Path, death: Death) -> None:
        super().__init__(path)
        self._death = death
        self.last: Progress | None = None

    def write(self, progress: Progress) -> None:
        super().write(progress)
        self.last = progress
        self._death.after("progress")


def main(folder: Path, step: str, times: int, careless: str) -> None:
    death = Death(step, times)
    add = RefusedRows.add

    def add_and_die(report: RefusedRows, rows: Iterable[Row]) -> None:
        add(report, rows)
        death.after("report")

    RefusedRows.add = add_and_die  # type: ignore[method-assign]
    source, notes = open_source(folder / "people.csv"), Notes()
    columns = match_columns(MappingFile(), "id", source, REGISTRY, notes)
    about = {"the rows": source.fingerprint}
    task = Import(source, columns, REGISTRY, about, False, folder / "refused.jsonl")
    kept = KilledProgress(folder / "import.json", death)
    with SqliteStorage(folder / "shop.db") as storage:
        write_rows(task, KilledTarget(storage, death, kept, careless), kept, False, lambda done, total: None)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])
