"""The contacts that a command decides: recorded ones, customers of a store or a file, or imagined ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import wraps
from inspect import Parameter, signature
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from opportune.cli.contact import read_attributes
from opportune.cli.evaluate import moment
from opportune.cli.output import fail
from opportune.customers import Registry
from opportune.customers.importing import ColumnMap, Feed, MappingFile, Notes, RowReader, match_columns, open_source
from opportune.decide import Plan
from opportune.evaluate.foresight import Case
from opportune.evaluate.foresight.imagined import Imagination, named_in
from opportune.evaluate.foresight.recorded import customers_of, recorded_cases, with_history, with_present
from opportune.evaluate.off_policy.recorded import Span
from opportune.records import DecisionRequest, PlacementRequest
from opportune.service.revisions import Strategy
from opportune.storage import Storage

__all__ = [
    "Population",
    "Wanted",
    "asks_population",
    "population",
]

DAYS = 7


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for, as the options say it; `asks_population` adds them to a command."""

    customers: Annotated[
        Path | None,
        typer.Option(
            help="CSV, Parquet or JSON Lines of customers; columns context.NAME say what their contact knows."
        ),
    ] = None
    id_column: Annotated[str, typer.Option("--id", help="Column of the identifier in --customers.")] = "id"
    profiles: Annotated[
        bool, typer.Option("--profiles", help="Customers of the store, in place of its recorded decisions.")
    ] = False
    imagined: Annotated[
        bool, typer.Option("--imagined", help="Imagined customers, although there is a store; its models are used.")
    ] = False
    count: Annotated[int, typer.Option(help="Most recorded decisions or customers.", min=1, max=1_000_000)] = 2_000
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 1
    since: Annotated[str, typer.Option("--from", help="First moment of recorded decisions, such as 2026-05-04.")] = ""
    until: Annotated[str, typer.Option("--to", help="Moment before which recorded decisions were made.")] = ""
    at: Annotated[
        str,
        typer.Option("--at", help="Moment of all contacts of customers; spread over the last seven days if left out."),
    ] = ""
    channel: Annotated[str, typer.Option(help="Channel of the contacts of customers; all if left out.")] = ""
    context: Annotated[
        str, typer.Option(help="Context of the contacts of customers, as JSON; imagined if left out.")
    ] = ""


def asks_population(*left_out: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of `Wanted` in the place of its parameter `wanted`, but for some."""

    def changed(command: Callable[..., None]) -> Callable[..., None]:
        declared = signature(Wanted, eval_str=True).parameters
        options = [
            one.replace(kind=Parameter.POSITIONAL_OR_KEYWORD) for name, one in declared.items() if name not in left_out
        ]
        own = signature(command, eval_str=True)
        parameters: list[Parameter] = []
        for one in own.parameters.values():
            parameters += options if one.name == "wanted" else [one]

        @wraps(command)
        def run(**given: Any) -> None:
            wanted = Wanted(**{one.name: given.pop(one.name) for one in options})
            command(wanted=wanted, **given)

        run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return changed


@dataclass(frozen=True, slots=True)
class Population:
    """The contacts.

    Args:
        source: "decisions", "profiles", "file" or "imagined".
        left_out: rows of the file that cannot be read.
    """

    source: str
    cases: list[Case]
    left_out: int = 0


def population(wanted: Wanted, strategies: Iterable[Strategy], storage: Storage | None) -> Population:
    """Gather contacts that all strategies can be asked.

    Raises:
        InputError: the file or the context does not fit the strategy.
        StoreError: the store cannot be read.
    """
    chosen = [wanted.customers is not None, wanted.profiles, wanted.imagined]
    if sum(chosen) > 1:
        fail("expected one of --customers, --profiles and --imagined, found several")
    if wanted.profiles and storage is None:
        fail("--profiles: expected a store too; add --store")
    strategies = list(strategies)
    plans = [strategy.plan for strategy in strategies]
    if storage is not None and not any(chosen):
        span = Span(moment(wanted.since, "--from"), moment(wanted.until, "--to"))
        return Population("decisions", with_history(storage, recorded_cases(storage, wanted.count, span), plans))
    found = _of_people(wanted, strategies, storage)
    if storage is None:
        return found
    known = found.cases if found.source == "imagined" else with_history(storage, found.cases, plans)
    return replace(found, cases=with_present(storage, known))


def _of_people(wanted: Wanted, strategies: list[Strategy], storage: Storage | None) -> Population:
    asking = _Asking(wanted, strategies)
    if wanted.customers is not None:
        people, left_out = _of_file(wanted, asking.own)
        return Population("file", asking.cases(people), left_out)
    if wanted.profiles and storage is not None:
        found = customers_of(storage, wanted.count)
        return Population("profiles", asking.cases((name, known, {}) for name, known in found.items()))
    names = (f"imagined {number}" for number in range(1, wanted.count + 1))
    return Population("imagined", asking.cases((name, None, {}) for name in names))


_Person = tuple[str, Mapping[str, Any] | None, Mapping[str, Any]]
"""Name, attributes (None: to be imagined), and what is known of the context."""


class _Asking:
    """Makes a contact of every person in every channel."""

    def __init__(self, wanted: Wanted, strategies: list[Strategy]) -> None:
        self.own = strategies[-1]
        self._wanted = wanted
        self._channels = _common(wanted, [strategy.plan for strategy in strategies])
        self._at = moment(wanted.at, "--at")
        self._end = self._at or datetime.now(UTC)
        plans = [strategy.plan for strategy in strategies]
        named = named_in(plans)
        customer: dict[str, Any] = {}
        for strategy in strategies:
            customer |= strategy.registries.customer.attributes
        context = dict(self.own.registries.context.attributes)
        for strategy in strategies:
            context = {name: one for name, one in context.items() if name in strategy.registries.context.attributes}
        self._people = Imagination(customer, "customer.", named)
        self._contexts = Imagination(context, "context.", named)
        self._given = self._context(self.own.registries.context)

    def _context(self, registry: Registry) -> Mapping[str, Any] | None:
        if not self._wanted.context:
            return None
        try:
            values = msgspec.json.decode(self._wanted.context, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            fail(f"--context: expected a JSON object: {error}")
        return read_attributes(registry, values, "context")

    def cases(self, people: Iterable[_Person]) -> list[Case]:
        """Make the contacts; their moments are spread evenly unless one was named."""
        found = list(people)
        several = len(self._channels) > 1
        made: list[Case] = []
        for number, (name, attributes, known) in enumerate(found):
            at = self._end
            if self._at is None:
                at -= timedelta(days=DAYS * (len(found) - number) / len(found))
            seed = f"{self._wanted.seed}/{name}"
            own = self._people.draw(seed, at) if attributes is None else attributes
            for channel, placements in self._channels.items():
                context = self._contexts.draw(f"{seed}/{channel}", at) if self._given is None else self._given
                request = DecisionRequest(
                    id=f"{seed}/{channel}",
                    customer=None if attributes is None else name,
                    channel=channel,
                    placements=tuple(PlacementRequest(name=placement) for placement in placements),
                    context={**context, **known},
                )
                title = f"{name} ({channel})" if several else name
                made.append(Case(title, name, request, own, at, f"{seed}/{channel}"))
        return made


def _common(wanted: Wanted, plans: list[Plan]) -> dict[str, list[str]]:
    """Give the channels and placements that all strategies have: only those can be compared."""
    channels: dict[str, list[str]] = {}
    for name, channel in plans[-1].channels.items():
        others = [plan.channels[name].placements for plan in plans if name in plan.channels]
        placements = [one for one in channel.placements if all(one in other for other in others)]
        if len(others) == len(plans) and placements:
            channels[name] = placements
    if wanted.channel:
        if wanted.channel not in channels:
            fail(f"--channel: expected one of {', '.join(channels) or 'none'}, found '{wanted.channel[:50]}'")
        return {wanted.channel: channels[wanted.channel]}
    if not channels:
        fail("the strategies have no channel and placement in common; nothing can be compared")
    return channels


def _of_file(wanted: Wanted, strategy: Strategy) -> tuple[list[_Person], int]:
    assert wanted.customers is not None
    path, registries = wanted.customers, strategy.registries
    source, notes = open_source(path), Notes()
    columns = match_columns(MappingFile(), wanted.id_column, source, registries.customer, notes)
    notes.settle()
    known = {
        name: Feed(column=f"context.{name}")
        for name in registries.context.attributes
        if f"context.{name}" in source.columns
    }
    context_columns = ColumnMap(columns.id, known)
    people, contexts = RowReader(columns, registries.customer), RowReader(context_columns, registries.context)
    names = [*columns.columns, *context_columns.columns]
    pairs = (
        pair
        for batch in source.batches(dict.fromkeys(names))
        for pair in zip(people.read(batch), contexts.read(batch), strict=True)
    )
    found: list[_Person] = []
    left_out = 0
    for person, context in islice(pairs, wanted.count):
        if person.problems or context.problems:
            left_out += 1
        else:
            found.append((person.identifier, person.attributes, context.attributes))
    if left_out and not found:
        fail(f"{path}: no row can be read; 'opportune import' says what is wrong with each", 1)
    if not found:
        fail(f"{path}: it has no rows; name a file with one customer in each", 1)
    return found, left_out
