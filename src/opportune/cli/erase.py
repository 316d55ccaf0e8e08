"""`opportune erase`: forget one person for good."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from uuid import uuid4

import msgspec
import typer

from opportune.cli.author import named
from opportune.cli.identity import CustomerArgument
from opportune.cli.identity import named as person_named
from opportune.cli.output import JsonOption, count, fail, failures, out, print_json
from opportune.cli.releases import AuthorOption, StoreOption, UrlOption, expect_one, opened, service
from opportune.service.erasing import Erased
from opportune.service.erasing import erase as erased
from opportune.service.erasure_list import list_of

__all__ = ["erase"]


def erase(
    customer: CustomerArgument,
    reason: Annotated[str, typer.Option(help="Why, in your words, without naming the person; it is kept.")],
    store: StoreOption = "",
    url: UrlOption = "",
    author: AuthorOption = "",
    erasures: Annotated[
        Path | None,
        typer.Option(help="List of erasures; beside the file of the store, or OPPORTUNE_ERASURES, if left out."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Erase all that is kept about one person.

    It goes under all identifiers. Counts, answers and what models learned stay, without the person. What comes later
    and happened before has no effect. The list of erasures lets a restored backup forget the person again: keep it
    apart from the backups. While a service holds the store, add --url with its address; it writes to its own list.
    """
    with failures(as_json):
        expect_one(store, url)
        who = named(author)
        if url:
            if erasures is not None:
                fail("expected --erasures or --url, found both; a service has a list of its own")
            with service(url) as client:
                done = msgspec.convert(client.erase(customer, reason=reason, author=who), Erased)
        else:
            with opened(store) as storage:
                (one,) = person_named(storage, customer)
                listed = list_of(storage, erasures)
                done = erased(storage, listed, uuid4().hex, one.value, one.kind, author=who, reason=reason)
    if as_json:
        print_json(done)
        return
    out.print(f"Erased by entry {done.entry:,}: {count(done.payloads, 'personal part')} deleted, files rewritten.")
    if not done.listed:
        out.print("No list of erasures: a restored backup would bring the person back. Name one with --erasures.")
