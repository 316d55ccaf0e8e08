"""What the demo says at its end: figures from the journal, pictures, three decisions in words, times of the calls."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import data_mapping
import httpx
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from opportune.decide.plan import Plan
from opportune.evaluate import ProgressiveReport, progress, report
from opportune.evaluate.off_policy import Bootstrap, Interval
from opportune.evaluate.pictures import Line, chart
from opportune.outcomes import Learner, Lesson, lessons, new_model
from opportune.records import Decision
from opportune.rules import quote
from opportune.storage import Kind, decision_of, open_storage
from opportune.strategy import check, compile_plan, load

HERE = Path(__file__).resolve().parent
EARLY = 99
"""Position of the early decision that is explained: the last of the first hundred."""
SPARK = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Journal:
    """What the demo reads back from the journal."""

    plan: Plan
    lessons: list[Lesson]
    decisions: list[Decision]


def show(
    console: Console,
    address: str,
    store: Path,
    contacts: list[data_mapping.Contact],
    seconds: dict[str, list[float]],
    folder: Path,
) -> None:
    """Print the report and write its pictures."""
    journal = read_journal(store)
    figures = progressive(console, journal)
    console.print()
    console.print(figures_table(figures))
    console.print("Log loss so far  " + sparkline([loss for _, loss, _ in figures.curve]) + "  (lower is better)")
    say_bound(console, address, figures.answers)
    pictures = write_pictures(figures, folder)
    console.print(f"Pictures: {', '.join(str(picture) for picture in pictures)}\n")
    say_acceptance(console, journal, contacts)
    console.print()
    explain_three(console, address, journal)
    console.print(times_table(seconds))


def read_journal(store: Path) -> Journal:
    """Read decisions and lessons from the journal beside the running service."""
    plan = compile_plan(check(load(HERE)))
    found: list[Lesson] = []
    decisions: list[Decision] = []
    with open_storage(str(store), read_only=True) as storage:
        for entry, lesson in lessons(storage):
            if entry.kind is Kind.DECISION:
                decisions.append(decision_of(entry))
            if lesson is not None:
                found.append(lesson)
    return Journal(plan, found, decisions)


def progressive(console: Console, journal: Journal) -> ProgressiveReport:
    """Fold the journal anew, predicting each answer before learning it."""
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("replaying the journal", total=len(journal.lessons))
        trail = progress(
            Learner(journal.plan, new_model(journal.plan)),
            journal.lessons,
            lambda done: bar.update(task, completed=done),
        )
    return report(trail)


def say_bound(console: Console, address: str, answers: int) -> None:
    """Say why the service has learned fewer answers than there are: what one driver teaches has a bound."""
    found = httpx.get(f"{address}/v1/models/comparison", timeout=30).raise_for_status().json()
    whole = (one["answers"] for one in found["figures"] if one["outcome"] == "accept" and not one["action"])
    learned = max(whole, default=0)
    if learned < answers:
        console.print(
            f"The service itself learned from {learned:,} of the {answers:,} answers, and its reports count those: a "
            f"driver teaches about one coupon by at most {found['person_answers']} answers in {found['person_days']} "
            "days, and by fewer who say yes far more often than others do (docs/concepts/outcomes.md)."
        )


def figures_table(figures: ProgressiveReport) -> Table:
    """Lay the figures beside their baselines."""
    table = Table(
        title=f"Predicting each answer before learning it: {figures.answers:,} answers, {figures.rate:.1%} yes"
    )
    for column, justify in (("", "left"), ("model", "right"), ("constant per action", "right"), ("base rate", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    table.add_row("AUC, all answers", f"{figures.auc_pooled:.3f}", f"{figures.auc_per_action:.3f}", "0.500")
    table.add_row("AUC within one coupon", f"{figures.auc_within:.3f}", "0.500", "0.500")
    table.add_row(
        "log loss", f"{figures.log_loss:.4f}", f"{figures.log_loss_per_action:.4f}", f"{figures.log_loss_base_rate:.4f}"
    )
    table.add_row("calibration error (20 bins)", f"{figures.calibration_error:.3f}", "", "")
    return table


def sparkline(values: list[float]) -> str:
    """Draw values as one line of text, low to high."""
    low, high = min(values), max(values)
    steps = len(SPARK) - 1
    return "".join(SPARK[round((value - low) / ((high - low) or 1) * steps)] for value in values)


def write_pictures(figures: ProgressiveReport, folder: Path) -> list[Path]:
    """Write the learning curve and the calibration as SVG."""
    curve = chart(
        "Learning curve",
        f"Log loss over all answers so far; the model ends at {figures.curve[-1][1]:.3f}, "
        f"the base rate at {figures.curve[-1][2]:.3f}.",
        "answers so far",
        "log loss over all answers so far",
        [
            Line("model", [(n, model) for n, model, _ in figures.curve]),
            Line("base rate so far", [(n, base) for n, _, base in figures.curve], dashed=True),
        ],
    )
    calibration = chart(
        "Calibration",
        f"Predicted propensity against the rate seen, in 20 bins; mean distance {figures.calibration_error:.3f}.",
        "predicted before the answer",
        "accepted",
        [
            Line("model", figures.calibration, dots=True),
            Line("perfect", [(0.0, 0.0), (1.0, 1.0)], dashed=True),
        ],
    )
    paths = [folder / "learning_curve.svg", folder / "calibration.svg"]
    for path, picture in zip(paths, (curve, calibration), strict=True):
        path.write_text(picture, encoding="utf-8")
    return paths


def say_acceptance(console: Console, journal: Journal, contacts: list[data_mapping.Contact]) -> None:
    """Estimate what the engine's own first choices would have been answered."""
    happened = np.array([contact.outcome == "accept" for contact in contacts])
    recorded = [contact.action for contact in contacts]
    engine = np.array([first_chance(journal.plan, d, c) for d, c in zip(journal.decisions, contacts, strict=True)])
    shares = {action: recorded.count(action) / len(recorded) for action in set(recorded)}
    logged = np.array([shares[action] for action in recorded])
    draws = Bootstrap(np.unique([contact.customer for contact in contacts], return_inverse=True)[1])
    weights = engine / logged
    own = draws.interval(weights * happened, weights)
    same = draws.interval(happened.astype(float), np.ones(len(happened)))
    table = Table(title="Acceptance, estimated from the recorded answers")
    for column, justify in (("", "left"), ("accepted", "right"), ("95 % interval", "right"), ("rests on", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    rests = float(weights.sum() ** 2 / np.square(weights).sum())
    table.add_row("coupons as recorded", *estimate_cells(same, len(happened)))
    table.add_row("the engine's first choice", *estimate_cells(own, rests))
    console.print(table)
    console.print(
        "An honest word: the researchers' survey design chose the recorded coupons, and their probabilities are not on "
        "record. The estimate weighs each answer by the share of its coupon over the whole survey, as if the coupon "
        "did not depend on the situation; so far as it did, the estimate is off. The engine ranks by value, not by "
        "acceptance alone, and its rules forbid some coupons. Answers are stated intentions, not purchases."
    )


def first_chance(plan: Plan, decision: Decision, contact: data_mapping.Contact) -> float:
    """Give the probability with which the engine would have shown the recorded coupon in the first place."""
    trace = decision.traces[0]
    candidate = plan.index_of(contact.action, contact.channel, contact.treatment)
    kept = np.frombuffer(trace.kept, dtype="<u4")
    parts = np.frombuffer(trace.parts, dtype="<f4").reshape(len(kept), -1)
    place = np.flatnonzero(kept == candidate)
    return float(parts[place[0], -1]) if len(place) else 0.0


def estimate_cells(estimate: Interval, effective: float) -> tuple[str, str, str]:
    """Write an estimate as table cells, with the number of answers that it really rests on."""
    return (
        f"{estimate.value:.1%}",
        f"{estimate.low:.1%} to {estimate.high:.1%}",
        f"{effective:,.0f} answers",
    )


def explain_three(console: Console, address: str, journal: Journal) -> None:
    """Explain an early decision, the middle and the last one in words; the very first knew nothing yet."""
    last = len(journal.decisions) - 1
    for number in sorted({min(EARLY, last), last // 2, last}):
        decision = journal.decisions[number]
        answer = httpx.get(f"{address}/v1/decisions/{decision.id}", timeout=60)
        answer.raise_for_status()
        console.print(f"[bold]Decision {number + 1:,} of {last + 1:,}[/bold], {decision.id}")
        for line in words(answer.json()["explanation"]):
            console.print(f"  {line}")
        console.print()


def words(explanation: dict[str, Any]) -> list[str]:
    """Put an explanation into sentences: what was shown and why, what fell and why, what would have changed it."""
    lines = []
    if explanation["control"]:
        lines.append(f"decided as member of control group {explanation['control']}")
    candidates = explanation["placements"][0]["candidates"]
    for item in sorted((c for c in candidates if c.get("place")), key=lambda c: c["place"]):
        parts = item["parts"]
        lines.append(
            f"{item['place']}. {item['action']}: accepted with {parts['propensity.accept']:.0%}, "
            f"priority {parts['priority']:.2f}{because(item)}"
        )
    for item in candidates:
        if not item.get("place"):
            lines.append(f"–  {item['action']}: {item['reason']}{would(item)}")
    return lines


def because(item: dict[str, Any]) -> str:
    """Name the inputs that moved the propensity most."""
    strongest = list(item["contributions"].items())[:3]
    named = ", ".join(f"{name.split('.')[1]} {'for' if weight > 0 else 'against'} it" for name, weight in strongest)
    return f" ({named})" if named else ""


def would(item: dict[str, Any]) -> str:
    """Say what would have changed it."""
    change = item.get("change")
    if not change:
        return ""
    effect = "let it through" if change["effect"] == "let through" else "put it first"
    after = "missing" if change["after"] is None else quote(change["after"])
    return f"; {change['input']} = {after} would have {effect}"


def times_table(seconds: dict[str, list[float]]) -> Table:
    """Lay out how long the calls took, as the client saw it."""
    table = Table(title="Calls over HTTP, one after the other, each answered after its commit")
    for column, justify in (("call", "left"), ("n", "right"), ("p50", "right"), ("p99", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for name, values in seconds.items():
        half, most = np.quantile(values, [0.5, 0.99]) * 1000
        table.add_row(name, f"{len(values):,}", f"{half:.2f} ms", f"{most:.2f} ms")
    return table
