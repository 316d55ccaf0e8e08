"""`opportune fallback`: write the answers that a proxy gives when no process can be reached."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from opportune.cli.output import JsonOption, count, fail, failures, out, print_json
from opportune.decide.limits.standing import off_today
from opportune.service.published import ANSWERS, MAP, publish_fallback
from opportune.service.revisions import Strategy, strategy_from_bundle, strategy_from_folder
from opportune.service.settings import wall_clock
from opportune.storage import open_storage, orders_of

__all__ = ["fallback"]


def fallback(
    out_folder: Annotated[Path, typer.Option("--out", help="Folder to write into; made if missing.")],
    project: Annotated[Path | None, typer.Argument(help="Folder of the strategy.")] = None,
    store: Annotated[str | None, typer.Option(help="Store whose current revision is taken instead.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write what a proxy answers when no process can be reached.

    Per channel and placement these are the declared fallbacks whose rules hold without knowing anything. With --store,
    what is switched off there is left out; write them again after a switch.
    """
    with failures(as_json):
        strategy, orders = _strategy(project, store)
        off = off_today(strategy.plan.limits, orders)
        answers = publish_fallback(strategy.plan, out_folder, wall_clock(), off)
    if as_json:
        print_json(answers)
        return
    for key, answer in answers.items():
        shown = [action.action for placement in answer.placements for action in placement.actions]
        out.print(escape(f"{key}: {', '.join(shown) or 'nothing'}"))
    out.print(escape(f"{count(len(answers), 'answer')} in {out_folder / ANSWERS} and {out_folder / MAP}"))


def _strategy(project: Path | None, store: str | None) -> tuple[Strategy, tuple[tuple[str, bool], ...]]:
    """Give the strategy, and what was switched off or on in its store, as `off_today` takes it."""
    if project is not None and store is None:
        return strategy_from_folder(project), ()
    if store is None or project is not None:
        fail("expected either the folder of a strategy or --store")
    with open_storage(store, read_only=True) as storage:
        current, orders = storage.current_revision(), orders_of(storage.switches())
    if current is None:
        fail(f"{store}: no strategy was ever served or published from this store")
    return strategy_from_bundle(current.bundle), orders
