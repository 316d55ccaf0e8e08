"""`opportune features`: what is made of events and contacts, for training tables and for one customer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from opportune.cli.output import JsonOption, bar, count, err, fail, failures, out, print_json
from opportune.customers.features import FeatureSet
from opportune.customers.features.batch import ColumnWriter, EventFile, PointFile, parts_of, values_at
from opportune.service.revisions import Strategy, strategy_from_folder

__all__ = ["features"]

features = typer.Typer(
    help="Compute features of customers.", no_args_is_help=True, rich_markup_mode=None, add_completion=False
)

ProjectOption = Annotated[
    Path | None, typer.Option(help="Folder of the strategy; with --store the one in use if left out.")
]


@features.command("table")
def table(
    points: Annotated[
        Path, typer.Option(help="Parquet or CSV with columns customer and at; zone, where there is one.")
    ],
    to: Annotated[Path, typer.Option("--out", help="Parquet file to write.")],
    project: ProjectOption = None,
    events: Annotated[
        Path | None, typer.Option(help="Parquet with columns customer, type, occurred_at and the attributes.")
    ] = None,
    as_known: Annotated[
        bool, typer.Option("--as-known", help="Leave out what was recorded only after a point.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compute all features at many moments, each with what had happened by then.

    The file has a row per point, by customer and moment, with a column per feature.
    """
    with failures(as_json):
        if project is None or events is None:
            fail("expected --project and --events")
        strategy = strategy_from_folder(project)
        left_out = _expect_computable(strategy.features)
        asked = PointFile(points, strategy.project.settings.time_zone)
        with bar("Computing features", as_json) as told:
            rows = _from_file(strategy, asked, events, to, as_known, told)
    if as_json:
        print_json({"rows": rows, "features": len(strategy.features), "left_out": left_out, "file": str(to)})
        return
    if left_out:
        err.print(escape(f"missing, as a file of events does not tell: {', '.join(left_out)}"))
    out.print(escape(f"{count(rows, 'row')} with {count(len(strategy.features.keys), 'feature')} written to {to}."))


def _expect_computable(found: FeatureSet) -> list[str]:
    """Name the features that events alone do not tell."""
    if not len(found):
        fail("the strategy declares no features; write them in features.yaml")
    return [feature.name for feature in found.features if feature.source.of_contacts or feature.level in found.levels]


def _from_file(
    strategy: Strategy, points: PointFile, events: Path, to: Path, as_known: bool, told: Callable[[int, int], None]
) -> int:
    """Compute the features at all points from a file of events; give how many rows were written."""
    found = strategy.features
    source = EventFile(events, found.read_of, strategy.registries.events, as_known)
    with ColumnWriter(to, found.keys) as writer:
        for part in parts_of(points, source):
            for person in part:
                values = values_at(found, person.events, (), person.points, as_known=as_known)
                writer.add(person.customer, person.points, values)
                told(writer.rows, len(points.table))
    return writer.rows
