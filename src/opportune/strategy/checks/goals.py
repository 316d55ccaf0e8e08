"""Are goals, their money and the control groups sound?"""

from __future__ import annotations

from opportune.strategy.checks.contact_policies import check_window, expect_outcome, item_place
from opportune.strategy.checks.notes import Notes
from opportune.strategy.codes import CURRENCY_DECIMALS
from opportune.strategy.compile_goals import reach_of
from opportune.strategy.compile_limits import covered_actions, covered_channels
from opportune.strategy.sections.goals import Fatigue, Goal
from opportune.strategy.wording import suggest

__all__ = ["check_control_groups", "check_goals"]

FILE = "goals.yaml"
WORTH_MAX = 1e22
"""Most that one contact may cost: a million of them still fit single precision."""


def check_goals(notes: Notes) -> None:
    """Check currencies, segments, channels and fatigue, and that each goal is served by an action, or tires."""
    valued = {goal for action in notes.project.actions.values() for goal in action.values}
    for name, goal in notes.project.goals.items():
        _check_currency(notes, name, goal)
        for segment in goal.segments:
            path = [name, "segments", segment]
            segments = notes.project.segments
            notes.expect_name(segment, segments, "segments.yaml", "segment", FILE, path, key=True)
        for channel in goal.channels:
            channels = notes.project.channels
            path = [name, "channels", channel]
            notes.expect_name(channel, channels, "channels.yaml", "channel", FILE, path, key=True)
        if goal.fatigue is not None:
            _check_fatigue(notes, name, goal, goal.fatigue)
        elif name not in valued and notes.all_actions_known() and notes.project.actions:
            message = f"no action gives a value to goal '{name}'"
            notes.report(FILE, [name], message, "add values to actions or remove the goal", "no-value", key=True)


def _check_fatigue(notes: Notes, name: str, goal: Goal, fatigue: Fatigue) -> None:
    """Check that contacts can be counted, and can cost something that can be computed."""
    path: list[str | int] = [name, "fatigue"]
    before = len(notes.problems)
    check_window(notes, FILE, [*path, "within"], fatigue.within)
    for index, channel in enumerate(fatigue.channels or ()):
        place = item_place(notes, FILE, [*path, "channels"], index)
        notes.expect_name(channel, notes.project.channels, "channels.yaml", "channel", FILE, place)
    if len(notes.problems) > before:
        return
    reach = reach_of(fatigue)
    counts = fatigue.counts or ()
    for index, outcome in enumerate(counts):
        place = item_place(notes, FILE, [*path, "counts"], index)
        expect_outcome(notes, FILE, reach, outcome, place, "fatigue")
    _check_cost(notes, name, goal, fatigue)
    actions, channels = covered_actions(notes.project, reach), covered_channels(notes.project, reach)
    treatments = [notes.project.actions[action].treatments for action in actions]
    is_known = notes.all_actions_known() and notes.all_channels_known() and notes.project.actions
    if is_known and not any(channels & set(one) for one in treatments):
        message = "nothing that is shown costs anything: it exempts or leaves out all actions"
        remedy = "shorten 'exempt:', name other channels, or remove it"
        notes.report(FILE, path, message, remedy, "covers-nothing", key=True, where=path)


def _check_cost(notes: Notes, name: str, goal: Goal, fatigue: Fatigue) -> None:
    weight = max(goal.weight, *goal.segments.values(), 0.0) * max(1.0, *goal.channels.values(), 0.0)
    worth = fatigue.each * weight / goal.normal
    if worth > WORTH_MAX:
        message = f"expected a contact to cost at most {WORTH_MAX:g} after weight and normal, found {worth:.3g}"
        remedy = f"lower it, or raise the normal of goal '{name}'"
        notes.report(FILE, [name, "fatigue", "each"], message, remedy, "amount-too-large")


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
