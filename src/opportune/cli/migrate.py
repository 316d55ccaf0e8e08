"""`opportune migrate`: bring the tables of a store to this version."""

from __future__ import annotations

from typing import Annotated

import typer

from opportune.cli.output import JsonOption, failures, out, print_json
from opportune.storage import open_storage

__all__ = ["migrate"]


def migrate(
    store: Annotated[str, typer.Option(help="File of the store, or its URL.")] = "opportune.db",
    as_json: JsonOption = False,
) -> None:
    """Bring the tables of a store to this version.

    Where there are none it makes them.

    All of it is one transaction. A service does the same when it starts; this is for those who do it apart.
    """
    with failures(as_json), open_storage(store) as storage:
        applied = storage.migrated
    if as_json:
        print_json({"applied": applied})
        return
    for name in applied:
        out.print(f"applied {name}")
    if not applied:
        out.print("Nothing to do: the tables are those of this version.")
