"""`opportune uplift`: what each action changes, told from recorded decisions."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec.structs import replace
from rich.markup import escape

from opportune.cli.evaluate import span_of
from opportune.cli.output import FOUND, JsonOption, bar, count, fail, failures, out, print_json
from opportune.errors import suggest
from opportune.evaluate.off_policy import Interval
from opportune.evaluate.uplift.report import UpliftReport, uplift_report, words
from opportune.evaluate.uplift.trials import read_trials
from opportune.service.course import Course
from opportune.service.publishing import current
from opportune.storage import open_storage

__all__ = ["uplift"]


def uplift(
    store: Annotated[str, typer.Option(help="File of the store, or its URL.")] = "opportune.db",
    outcome: Annotated[str, typer.Option(help="Outcome that counts; the first scored one if left out.")] = "",
    action: Annotated[str, typer.Option(help="Look at one action alone.")] = "",
    since: Annotated[
        str, typer.Option("--from", help="First moment, such as 2026-05-04 or 2026-05-04T18:00:00Z.")
    ] = "",
    until: Annotated[str, typer.Option("--to", help="Moment before which decisions were made.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Tell what showing each action changes.

    For all customers and by segment: those to whom it was shown by chance are compared with those to whom it was not,
    or with a control group from whom it was withheld, where there is one.
    Exit code 1 where the journal cannot tell of any action. Works beside a running service.
    """
    with failures(as_json), open_storage(store, read_only=True) as opened, opened.snapshot() as storage:
        course = Course(storage)
        step = current(course)
        if step is None:
            fail("the store has no strategy yet; publish or serve one first")
        strategy = course.strategies.of(step.hash)
        plan = strategy.plan
        outcomes = [name for channel in plan.channels.values() for name in channel.outcomes]
        _expect("--outcome", outcome, outcomes)
        _expect("--action", action, [one.name for one in plan.actions])
        wanted = outcome or plan.outcomes[0]
        names = course.names(course.steps[-1].sequence)
        span = span_of(opened, since, until)
        with bar("Reading the journal", as_json) as progress:
            trials = read_trials(storage, plan, course.plan, names, wanted, span, progress)
        report = uplift_report(trials, wanted, list(strategy.project.segments))
    if action:
        # Only now: effects are drawn towards those of all actions.
        report = replace(report, actions=tuple(one for one in report.actions if one.action == action))
    if as_json:
        print_json(report)
    else:
        _print(report, action)
    if report.is_refused:
        raise typer.Exit(FOUND)


def _expect(option: str, name: str, known: list[str]) -> None:
    if name and name not in known:
        told = suggest(name, known, f"known: {', '.join(known)}")
        fail(f"{option}: the strategy has none of this name; {told}")


def _print(report: UpliftReport, action: str) -> None:
    if not report.actions:
        what = f"'{action}'" if action else "an action"
        out.print(
            f"no decision showed {what} by chance; let placements explore, or keep a control group that withholds"
        )
    for found in report.actions:
        out.print(
            f"{escape(found.action)}: {escape(report.outcome)} {_rate(found.rate_shown)} where shown, "
            f"{_rate(found.rate_unshown)} where {'withheld' if found.against == 'withheld' else 'not'}"
        )
        for part in found.effects:
            title = "all customers" if part.segment is None else part.segment
            out.print(
                f"  {escape(title):<24} {count(part.choices, 'choice')}, effect {_interval(part.effect)}, "
                f"shrunk {_interval(part.shrunk)}"
            )
        for learner, curve in found.qini.items():
            title = f"{learner.upper()}-learner"
            areas = f"Qini {_interval(curve.coefficient)}, AUUC {_interval(curve.area)}"
            out.print(f"  {title:<24} {areas}, better half {_interval(curve.half)}")
    for sentence in words(report):
        out.print(escape(sentence))


def _rate(found: float) -> str:
    return "not known" if found != found else f"{found:.4g}"


def _interval(found: Interval) -> str:
    if found.value != found.value:
        return "not known"
    return f"{found.value:+.4g} ({found.low:+.4g}, {found.high:+.4g})"
