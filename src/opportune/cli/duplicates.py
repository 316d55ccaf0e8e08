"""`opportune duplicates`: who may be one person twice; merges only what a person has marked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from rich.markup import escape
from rich.table import Table

from opportune.cli.author import named as author_named
from opportune.cli.identity import named, strategy_of, written
from opportune.cli.output import FOUND, JsonOption, bar, count, fail, failures, out, print_json, print_table
from opportune.cli.releases import AuthorOption, OnlyStoreOption, ReasonOption, opened
from opportune.customers.identity import CUSTOMER, Identifier
from opportune.customers.identity.duplicates import (
    Accepted,
    Compared,
    Found,
    Person,
    read_accepted,
    search,
    write_proposals,
)
from opportune.errors import InputError, Problem
from opportune.service.revisions import Strategy
from opportune.storage import MergePersons, Storage

__all__ = ["duplicates"]

SHOWN = 20
"""Proposals that a terminal shows."""


def duplicates(
    store: OnlyStoreOption = "",
    output: Annotated[
        Path | None, typer.Option("--to", help="File of the proposals: .csv for a spreadsheet, else JSON Lines.")
    ] = None,
    at_least: Annotated[
        float, typer.Option("--at-least", help="How likely two must be one to be proposed.", min=0.01, max=1.0)
    ] = 0.7,
    accept: Annotated[
        Path | None, typer.Option(help="Merge what is marked in such a file: accept is yes, x, 1 or true.")
    ] = None,
    author: AuthorOption = "",
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Find customers who are likely one person.

    They are told by what duplicates.yaml compares. Nothing is merged unless a person has marked it; every merge is
    logged, and `split` takes it back. Exit code 1 where a marked line could not be merged. The search works beside a
    running service; on SQLite --accept does not, where `merge --url` does it pair by pair.
    """
    with failures(as_json):
        if accept is not None:
            _accept(accept, store, author_named(author), reason, as_json)
            return
        with opened(store, read_only=True) as storage, closing(storage.snapshot()) as frozen:
            strategy = strategy_of(frozen)
            compared = [] if strategy is None else _compared(strategy)
            if strategy is None or not compared:
                fail("the strategy of the store compares nothing; say in duplicates.yaml what, and publish it")
            with bar("Comparing", as_json) as told:
                found = search(compared, _people(frozen, strategy), at_least, told)
    if output is not None:
        write_proposals(output, found.proposals)
    _tell(found, output, as_json)


def _compared(strategy: Strategy) -> list[Compared]:
    return [Compared(name, one.compare, one.region) for name, one in strategy.project.duplicates.items()]


def _people(storage: Storage, strategy: Strategy) -> Iterator[Person]:
    """Give everybody by one identifier, a customer's where there is one; units are no persons."""
    kinds = strategy.registries.identifiers
    for known in storage.people():
        names = [name for name in known.identifiers if name[0] not in kinds.levels]
        if names:
            first = min(names, key=lambda name: (name[0] != CUSTOMER, name))
            written_as = tuple(
                (kinds.kinds[kind].normalize, value)
                for kind, value in names
                if kind in kinds.kinds and kinds.kinds[kind].normalize != "none"
            )
            yield Person(str(Identifier(*first)), known.attributes, written_as)


def _accept(file: Path, store: str, author: str, reason: str, as_json: bool) -> None:
    """Merge what a person has marked."""
    merged = already = 0
    problems: list[Problem] = []
    accepted = read_accepted(file)
    with opened(store, otherwise="pair by pair with `opportune merge --url`") as storage:
        for one in accepted:
            try:
                is_new = _merge(storage, one, author, reason or f"duplicates of {file.name}")
            except InputError as error:
                problems += [
                    Problem(file.as_posix(), one.line, 0, "", problem.message, problem.remedy, problem.code)
                    for problem in error.problems
                ]
                continue
            merged += is_new
            already += not is_new
    if as_json:
        print_json({"marked": len(accepted), "merged": merged, "already": already, "problems": problems})
    else:
        out.print(
            f"{count(merged, 'pair')} merged, {already:,} were one already, {len(problems):,} could not be merged."
        )
        for problem in problems:
            out.print(escape(str(problem)))
    if problems:
        raise typer.Exit(FOUND)


def _merge(storage: Storage, accepted: Accepted, author: str, reason: str) -> bool:
    one, other = named(storage, accepted.one, accepted.other)
    persons = [storage.person_of(name.value, name.kind) for name in (one, other)]
    if None in persons:
        raise InputError.of("", "nobody is known under one of the two identifiers", "search again")
    if persons[0] == persons[1]:
        return False
    write = MergePersons(
        id=uuid4().hex,
        identifier=one.value,
        identifier_kind=one.kind,
        other=other.value,
        other_kind=other.kind,
        author=author,
        reason=reason,
    )
    written(storage, write)
    return True


def _tell(found: Found, output: Path | None, as_json: bool) -> None:
    if as_json:
        proposals = found.proposals if output is None else []
        print_json(
            {
                "people": found.people,
                "pairs": found.pairs,
                "blocks_passed_over": found.blocks_passed_over,
                "found": len(found.proposals),
                "to": None if output is None else str(output),
                "proposals": proposals,
            }
        )
        return
    if found.proposals:
        table = Table(box=None, pad_edge=False)
        for heading in ("likely", "one", "other", "because"):
            table.add_column(heading)
        for one in found.proposals[:SHOWN]:
            table.add_row(f"{one.likely:.2f}", escape(one.one), escape(one.other), escape(", ".join(one.reasons)))
        print_table(table)
    rest = len(found.proposals) - SHOWN
    if rest > 0:
        out.print(f"and {rest:,} more" + ("" if output else "; write all of them with --to FILE"))
    crowds = f"; {count(found.blocks_passed_over, 'crowd')} too large to compare" if found.blocks_passed_over else ""
    out.print(
        f"{count(found.people, 'person', 'persons')}, {count(found.pairs, 'pair')} compared,"
        f" {len(found.proposals):,} likely duplicates{crowds}."
    )
    if output is not None:
        out.print(escape(f"Mark those that are right in {output}, then merge them with --accept {output}."))
