"""A funnel from rows of another engine: one row per candidate, saying where it fell out or that it was returned.

The mapping says which column is what; its keys are described in docs/guides/foresee.md. All is computed by Polars in
one pass over the columns that are named, so that millions of rows take seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from opportune.errors import InputError, Problem
from opportune.evaluate.foresight.funnel import ActionFall, Conflict, Funnel, PolicyFall, Served, StageFall
from opportune.evaluate.foresight.rulebook import Policy

__all__ = ["RowMapping", "funnel_of_rows", "read_row_mapping"]

FORMATS = (".parquet", ".csv", ".jsonl", ".ndjson")


class Returned(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"is_": "is"}):
    """Which rows were returned: those whose column has one of these values."""

    column: str
    is_: tuple[str | int | bool, ...]


class RowMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which column is what.

    Args:
        decision: of the decision's identifier.
        action: of the action's name.
        stage: of the name of the stage where a candidate fell.
        returned: how returned candidates are told from others.
        order: of a number by which stages are sorted; without it, by how many they drop.
        part_of: of the group of stages.
        component: of what dropped the candidate at its stage.
        customer, group, placement: of the person, of the action's group, and of the place that was asked for.
        names: stage in the rows → how it is to be called.
    """

    decision: str
    action: str
    stage: str
    returned: Returned
    order: str | None = None
    part_of: str | None = None
    component: str | None = None
    customer: str | None = None
    group: str | None = None
    placement: str | None = None
    names: dict[str, str] = {}

    def columns(self) -> dict[str, str]:
        """Give key → column of all that is named."""
        named = {key: getattr(self, key) for key in self.__struct_fields__ if key not in ("returned", "names")}
        return {key: column for key, column in named.items() if column} | {"returned": self.returned.column}


def read_row_mapping(text: Any) -> RowMapping:
    """Read a mapping.

    Raises:
        InputError: a key is missing, unknown or of another type.
    """
    try:
        return msgspec.convert(text, RowMapping)
    except msgspec.ValidationError as error:
        raise InputError.of("mapping", str(error), "see 'Read the funnel of another engine' in the guide") from None


def funnel_of_rows(path: Path, mapping: RowMapping) -> Funnel:
    """Read rows and count them.

    Raises:
        InputError: the file is of no known format, is damaged, or lacks columns.
    """
    try:
        rows = _rows(path, mapping)
    except pl.exceptions.PolarsError as error:
        message = f"expected rows, found something else ({type(error).__name__})"
        raise InputError.of(str(path), message, "save it again as Parquet, CSV or JSON Lines") from None
    stages = _stages(rows, mapping)
    actions = _actions(rows, mapping)
    decisions = rows.group_by("decision").agg(pl.col("returned").any(), pl.col("order").max())
    return Funnel(
        source="imported",
        contacts=len(decisions),
        persons=rows["customer"].n_unique() if "customer" in rows.columns else 0,
        candidates=len(rows),
        returned=int(rows["returned"].sum()),
        empty=int((~decisions["returned"]).sum()),
        stages=stages,
        policies=_policies(rows, mapping),
        actions=actions,
        served=_served(rows),
        furthest=_furthest(rows, decisions, stages, mapping),
        conflicts=_conflicts(actions),
    )


def _rows(path: Path, mapping: RowMapping) -> pl.DataFrame:
    """Read the named columns under the names of the mapping's keys; `order` is the place of the stage, from 0."""
    if path.suffix.lower() not in FORMATS:
        raise InputError.of(str(path), f"expected a file that ends in {', '.join(FORMATS)}", "convert or rename it")
    if not path.is_file():
        raise InputError.of(str(path), "No such file", "check the name")
    frame = _scanned(path)
    wanted = mapping.columns()
    known = frame.collect_schema().names()
    problems = [
        Problem("", 0, 0, f"mapping, {key}", "the file has no such column", f"its columns: {', '.join(known[:60])}")
        for key, column in wanted.items()
        if column not in known
    ]
    if problems:
        raise InputError(problems)
    is_returned = pl.col(mapping.returned.column).cast(pl.String).is_in([_text(one) for one in mapping.returned.is_])
    texts = [
        pl.col(column).cast(pl.String).cast(pl.Categorical).alias(key)
        for key, column in wanted.items()
        if key not in ("returned", "order")
    ]
    order = [] if mapping.order is None else [pl.col(mapping.order).cast(pl.Float64).alias("order")]
    rows = frame.select(*texts, *order, is_returned.fill_null(False).alias("returned")).collect()
    missing = [key for key in ("decision", "action", "stage") if rows[key].null_count()]
    if missing:
        raise InputError(
            [
                Problem("", 0, 0, f"mapping, {key}", f"{rows[key].null_count()} rows have no value", "leave them out")
                for key in missing
            ]
        )
    return _ordered(rows)


def _ordered(rows: pl.DataFrame) -> pl.DataFrame:
    """Give every stage a place of its own: by its number, or where there is none, those first that drop most."""
    numbered = pl.col("order").min() if "order" in rows.columns else -(~pl.col("returned")).sum().cast(pl.Int64)
    places = (
        rows.group_by("stage")
        .agg(numbered.alias("number"))
        .sort("number", pl.col("stage").cast(pl.String))
        .with_row_index("order")
        .select("stage", "order")
    )
    return rows.drop("order", strict=False).join(places, on="stage", how="left", maintain_order="left")


def _scanned(path: Path) -> pl.LazyFrame:
    kind = path.suffix.lower()
    if kind == ".parquet":
        return pl.scan_parquet(path)
    return pl.scan_csv(path, infer_schema=False) if kind == ".csv" else pl.scan_ndjson(path, infer_schema_length=None)


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _named(stage: str, mapping: RowMapping) -> str:
    return mapping.names.get(stage, stage)


def _stages(rows: pl.DataFrame, mapping: RowMapping) -> tuple[StageFall, ...]:
    """Count what fell at each stage, in their order; what was returned fell nowhere."""
    part_of = pl.col("part_of").first() if mapping.part_of else pl.lit("").alias("part_of")
    fallen = rows.filter(~pl.col("returned"))
    found = (
        fallen.group_by("stage")
        .agg(pl.len().alias("dropped"), pl.col("order").min(), part_of)
        .sort("order", pl.col("stage").cast(pl.String))
    )
    left, stages = len(rows), []
    for one in found.iter_rows(named=True):
        left -= one["dropped"]
        name = _named(str(one["stage"]), mapping)
        stages.append(StageFall(stage=name, part_of=one["part_of"] or "", dropped=one["dropped"], left=left))
    return tuple(stages)


def _policies(rows: pl.DataFrame, mapping: RowMapping) -> tuple[PolicyFall, ...]:
    if mapping.component is None:
        return ()
    found = rows.filter(~pl.col("returned")).group_by("stage", "component").len()
    falls = [
        PolicyFall(policy=_policy(str(stage), component, mapping), dropped=number)
        for stage, component, number in found.iter_rows()
    ]
    return tuple(sorted(falls, key=lambda one: (-one.dropped, one.policy)))


def _policy(stage: str, component: Any, mapping: RowMapping) -> Policy:
    return Policy(_named(stage, mapping), f"component:{'' if component is None else component}")


def _actions(rows: pl.DataFrame, mapping: RowMapping) -> tuple[ActionFall, ...]:
    """Count each action, with what dropped it most often."""
    keys = ["stage", *(["component"] if mapping.component else [])]
    group = pl.col("group").first() if mapping.group else pl.lit("").alias("group")
    totals = rows.group_by("action").agg(pl.len().alias("rows"), pl.col("returned").sum(), group)
    most = (
        rows.filter(~pl.col("returned"))
        .group_by("action", *keys)
        .len()
        .sort("len", *[pl.col(key).cast(pl.String) for key in keys], descending=[True, *[False] * len(keys)])
        .group_by("action", maintain_order=True)
        .first()
    )
    top = {one["action"]: one for one in most.iter_rows(named=True)}
    found = []
    for one in totals.iter_rows(named=True):
        first = top.get(one["action"])
        found.append(
            ActionFall(
                action=str(one["action"]),
                group=one["group"] or "",
                candidates=one["rows"],
                passed=one["returned"],
                shown=one["returned"],
                most=None if first is None else _policy(str(first["stage"]), first.get("component"), mapping),
                most_dropped=0 if first is None else first["len"],
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.candidates, one.action)))


def _served(rows: pl.DataFrame) -> tuple[Served, ...]:
    """Count decisions without an answer, for each place that was asked for."""
    placement = pl.col("placement").cast(pl.String) if "placement" in rows.columns else pl.lit("").alias("placement")
    answers = rows.group_by("decision", placement).agg(pl.col("returned").sum().alias("left"))
    found = answers.group_by("placement").agg(pl.len(), (pl.col("left") == 0).sum().alias("nothing")).sort("placement")
    return tuple(
        Served(placement=placement or "", contacts=number, nothing=nothing, few=nothing)
        for placement, number, nothing in found.iter_rows()
    )


def _furthest(
    rows: pl.DataFrame, decisions: pl.DataFrame, stages: tuple[StageFall, ...], mapping: RowMapping
) -> tuple[tuple[str, int], ...]:
    """Count, of decisions without an answer, the last stage that any of their candidates came to."""
    empty = decisions.filter(~pl.col("returned")).group_by("order").len()
    names = rows.filter(~pl.col("returned")).group_by("order").agg(pl.col("stage").first())
    found: Mapping[str, int] = {
        _named(str(stage), mapping): number
        for _, number, stage in empty.join(names, on="order", how="left").iter_rows()
    }
    return tuple((stage.stage, found[stage.stage]) for stage in stages if stage.stage in found)


def _conflicts(actions: tuple[ActionFall, ...]) -> tuple[Conflict, ...]:
    """Name the actions that were never returned."""
    return tuple(
        Conflict(
            code="never-passed",
            subject=f"action:{one.action}",
            detail=() if one.most is None else (one.most.owner, one.most.stage),
            number=one.most_dropped,
        )
        for one in actions
        if not one.shown
    )
