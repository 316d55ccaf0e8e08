"""`opportune copy`: move an installation into another store."""

from __future__ import annotations

from typing import Annotated

import typer

from opportune.cli.output import FOUND, JsonOption, bar, count, failures, out, print_json, print_problems
from opportune.storage import copy_storage, open_storage

__all__ = ["copy"]


def copy(
    source: Annotated[str, typer.Option("--from", help="Store to copy: its file, or its URL.")],
    target: Annotated[str, typer.Option("--to", help="Empty store to copy into: its file, or its URL.")],
    as_json: JsonOption = False,
) -> None:
    """Copy a store into an empty one, and verify both.

    The copy goes on with the same journal: sequences, digests, ids and answers stay. What is written to the source
    meanwhile is not in it, so stop the service first. Interrupted, it may be begun again. Exit code 1 on a problem.
    """
    with failures(as_json), open_storage(source, read_only=True) as old, open_storage(target, for_copy=True) as new:
        with bar("Copying", as_json) as progress:
            problems = copy_storage(old, new, progress)
        entries, last = new.last_sequence(), new.journal(max(0, new.last_sequence() - 1), 1)
    digest = last[0].digest.hex() if last else ""
    if as_json:
        print_json({"entries": entries, "digest": digest, "problems": problems})
    elif problems:
        print_problems(problems)
    else:
        out.print(f"Copied and verified, up to {count(entries, 'entry', 'entries')}; last digest {digest[:16]}.")
    if problems:
        raise typer.Exit(FOUND)
