"""`opportune restore`: bring a backup back, without whom the store forgot since."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from opportune.cli.output import FOUND, JsonOption, bar, count, failures, out, print_json, print_problems
from opportune.service.erasure_list import list_of
from opportune.service.restoring import restore as restored
from opportune.storage import open_storage

__all__ = ["restore"]


def restore(
    backup: Annotated[str, typer.Argument(help="Backup: file of a store, or its URL.")],
    store: Annotated[str, typer.Option(help="Empty store to bring it back into: its file, or its URL.")],
    erasures: Annotated[
        Path | None,
        typer.Option(help="List of erasures; beside the file of the store, or OPPORTUNE_ERASURES, if left out."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a backup into an empty store, verify both, and erase again whom the list of erasures names.

    The list lies beside the store that was lost: bring it back, or name it. Exit code 1 on a problem.
    """
    with failures(as_json), open_storage(backup, read_only=True) as old, open_storage(store, for_copy=True) as new:
        listed = list_of(new, erasures)
        with bar("Restoring", as_json) as progress:
            done = restored(old, new, listed, progress)
    if as_json:
        print_json(done)
    elif done.problems:
        print_problems(done.problems)
    else:
        out.print(f"Restored and verified, up to {count(done.entries, 'entry', 'entries')}.")
        words = "no list of erasures was found" if listed is None or not listed.path.exists() else ""
        again = f"{count(done.erased_again, 'person', 'persons')} erased again"
        out.print(escape(f"{again}; {words}." if words else f"{again}, by {listed.path if listed else ''}."))
    if done.problems:
        raise typer.Exit(FOUND)
