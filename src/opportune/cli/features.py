"""`opportune features`: what is made of events and contacts, for training tables and for one customer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from opportune.cli.evaluate import moment
from opportune.cli.features_store import history_of, pasts_of, zone_of
from opportune.cli.identity import named
from opportune.cli.output import JsonOption, bar, count, err, fail, failures, out, print_json, print_table
from opportune.customers.features import Explained
from opportune.customers.features.batch import ColumnWriter, EventFile, Past, Point, PointFile, parts_of, values_at
from opportune.customers.identity import CUSTOMER, Identifier
from opportune.decide.limits.windows import instant
from opportune.service.course import Course
from opportune.service.publishing import current, known_in
from opportune.service.revisions import Strategy, strategy_from_folder
from opportune.storage import Storage, open_storage

__all__ = ["features"]

features = typer.Typer(
    help="Compute what is made of events and contacts.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

ProjectOption = Annotated[
    Path | None, typer.Option(help="Folder of the strategy; with --store the one in use if left out.")
]
_SHOWN = "shown"


@features.command("table")
def table(
    points: Annotated[Path, typer.Option(help="Parquet or CSV with columns customer and at, and zone if you like.")],
    to: Annotated[Path, typer.Option("--out", help="Parquet file to write.")],
    store: Annotated[str, typer.Option(help="File of the store, or its URL.")] = "",
    events: Annotated[
        Path | None,
        typer.Option(help="In place of a store: Parquet with customer, type, occurred_at and attributes."),
    ] = None,
    project: ProjectOption = None,
    as_known: Annotated[bool, typer.Option("--as-known", help="Leave out what was recorded after a point.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compute all features at many moments, each with what had happened by then.

    The file has a row per point, by customer and moment, and a column per feature; missing values are null.
    Works beside a running service.
    """
    with failures(as_json):
        if (events is None) == (not store):
            fail("expected --store or --events")
        if events is not None:
            strategy = _expect_features(strategy_from_folder(_expect_project(project)))
            asked = PointFile(points)
            with bar("Computing features", as_json) as told:
                rows = _write(strategy, asked, _from_file(strategy, asked, events, as_known), to, as_known, told)
        else:
            with open_storage(store, read_only=True) as opened, opened.snapshot() as storage:
                strategy = _expect_features(_strategy(storage, project))
                _expect_known(strategy, as_known)
                asked = PointFile(points)
                with bar("Computing features", as_json) as told:
                    rows = _write(strategy, asked, _from_store(storage, strategy, asked), to, as_known, told)
    left_out = _left_out(strategy) if events is not None else []
    if as_json:
        print_json({"rows": rows, "columns": len(strategy.features.keys), "left_out": left_out, "file": str(to)})
        return
    if left_out:
        err.print(escape(f"null, as a file of events does not tell: {', '.join(left_out)}"))
    out.print(escape(f"{count(rows, 'row')} with {count(len(strategy.features.keys), 'feature')} written to {to}."))


@features.command("show")
def show(
    customer: Annotated[
        str, typer.Option(help="Identifier of the customer; KIND:VALUE for other kinds than a customer's.")
    ],
    store: Annotated[str, typer.Option(help="File of the store, or its URL.")] = "opportune.db",
    at: Annotated[str, typer.Option(help="Moment, such as 2026-05-04T18:00:00Z; now if left out.")] = "",
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Explain the features of one customer: value, window, and how many events or contacts went into it.

    Works beside a running service.
    """
    with failures(as_json), open_storage(store, read_only=True) as opened, opened.snapshot() as storage:
        strategy = _expect_features(_strategy(storage, project))
        now = moment(at, "--at") or datetime.now(UTC)
        (one,) = named(storage, customer)
        if storage.profile(one.value, one.kind) is None and not storage.history(one.value, one.kind, limit=1):
            fail("--customer: nobody in the store has this identifier")
        zone = zone_of(storage, strategy, one)
        pasts = {name: (history_of(past), past[1]) for name, past in pasts_of(storage, strategy.features, one).items()}
        history, contacts = pasts.pop("person")
        found = strategy.features.explain(history, contacts, now, zone, pasts)
    if as_json:
        print_json({"customer": customer, "at": now, "zone": zone, "features": [_said(one) for one in found]})
    else:
        _print(found, now, zone)


def _expect_project(project: Path | None) -> Path:
    return project or fail("--events: expected the strategy that declares features; add --project")


def _expect_features(strategy: Strategy) -> Strategy:
    if not len(strategy.features):
        fail("the strategy declares no features; write them in features.yaml")
    return strategy


def _expect_known(strategy: Strategy, as_known: bool) -> None:
    """Refuse to say when outcomes became known: contacts are read as they stand."""
    names = [
        feature.name
        for feature in strategy.features.features
        if any(source.of_contacts and source.type != _SHOWN for source in feature.sources)
    ]
    if as_known and names:
        fail(f"--as-known: outcomes count as they stand now, so {names[0]} cannot be told as of then")


def _strategy(storage: Storage, project: Path | None) -> Strategy:
    course = Course(storage)
    if project is not None:
        return known_in(course, strategy_from_folder(project))
    step = current(course)
    if step is None:
        fail("the store has no strategy yet; publish or serve one first, or add --project")
    return known_in(course, course.strategies.of(step.hash))


def _left_out(strategy: Strategy) -> list[str]:
    """Name the features that events of persons alone do not tell."""
    found = strategy.features
    return [one.name for one in found.features if one.source.of_contacts or one.level in found.levels]


Person = tuple[str, list[Point], dict[str, Past], str]
"""Customer, points, past, and the zone of points without one."""


def _from_file(strategy: Strategy, points: PointFile, events: Path, as_known: bool) -> Iterator[Person]:
    source = EventFile(events, strategy.features.read_of, strategy.registries.events, as_known)
    for part in parts_of(points, source):
        for person in part:
            yield person.customer, person.points, {"person": (person.events, ())}, strategy.project.settings.time_zone


def _from_store(storage: Storage, strategy: Strategy, points: PointFile) -> Iterator[Person]:
    for customer, own in points.by_person():
        one = Identifier(CUSTOMER, customer)
        pasts = pasts_of(storage, strategy.features, one)
        yield customer, own, pasts, zone_of(storage, strategy, one)


def _write(
    strategy: Strategy,
    points: PointFile,
    persons: Iterator[Person],
    to: Path,
    as_known: bool,
    told: Callable[[int, int], None],
) -> int:
    """Compute and write the values of all persons; give how many rows that were."""
    found = strategy.features
    with ColumnWriter(to, found.keys) as writer:
        for customer, own, pasts, zone in persons:
            placed = [point if point.zone else point._replace(zone=zone) for point in own]
            writer.add(customer, placed, values_at(found, pasts, placed, as_known))
            told(writer.rows, len(points.table))
    return writer.rows


def _said(one: Explained) -> dict[str, Any]:
    return {
        "feature": one.feature,
        "action": one.action or None,
        "value": one.value,
        "since": None if one.since is None else instant(one.since),
        "until": instant(one.until),
        "counted": one.counted,
    }


def _print(found: tuple[Explained, ...], now: datetime, zone: str) -> None:
    local = ZoneInfo(zone)
    out.print(escape(f"At {now.astimezone(local):%Y-%m-%d %H:%M:%S} in {zone}:"))
    shown = Table(box=None, pad_edge=False)
    for title in ("feature", "value", "counted", "since"):
        shown.add_column(title, justify="right" if title in ("value", "counted") else "left")
    for one in found:
        since = "ever" if one.since is None else f"{instant(one.since).astimezone(local):%Y-%m-%d %H:%M:%S}"
        name = f"{one.feature} of {one.action}" if one.action else one.feature
        shown.add_row(escape(name), escape(_value(one)), str(one.counted), since)
    print_table(shown)


def _value(one: Explained) -> str:
    value = one.value
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return ", ".join(value) if isinstance(value, list) else str(value)
