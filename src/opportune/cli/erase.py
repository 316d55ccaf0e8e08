"""`opportune erase`: forget one person for good."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from opportune.cli.author import named
from opportune.cli.output import JsonOption, count, failures, out, print_json
from opportune.cli.releases import AuthorOption, opened
from opportune.service.erasing import erase as erased
from opportune.service.erasure_list import list_of

__all__ = ["erase"]


def erase(
    customer: Annotated[str, typer.Argument(help="Identifier of the person.")],
    reason: Annotated[str, typer.Option(help="Why, in your words, without naming the person; it is kept.")],
    store: Annotated[str, typer.Option(help="File of the store, or its URL.")] = "opportune.db",
    kind: Annotated[str, typer.Option(help="Kind of the identifier, such as email.")] = "customer",
    author: AuthorOption = "",
    erasures: Annotated[
        Path | None,
        typer.Option(help="List of erasures; beside the file of the store, or OPPORTUNE_ERASURES, if left out."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Erase all that is kept about one person, under all identifiers.

    Counts, answers and what models learned stay, without the person. What comes later and happened before has no
    effect. The list of erasures lets a restored backup forget the person again: keep it apart from the backups. On
    SQLite not beside a running service: ask that over HTTP.
    """
    with failures(as_json), opened(store) as storage:
        listed = list_of(storage, erasures)
        done = erased(storage, listed, uuid4().hex, customer, kind, author=named(author), reason=reason)
    if as_json:
        print_json(done)
        return
    out.print(f"Erased by entry {done.entry:,}: {count(done.payloads, 'personal part')} deleted, files rewritten.")
    if not done.listed:
        out.print("No list of erasures: a restored backup would bring the person back. Name one with --erasures.")
