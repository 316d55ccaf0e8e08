"""`opportune init`: start a strategy from the starter project, or from a pack."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer
from rich.markup import escape

from opportune.cli.output import JsonOption, failures, out, print_json, program
from opportune.strategy.starter import PACKS, copy_starter

__all__ = ["init"]


def init(
    folder: Annotated[Path, typer.Argument(help="Where the strategy is to lie; new or empty.")],
    pack: Annotated[
        str, typer.Option(help=f"Begin with the events and features of a line of business: {', '.join(PACKS)}.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Copy the starter project, which explains itself, or a pack.

    The folder must be new or empty; it gives the strategy its name.
    """
    with failures(as_json):
        paths = copy_starter(folder, pack)
    if as_json:
        print_json({"folder": str(folder), "files": [path.as_posix() for path in paths]})
        return
    files = [path for path in paths if not path.parts[0].startswith(".")]
    command = f"{program()} check {quote(str(folder))}"
    out.print(escape(f"{folder}: a small strategy of {len(files)} files. Next: {command}"))
