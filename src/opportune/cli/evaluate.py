"""`opportune evaluate`: what another strategy would have earned, told from recorded decisions."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from opportune.cli.output import FOUND, JsonOption, bar, count, fail, failures, out, print_json
from opportune.decide import Plan
from opportune.errors import suggest
from opportune.evaluate.off_policy import BEST, Interval, Judgement, Verdict
from opportune.evaluate.off_policy.recorded import Span, held
from opportune.evaluate.off_policy.report import OffPolicyReport, off_policy_report, words
from opportune.learning import MODELS, ModelSpec
from opportune.service.course import Course
from opportune.service.judged_log import judged_log
from opportune.service.publishing import current
from opportune.service.revisions import Strategy, strategy_from_folder
from opportune.storage import Storage, open_storage

__all__ = ["evaluate", "moment", "span_of"]

WHEN = "%Y-%m-%d %H:%M:%S"

ESTIMATES = {
    "dr": "doubly robust",
    "switch_dr": "switch-DR",
    "snips": "self-normalised IPS",
    "ips": "IPS",
    "direct": "model alone",
}
"""Name of an estimator → how the table calls it."""


def evaluate(
    store: Annotated[str, typer.Option(help="File of the store, or its URL.")] = "opportune.db",
    strategy: Annotated[
        str, typer.Option(help="Folder of the strategy to judge, or number of a revision; the current one if left out.")
    ] = "",
    since: Annotated[
        str, typer.Option("--from", help="First moment, such as 2026-05-04 or 2026-05-04T18:00:00Z.")
    ] = "",
    until: Annotated[str, typer.Option("--to", help="Moment before which decisions were made.")] = "",
    model: Annotated[str, typer.Option(help="Name of another model of the strategy, or a kind of model.")] = "",
    weight: Annotated[list[str] | None, typer.Option(help="goal=2 gives a goal another weight; repeatable.")] = None,
    segment: Annotated[str, typer.Option(help="Judge the customers of one segment alone.")] = "",
    place: Annotated[int, typer.Option(help="Place of every placement that is judged.", min=1, max=100)] = 1,
    kernel: Annotated[str, typer.Option(help="auto, numpy or numba.")] = "auto",
    as_json: JsonOption = False,
) -> None:
    """Tell what another strategy would have earned.

    Another strategy, model or weight: each recorded decision is decided again with what was known then, and its reward
    is weighed by how probable the choice was and would have been. Exit code 1 where the journal cannot tell. Works
    beside a running service.
    """
    with failures(as_json), open_storage(store, read_only=True) as current_store, current_store.snapshot() as storage:
        if kernel not in ("auto", "numpy", "numba"):
            fail("--kernel: expected auto, numpy or numba")
        course = Course(storage)
        judged = _strategy(course, strategy)
        plan = _changed(judged.plan, model, weight or [])
        segments = list(judged.project.segments)
        if segment and segment not in segments:
            fail(f"--segment: the strategy has no such segment; {suggest(segment, segments, _known(segments))}")
        span = span_of(storage, since, until)
        with bar("Deciding again", as_json) as progress:
            log = judged_log(storage, course, judged, plan, span, kernel, place, progress)
        goals = [goal.name for goal in plan.goals]
        report = off_policy_report(log, plan.scored, goals, segments, place, segment or None)
    if as_json:
        print_json(report)
    else:
        _print(report)
    if report.is_refused:
        raise typer.Exit(FOUND)


def _strategy(course: Course, text: str) -> Strategy:
    """Give the strategy to judge: of a folder, of a revision, or the current one."""
    if text and not text.isdecimal():
        return strategy_from_folder(Path(text))
    step = course.number(int(text)) if text else current(course)
    if step is None and text:
        fail(f"--strategy: the store has no revision {text}; see 'opportune revisions', or name a folder")
    if step is None:
        fail("the store has no strategy yet; publish or serve one first")
    return course.strategies.of(step.hash)


def _changed(plan: Plan, model: str, weights: Sequence[str]) -> Plan:
    """Put another model or other weights in place of the strategy's own."""
    spec = _spec(plan, model)
    # Challengers decide nothing.
    plan = replace(plan, models=(spec,), champion=spec.name)
    names = [goal.name for goal in plan.goals]
    for text in weights:
        name, _, number = text.partition("=")
        if name not in names:
            fail(f"--weight: the strategy has no goal '{name[:50]}'; {suggest(name, names, _known(names))}")
        goals = tuple(replace(goal, weight=_weight(text, number)) if goal.name == name else goal for goal in plan.goals)
        plan = replace(plan, goals=goals)
    return plan


def _spec(plan: Plan, model: str) -> ModelSpec:
    """Give the model of that name, or one of that kind with its own settings; the champion for ""."""
    known = {spec.name: spec for spec in plan.models}
    if (model or plan.champion) in known:
        return known[model or plan.champion]
    if model not in MODELS:
        names = [*known, *(kind for kind in sorted(MODELS) if not _needs_settings(kind))]
        fail(f"--model: the strategy has no such model; {suggest(model, names, _known(names))}")
    if _needs_settings(model):
        fail(
            f"--model: kind '{model}' needs settings; describe such a model in models.yaml of a strategy, and give the"
            " folder by --strategy and the model's name here"
        )
    return ModelSpec(name=model, kind=model, predictors=plan.predictors)


def _needs_settings(kind: str) -> bool:
    parameters = inspect.signature(MODELS[kind]).parameters.values()
    return any(one.kind is one.KEYWORD_ONLY and one.default is one.empty for one in parameters)


def _weight(text: str, number: str) -> float:
    try:
        weight = float(number)
    except ValueError:
        weight = math.nan
    if not 0.0 <= weight < math.inf:
        fail(f"--weight {text[:50]}: expected a goal, '=' and a number of at least 0, such as profit=2")
    return weight


def _known(names: Sequence[str]) -> str:
    return f"known: {', '.join(names) or 'none'}"


def moment(text: str, option: str) -> datetime | None:
    """Read a date or a moment; without an offset, it is in UTC."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        fail(f"{option}: expected a date or a moment, such as 2026-05-04 or 2026-05-04T18:00:00Z")


def span_of(storage: Storage, since: str, until: str) -> Span:
    """Read --from and --to; a span without a decision is refused with the one that the journal has."""
    span, whole = Span(moment(since, "--from"), moment(until, "--to")), held(storage)
    if span.since is not None and span.until is not None and span.since >= span.until:
        fail("--from: expected a moment before that of --to")
    if whole is not None:
        first, last = whole
        there = f"the journal has those of {first:{WHEN}} to {last:{WHEN}} UTC"
        if span.since is not None and span.since > last:
            fail(f"--from: no decision was made then; {there}")
        if span.until is not None and span.until <= first:
            fail(f"--to: no decision was made then; {there}")
    return span


def _print(report: OffPolicyReport) -> None:
    choices = report.parts[0].choices
    span = "" if report.first is None else f", {report.first:%Y-%m-%d %H:%M} to {report.last:%Y-%m-%d %H:%M} UTC"
    out.print(f"{count(report.decisions, 'decision')} decided again, {count(choices, 'choice')}{span}.")
    for reason, number in sorted(report.left_out.items()):
        out.print(f"{count(number, 'decision')} left out: {reason}.")
    for part in report.parts:
        title = "All customers" if part.segment is None else f"Segment {part.segment}"
        out.print(f"\n{escape(title)}, {count(part.choices, 'choice')}{':' if part.choices else ''}")
        for name, found in part.rewards.items() if part.choices else ():
            out.print(f"  {escape(name):<18} {_line(found)}")
            if part is report.whole and found.verdict is not Verdict.REFUSED:
                for estimate, title in ESTIMATES.items():
                    out.print(f"    {title:<20} {_interval(found.estimates[estimate])}")
    out.print("")
    for sentence in words(report):
        out.print(escape(sentence))


def _line(found: Judgement) -> str:
    earned = f"earned {_interval(found.observed)}"
    if found.verdict is Verdict.REFUSED or found.gain is None:
        return f"{earned}; no number"
    doubt = " (doubtful)" if found.verdict is Verdict.DOUBTFUL else ""
    return f"{earned}; other {_interval(found.estimates[BEST])}, difference {_interval(found.gain, sign=True)}{doubt}"


def _interval(found: Interval, *, sign: bool = False) -> str:
    form = "+.4g" if sign else ".4g"
    # What is left of sums that cancel out is no difference.
    value, low, high = (0.0 if abs(one) < 1e-12 else one for one in (found.value, found.low, found.high))
    return f"{value:{form}} [{low:{form}}, {high:{form}}]".replace("[", "(").replace("]", ")")
