"""`opportune verify`: is everything in the store as it was written, and is the model what its journal says?"""

from __future__ import annotations

from typing import Annotated

import typer

from opportune.cli.output import FOUND, JsonOption, bar, count, failures, out, print_json, print_problems
from opportune.service.proof import prove_models
from opportune.service.redeciding import Redecided, prove_decisions
from opportune.storage import open_storage, verify_storage

__all__ = ["verify"]


def verify(
    store: Annotated[str, typer.Option(help="File of the store, or its URL.")] = "opportune.db",
    as_json: JsonOption = False,
) -> None:
    """Check the whole store against itself.

    Every kept stretch of the model is learned again, and the last 100 decisions are decided again; both are compared.
    Exit code 1 on a problem. Works beside a running service.
    """
    # One state for all of it: a service may write meanwhile.
    with failures(as_json), open_storage(store, read_only=True) as current, current.snapshot() as storage:
        with bar("Reading the journal", as_json) as progress:
            problems = verify_storage(storage, progress)
        stretches, decisions = 0, Redecided(compared=0, degraded=0, gone=0)
        if not problems:
            with bar("Learning again", as_json) as progress:
                stretches, problems = prove_models(storage, progress)
            with bar("Deciding again", as_json) as progress:
                decisions, differing = prove_decisions(storage, progress)
            problems += differing
        entries = storage.last_sequence()
    if as_json:
        print_json({"entries": entries, "stretches": stretches, "decisions": decisions, "problems": problems})
    elif problems:
        print_problems(problems)
        out.print(f"{count(len(problems), 'problem')} in {count(entries, 'entry', 'entries')}.")
    else:
        learned = "no stretch of the model to learn again yet"
        if stretches:
            learned = f"{count(stretches, 'stretch', 'stretches')} of the model learned again, all equal"
        again = f"{count(decisions.compared, 'decision')} decided again, all equal" if decisions.compared else ""
        gone = f"{count(decisions.gone, 'decision')} not, as what they rest on is not kept" if decisions.gone else ""
        told = "; ".join(part for part in (learned, again, gone) if part)
        out.print(f"No problems in {count(entries, 'entry', 'entries')}; {told}.")
    if problems:
        raise typer.Exit(FOUND)
