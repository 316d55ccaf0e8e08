"""Are goals, their money and the control groups sound?"""

from __future__ import annotations

from opportune.strategy.checks.notes import Notes
from opportune.strategy.codes import CURRENCY_DECIMALS
from opportune.strategy.sections import Goal
from opportune.strategy.wording import suggest

__all__ = ["check_control_groups", "check_goals"]

FILE = "goals.yaml"


def check_goals(notes: Notes) -> None:
    """Check currencies, segments, and that each goal is served by an action."""
    valued = {goal for action in notes.project.actions.values() for goal in action.values}
    for name, goal in notes.project.goals.items():
        _check_currency(notes, name, goal)
        for segment in goal.segments:
            path = [name, "segments", segment]
            segments = notes.project.segments
            notes.expect_name(segment, segments, "segments.yaml", "segment", FILE, path, key=True)
        if name not in valued and notes.all_actions_known() and notes.project.actions:
            message = f"no action gives a value to goal '{name}'"
            notes.report(FILE, [name], message, "add values to actions or remove the goal", "no-value", key=True)


def _check_currency(notes: Notes, name: str, goal: Goal) -> None:
    currency = goal.currency
    if currency is None:
        return
    before = len(notes.problems)
    if currency not in CURRENCY_DECIMALS:
        remedy = suggest(currency.upper(), CURRENCY_DECIMALS)
        if not remedy.startswith("did"):
            remedy = "use a code of ISO 4217, such as EUR"
        notes.report(FILE, [name, "currency"], f"unknown currency '{currency[:40]}'", remedy, "unknown-currency")
    elif goal.unit in CURRENCY_DECIMALS and goal.unit != currency:
        message = f"the unit is '{goal.unit}' but the currency is '{currency}'"
        notes.report(FILE, [name, "currency"], message, "a goal has one currency: make both the same", "currency")
    if len(notes.problems) > before:
        notes.doubt(FILE, f"{name}.currency")


def check_control_groups(notes: Notes) -> None:
    """Check that the shares leave nobody in two groups."""
    total = 0.0
    for name, group in notes.project.control_groups.items():
        total += group.share
        if total > 1 + 1e-12:
            message = f"the shares add up to {total:g}, more than 1"
            notes.report("control_groups.yaml", [name, "share"], message, "lower the shares", "shares")
            return
