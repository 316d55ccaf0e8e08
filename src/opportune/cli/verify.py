"""`opportune verify`: is everything in the store as it was written, and is the model what its journal says?"""

from __future__ import annotations

from typing import Annotated

import typer

from opportune.cli.output import FOUND, JsonOption, bar, failures, out, print_json, print_problems
from opportune.service.proof import prove_models
from opportune.storage import open_storage

__all__ = ["verify"]


def verify(
    store: Annotated[str, typer.Option(help="File of the store, or its URL.")] = "opportune.db",
    as_json: JsonOption = False,
) -> None:
    """Check the whole store against itself, and learn every kept stretch of the model again; exit 1 on a problem.

    Works beside a running service.
    """
    with failures(as_json), open_storage(store, read_only=True) as storage:
        with bar("Reading the journal", as_json) as progress:
            problems = storage.verify(progress)
        stretches = 0
        if not problems:
            with bar("Learning again", as_json) as progress:
                stretches, problems = prove_models(storage, progress)
        entries = storage.last_sequence()
    if as_json:
        print_json({"entries": entries, "stretches": stretches, "problems": problems})
    elif problems:
        print_problems(problems)
        out.print(f"{len(problems)} problems in {entries} entries.")
    else:
        out.print(f"No problems in {entries} entries; {stretches} stretches of the model learned again, all equal.")
    if problems:
        raise typer.Exit(FOUND)
