"""`opportune fallback`: write the answers that a proxy gives when no process can be reached."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from opportune.cli.output import JsonOption, count, fail, failures, out, print_json
from opportune.service.published import ANSWERS, MAP, publish_fallback
from opportune.service.revisions import Strategy, strategy_from_bundle, strategy_from_folder
from opportune.service.settings import wall_clock
from opportune.storage import open_storage

__all__ = ["fallback"]


def fallback(
    out_folder: Annotated[Path, typer.Option("--out", help="Folder to write into; made if missing.")],
    project: Annotated[Path | None, typer.Argument(help="Folder of the strategy.")] = None,
    store: Annotated[str | None, typer.Option(help="Store whose current revision is taken instead.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write what a proxy answers when no process can be reached.

    Per channel and placement these are the declared fallbacks whose rules hold without knowing anything.
    """
    with failures(as_json):
        plan = _strategy(project, store).plan
        answers = publish_fallback(plan, out_folder, wall_clock())
    if as_json:
        print_json(answers)
        return
    for key, answer in answers.items():
        shown = [action.action for placement in answer.placements for action in placement.actions]
        out.print(escape(f"{key}: {', '.join(shown) or 'nothing'}"))
    out.print(escape(f"{count(len(answers), 'answer')} in {out_folder / ANSWERS} and {out_folder / MAP}"))


def _strategy(project: Path | None, store: str | None) -> Strategy:
    if project is not None and store is None:
        return strategy_from_folder(project)
    if store is None or project is not None:
        fail("expected either the folder of a strategy or --store")
    with open_storage(store, read_only=True) as storage:
        current = storage.current_revision()
    if current is None:
        fail(f"{store}: no strategy was ever served or published from this store")
    return strategy_from_bundle(current.bundle)
