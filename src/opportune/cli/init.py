"""`opportune init`: start a strategy from the starter project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from opportune.cli.output import JsonOption, failures, out, print_json, program
from opportune.strategy.starter import copy_starter

__all__ = ["init"]


def init(
    folder: Annotated[Path, typer.Argument(help="Where the strategy is to lie; new or empty.")],
    as_json: JsonOption = False,
) -> None:
    """Copy the starter project, which explains itself.

    The folder must be new or empty; it gives the strategy its name.
    """
    with failures(as_json):
        paths = copy_starter(folder)
    if as_json:
        print_json({"folder": str(folder), "files": [path.as_posix() for path in paths]})
        return
    files = [path for path in paths if not path.parts[0].startswith(".")]
    out.print(escape(f"{folder}: a small strategy of {len(files)} files. Next: {program()} check {folder}"))
