"""`opportune init`: start a strategy from the starter project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opportune.cli.output import JsonOption, failures, out, print_json
from opportune.strategy.starter import copy_starter

__all__ = ["init"]


def init(
    folder: Annotated[Path, typer.Argument(help="Where the strategy is to lie; made if missing.")],
    as_json: JsonOption = False,
) -> None:
    """Copy the starter project: a small strategy of real files that explain themselves."""
    with failures(as_json):
        paths = copy_starter(folder)
    if as_json:
        print_json({"folder": str(folder), "files": [path.as_posix() for path in paths]})
        return
    out.print(f"{folder}: {len(paths)} files. Next: opportune check {folder}")
