"""`opportune check`: all problems of a strategy at once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from opportune.cli.output import JsonOption, failures, out, print_json
from opportune.strategy.check import check_directory
from opportune.strategy.project import content_hash

__all__ = ["check"]


def check(
    project: Annotated[Path, typer.Argument(help="Folder of the strategy.")],
    as_json: JsonOption = False,
) -> None:
    """List every problem of a strategy with its place and what to do; exit 1 if there is one."""
    with failures(as_json):
        checked = check_directory(project, datetime.now(UTC)).project
    if as_json:
        print_json({"problems": [], "revision": content_hash(checked), "actions": len(checked.actions)})
        return
    out.print(
        f"{checked.settings.name}: no problems in {len(checked.files)} files;"
        f" {len(checked.actions)} actions, {len(checked.channels)} channels, {len(checked.personas)} tests."
    )
