"""`opportune check`: all problems of a strategy at once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from opportune.cli.output import JsonOption, count, failures, out, print_json
from opportune.strategy.advice import of_project
from opportune.strategy.check import check_directory
from opportune.strategy.project import content_hash

__all__ = ["check"]


def check(
    project: Annotated[Path, typer.Argument(help="Folder of the strategy.")],
    as_json: JsonOption = False,
) -> None:
    """List every problem of a strategy, with place and remedy.

    Exit code 1 if there is one.
    """
    with failures(as_json):
        now = datetime.now(UTC)
        checked = check_directory(project, now).project
        advice = of_project(checked, now)
    if as_json:
        print_json(
            {"problems": [], "revision": content_hash(checked), "actions": len(checked.actions), "advice": advice}
        )
        return
    parts = (
        count(len(checked.actions), "action"),
        count(len(checked.channels), "channel"),
        count(len(checked.personas), "test"),
    )
    out.print(
        escape(f"{checked.settings.name}: no problems in {count(len(checked.files), 'file')}; {', '.join(parts)}.")
    )
    for sentence in advice:
        out.print(escape(f"Note: {sentence}."))
