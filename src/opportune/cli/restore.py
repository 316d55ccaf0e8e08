"""`opportune restore`: bring a backup back, without whom the store forgot since."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from opportune.cli.output import FOUND, JsonOption, bar, count, fail, failures, out, print_json, print_problems
from opportune.service.erasure_list import ErasureList, list_of
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
    no_erasures: Annotated[
        bool, typer.Option("--no-erasures", help="There is no list: nobody was erased since the backup.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a backup back, without whom the store forgot since.

    It is copied into an empty store, both are verified, and whom the list of erasures names is erased again. The list
    lies beside the store that was lost: bring it back, or name it. Without one nothing is restored, as the backup would
    bring back whom the store forgot. Exit code 1 on a problem.
    """
    with failures(as_json), open_storage(backup, read_only=True) as old, open_storage(store, for_copy=True) as new:
        listed = list_of(new, erasures)
        _expect_list(listed, erasures, no_erasures)
        with bar("Restoring", as_json) as progress:
            done = restored(old, new, listed, progress)
    if as_json:
        print_json(done)
    elif done.problems:
        print_problems(done.problems)
    else:
        out.print(f"Restored and verified, up to {count(done.entries, 'entry', 'entries')}.")
        words = "no list of erasures was found" if listed is None or not listed.path.exists() else ""
        again = f"{count(done.erased_again, 'erasure', 'erasures')} made again"
        out.print(escape(f"{again}; {words}." if words else f"{again}, by {listed.path if listed else ''}."))
    if done.problems:
        raise typer.Exit(FOUND)


def _expect_list(listed: ErasureList | None, named: Path | None, no_erasures: bool) -> None:
    """Refuse to bring back people who may have been erased since, before anything is copied."""
    found = listed is not None and listed.path.exists()
    if no_erasures and (found or named is not None):
        fail(f"--no-erasures: a list of erasures is named, {listed.path if listed else ''}; leave one of them out")
    if found or no_erasures:
        return
    where = f"{listed.path}: expected the list of erasures, found none" if listed else "expected the list of erasures"
    fail(
        f"{where}; without it the backup brings back whom the store forgot: name it with --erasures, "
        "or say with --no-erasures that nobody was erased since the backup"
    )
