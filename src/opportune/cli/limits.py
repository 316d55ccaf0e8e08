"""`opportune limits`, `opportune off` and `opportune on`: how stocks stand, and the emergency switch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from opportune.cli.author import named
from opportune.cli.output import JsonOption, fail, failures, out, print_json, print_table
from opportune.cli.releases import AuthorOption, ReasonOption, StoreOption, UrlOption, expect_one, opened, service
from opportune.decide.plan import Plan
from opportune.errors import OpportuneError
from opportune.service.course import Course
from opportune.service.limits import LimitsReport, StockLine, limits_report, switch_of
from opportune.service.publishing import current
from opportune.storage import Storage

__all__ = ["limits", "off", "on"]

TargetArgument = Annotated[
    str, typer.Argument(help="Name of an action or a group; action:NAME or group:NAME where both have it.")
]


def limits(store: StoreOption = "", url: UrlOption = "", as_json: JsonOption = False) -> None:
    """Say how stocks stand, and what is switched off.

    With --store it works beside a running service.
    """
    with failures(as_json):
        expect_one(store, url)
        if url:
            with service(url) as client:
                report = msgspec.convert(client.limits(), LimitsReport)
        else:
            with opened(store, read_only=True) as storage:
                report = limits_report(storage, _plan(storage), datetime.now(UTC))
    if as_json:
        print_json(report)
    else:
        _print(report)


def off(
    target: TargetArgument,
    store: StoreOption = "",
    url: UrlOption = "",
    author: AuthorOption = "",
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Switch an action or a group off at once, for everybody.

    Every process obeys within a second; no revision is published, and `on` takes it back.
    """
    _switch(target, True, store, url, named(author), reason, as_json)


def on(
    target: TargetArgument,
    store: StoreOption = "",
    url: UrlOption = "",
    author: AuthorOption = "",
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Switch an action or a group on again."""
    _switch(target, False, store, url, named(author), reason, as_json)


def _switch(target: str, is_off: bool, store: str, url: str, author: str, reason: str, as_json: bool) -> None:
    with failures(as_json):
        expect_one(store, url)
        if url:
            with service(url) as client:
                done: dict[str, Any] = client.switch(target, off=is_off, author=author, reason=reason)
        else:
            with opened(store) as storage:
                write = switch_of(_plan(storage), target, is_off, uuid4().hex, author, reason)
                (result,) = storage.write([write])
                if isinstance(result, OpportuneError):
                    raise result
                done = {"entry": result.sequence, "target": write.target, "off": is_off}
    if as_json:
        print_json(done)
        return
    kind, _, name = str(done["target"]).partition(":")
    out.print(escape(f"{kind} {name} is {'off: nobody is shown it' if is_off else 'on again'}."))


def _plan(storage: Storage) -> Plan:
    course = Course(storage)
    step = current(course)
    if step is None:
        fail("the store has no revision that can be used; publish one first")
    return course.strategies.of(step.hash).plan


def _print(report: LimitsReport) -> None:
    if report.stocks:
        table = Table(box=None, pad_edge=False)
        for heading in ("stock", "period", "of", "reserved", "confirmed", "left", "unmet", "a day", "runs out"):
            table.add_column(heading, justify="left" if heading in ("stock", "period", "runs out") else "right")
        for line in report.stocks:
            table.add_row(*map(escape, _cells(line)))
        print_table(table)
    else:
        out.print("The strategy has no stocks.")
    switched = [switch for switch in report.switches if switch.off]
    for switch in switched:
        why = f": {switch.reason}" if switch.reason else ""
        who = f" by {switch.author}" if switch.author else ""
        out.print(escape(f"{switch.target.replace(':', ' ')} is off since {switch.at:%Y-%m-%d %H:%M} UTC{who}{why}"))
    if not switched:
        out.print("Nothing is switched off.")


def _cells(line: StockLine) -> tuple[str, ...]:
    unit = "" if line.unit == "units" else f" {line.unit}"

    def amount(units: float | None) -> str:
        return "" if units is None else f"{units / 10**line.decimals:,.{line.decimals}f}{unit}"

    paced = f" (by now {amount(line.let_out)})" if line.let_out != line.units else ""
    rate = "" if line.per_day is None else amount(line.per_day) if line.decimals else f"{line.per_day:,.1f}{unit}"
    return (
        line.stock,
        line.period,
        amount(line.units) + paced,
        amount(line.reserved),
        amount(line.confirmed),
        amount(line.left),
        amount(line.unmet) if line.unmet else "",
        rate,
        _end(line),
    )


def _end(line: StockLine) -> str:
    if line.reserved + line.confirmed >= line.units:
        return "all taken"
    return "" if line.runs_out_at is None else f"{line.runs_out_at:%Y-%m-%d %H:%M} UTC"
