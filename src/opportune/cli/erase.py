"""`opportune erase`: forget one person, or one unit such as a household, for good."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from uuid import uuid4

import msgspec
import typer
from rich.markup import escape

from opportune.cli.author import named
from opportune.cli.identity import named as person_named
from opportune.cli.identity import strategy_of
from opportune.cli.output import JsonOption, count, fail, failures, out, print_json
from opportune.cli.releases import AuthorOption, StoreOption, UrlOption, expect_one, opened, service
from opportune.client import Client
from opportune.customers.identity import Identifier
from opportune.errors import InputError
from opportune.service.erasing import Erased
from opportune.service.erasing import erase as erased
from opportune.service.erasure_list import list_of
from opportune.service.identity_links import check_level
from opportune.service.naming import id_problem
from opportune.storage import Storage

__all__ = ["erase"]


def erase(
    identifier: Annotated[
        str,
        typer.Argument(
            help="Identifier of the customer; KIND:VALUE, such as email:anna@example.com, for other kinds. With --level"
            " that of the unit."
        ),
    ],
    reason: Annotated[str, typer.Option(help="Why, in your words, without naming the person; it is kept.")],
    level: Annotated[
        str, typer.Option(help="Level of the strategy, such as household: its unit is erased, and its members stay.")
    ] = "",
    store: StoreOption = "",
    url: UrlOption = "",
    author: AuthorOption = "",
    erasures: Annotated[
        Path | None,
        typer.Option(help="List of erasures; beside the file of the store, or OPPORTUNE_ERASURES, if left out."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Erase all that is kept about one person or household.

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
                done = msgspec.convert(_asked(client, identifier, level, reason, who), Erased)
        else:
            with opened(store) as storage:
                one = _unit(storage, level, identifier) if level else person_named(storage, identifier)[0]
                listed = list_of(storage, erasures)
                done = erased(storage, listed, uuid4().hex, one.value, one.kind, author=who, reason=reason)
    if as_json:
        print_json(done)
        return
    out.print(f"Erased by entry {done.entry:,}: {count(done.payloads, 'personal part')} deleted, files rewritten.")
    if not done.listed:
        whom = level or "person"
        out.print(
            escape(f"No list of erasures: a restored backup would bring the {whom} back. Name one with --erasures.")
        )


def _asked(client: Client, identifier: str, level: str, reason: str, author: str) -> dict[str, object]:
    if level:
        return client.erase_unit(level, identifier, reason=reason, author=author)
    return client.erase(identifier, reason=reason, author=author)


def _unit(storage: Storage, level: str, unit: str) -> Identifier:
    """Name a unit as the store keeps it.

    Raises:
        InputError: the strategy of the store has no such level, or no store can keep such an identifier.
    """
    strategy = strategy_of(storage)
    check_level({} if strategy is None else strategy.registries.levels, level)
    problem = id_problem("unit", unit)
    if problem is not None:
        raise InputError([problem])
    return Identifier(level, unit)
