"""A decision with its explanation as tables for people."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from opportune.cli.output import out
from opportune.decide import Explanation
from opportune.decide.counterfactual import Switch
from opportune.decide.explain import CandidateExplanation, PlacementExplanation
from opportune.records import Decision, PlacementAnswer

__all__ = ["print_decision"]


def print_decision(decision: Decision, explanation: Explanation | None) -> None:
    """Print what was shown and why, and why not the others."""
    notes = [f"decision {decision.id}", f"revision {decision.revision[:12]}", f"model {decision.model}"]
    notes.append(f"position {decision.position}")
    if decision.control is not None:
        notes.append(f"control group {decision.control}")
    if decision.degraded is not None:
        notes.append(f"degraded: {decision.degraded}")
    if explanation is None:
        notes.append("its revision can no longer be compiled: no reasons")
    elif explanation.scores == "recorded":
        notes.append("scores as recorded: the model as it was is no longer kept")
    out.print(escape(", ".join(notes)))
    explained = {} if explanation is None else {one.name: one for one in explanation.placements}
    for answer in decision.placements:
        out.print()
        out.print(_shown(decision, answer, explained.get(answer.name)))
        if answer.name in explained:
            out.print(_others(explained[answer.name]))


def _shown(decision: Decision, answer: PlacementAnswer, explained: PlacementExplanation | None) -> Table:
    table = Table(title=f"{decision.request.channel}/{answer.name}", title_justify="left")
    for name in (
        "place",
        "action",
        "treatment",
        "propensity",
        "goals",
        "lever",
        "context",
        "priority",
        "chance",
        "how",
    ):
        table.add_column(name, justify="right" if name in ("place", "priority", "chance") else "left")
    parts = {} if explained is None else {(one.action, one.treatment): one for one in explained.candidates}
    for shown in answer.actions:
        why = parts.get((shown.action, shown.treatment))
        table.add_row(
            str(shown.rank),
            shown.action,
            shown.treatment,
            ", ".join(f"{name} {chance:.3f}" for name, chance in shown.propensity.items()),
            _goals(why),
            _part(why, "lever"),
            _part(why, "context_weight"),
            f"{shown.priority:.4g}",
            f"{shown.selection_probability:.3f}",
            shown.how,
        )
    return table


def _goals(why: CandidateExplanation | None) -> str:
    parts = {} if why is None else why.parts
    return ", ".join(f"{name[5:]} {value:.4g}" for name, value in parts.items() if name.startswith("goal."))


def _part(why: CandidateExplanation | None, name: str) -> str:
    value = None if why is None else why.parts.get(name)
    return "" if value is None else f"{value:.4g}"


def _others(explained: PlacementExplanation) -> Table:
    table = Table(title="not shown", title_justify="left")
    for name in ("action", "treatment", "stage", "why not", "what would change it"):
        table.add_column(name)
    for one in explained.candidates:
        if one.stage != "shown":
            table.add_row(one.action, one.treatment, one.stage, escape(one.reason), _change(one.change))
    return table


def _change(change: Switch | None) -> str:
    if change is None:
        return ""
    after = "missing" if change.after is None else f"{change.after}"
    return escape(f"{change.input} = {after} ({change.effect})")
