"""Do channels report outcomes that exist, and can every placement be filled, also without the engine?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from opportune.records import Sign
from opportune.rules import Rule
from opportune.strategy.checks.notes import Notes
from opportune.strategy.checks.rules import CheckedRules
from opportune.strategy.codes import CURRENCY_DECIMALS
from opportune.strategy.project import Project
from opportune.strategy.sections.channels import Channel, Placement, ResponseWindow
from opportune.strategy.sections.outcomes import OutcomeValue
from opportune.strategy.wording import suggest

__all__ = ["check_channels", "check_fallbacks", "check_window"]

FILE = "channels.yaml"
WINDOW_MIN, WINDOW_MAX = timedelta(seconds=1), timedelta(days=400)
SAFE_VARIABLES = frozenset({"now"})
"""What is known even when nothing of the customer can be read."""


def check_channels(notes: Notes) -> None:
    """Check directions, outcomes, response windows, and that treatments exist."""
    for name, kind in notes.project.outcomes.items():
        if name == "shown":
            message = "'shown' has a meaning of its own in the values of actions"
            notes.report("outcomes.yaml", [name], message, "rename it, for example impression", "reserved", key=True)
        if kind.value is not None:
            _check_value(notes, name, kind.value)
        if kind.after is not None:
            _check_after(notes, name, kind.after)
    for name, channel in notes.project.channels.items():
        _check_channel(notes, name, channel)


def _check_value(notes: Notes, name: str, value: OutcomeValue) -> None:
    path = [name, "value"]
    if value.currency is not None and value.currency not in CURRENCY_DECIMALS:
        message, remedy = (
            f"unknown currency '{value.currency[:40]}'",
            suggest(value.currency.upper(), CURRENCY_DECIMALS),
        )
        notes.report("outcomes.yaml", [*path, "currency"], message, remedy, "unknown-currency")
        notes.doubt("outcomes.yaml", f"{name}.value")
    if value.currency is not None and value.unit:
        message = "money has its currency's unit"
        notes.report("outcomes.yaml", [*path, "unit"], message, "remove currency or unit", "unit-of-money")
    low, high = value.range or (None, None)
    if low is not None and high is not None and low >= high:
        message = f"the range is empty: {low:g} to {high:g}"
        notes.report("outcomes.yaml", [*path, "range"], message, "write the smaller number first", "empty-range")


def _check_after(notes: Notes, name: str, before: str) -> None:
    """Check that an outcome comes after a positive one that can come first, wherever it is reported."""
    outcomes, path = notes.project.outcomes, [name, "after"]
    if not notes.expect_name(before, outcomes, "outcomes.yaml", "outcome", "outcomes.yaml", path):
        return
    remedy = "leave after out, or make both positive"
    for one in (name, before):
        if outcomes[one].sign is not Sign.POSITIVE:
            message = f"only positive outcomes come in a row, and '{one}' is {outcomes[one].sign.value}"
            notes.report("outcomes.yaml", path, message, remedy, "after-sign")
            return
    if name in (before, *notes.project.before(before)):
        message = f"'{name}' comes after itself: {' after '.join((name, *notes.project.before(name), name))}"
        notes.report("outcomes.yaml", path, message, "let one of them come first", "after-circle")
    for channel, section in notes.project.channels.items():
        if name in section.outcomes and before not in section.outcomes:
            message = f"'{name}' comes after '{before}', which this channel does not report"
            place = section.outcomes.index(name)
            remedy = f"add {before} to the channel's outcomes"
            notes.report(FILE, [channel, "outcomes", place], message, remedy, "after-unreported")


def _check_channel(notes: Notes, name: str, channel: Channel) -> None:
    outcomes = notes.project.outcomes
    if channel.direction == "outbound":
        message = "outbound channels cannot be executed yet"
        notes.report(FILE, [name, "direction"], message, "write inbound, or remove the channel", "not-available")
    for index, outcome in enumerate(channel.outcomes):
        notes.expect_name(outcome, outcomes, "outcomes.yaml", "outcome", FILE, [name, "outcomes", index])
    known = [outcomes[outcome] for outcome in channel.outcomes if outcome in outcomes]
    if len(known) == len(channel.outcomes) and not any(kind.sign is Sign.POSITIVE for kind in known):
        message = "no positive outcome, so that nothing can be learned"
        notes.report(FILE, [name, "outcomes"], message, "add an outcome of positive sign", "no-positive-outcome")
    if channel.response_window is not None:
        check_window(notes, FILE, [name, "response_window"], channel.response_window, channel)
    _check_treatments(notes, name, channel)


def check_window(notes: Notes, file: str, path: list[str | int], window: ResponseWindow, channel: Channel) -> None:
    """Check length and default of a response window in a channel."""
    if not WINDOW_MIN <= window.length <= WINDOW_MAX:
        message = f"expected a length of 1 second to {WINDOW_MAX.days} days, found {window.length}"
        notes.report(file, path, message, "set days, hours, minutes or seconds", "window-length")
    if window.default not in channel.outcomes:
        message = f"outcome '{window.default}' is none of this channel"
        remedy = f"add it to the channel's outcomes, or choose one of them: {', '.join(channel.outcomes)}"
        notes.report(file, [*path, "default"], message, remedy, "unknown-outcome")
        return
    kind = notes.project.outcomes.get(window.default)
    if kind is not None and kind.sign is not Sign.NEGATIVE:
        message = f"silence cannot count as the {kind.sign.value} outcome '{window.default}'"
        notes.report(file, [*path, "default"], message, "choose a negative outcome", "window-sign")


def _check_treatments(notes: Notes, name: str, channel: Channel) -> None:
    """Report a channel or a placement in which nothing can ever be shown."""
    if not notes.all_actions_known() or not notes.project.actions:
        return
    fitting = [
        treatment.placements
        for action in notes.project.actions.values()
        for treatment in action.treatments.get(name, {}).values()
    ]
    if not fitting:
        message = f"no action has a treatment for channel '{name}'"
        notes.report(FILE, [name], message, "add a treatment or remove the channel", "no-treatment", key=True)
        return
    for placement in channel.placements:
        if not any(placements is None or placement in placements for placements in fitting):
            message = f"no treatment fits placement '{placement}'"
            path = [name, "placements", placement]
            notes.report(FILE, path, message, "add one or remove the placement", "no-treatment", key=True)


def check_fallbacks(notes: Notes, rules: CheckedRules) -> None:
    """Check that every fallback can be shown when nothing is known and no time is left."""
    for channel, section in notes.project.channels.items():
        for placement, slot in section.placements.items():
            path: list[str | int] = [channel, "placements", placement, "fallback"]
            if len(slot.fallback) > slot.size:
                message = f"{len(slot.fallback)} actions in a placement of size {slot.size}"
                notes.report(FILE, path, message, "shorten the list or raise the size", "fallback-size")
            for index, name in enumerate(slot.fallback):
                here = [*path, index]
                if not notes.expect_name(name, notes.project.actions, "actions", "action", FILE, here):
                    continue
                fault = (
                    _fault_of_list(notes.project, slot, index)
                    or _fault_of_treatment(notes.project, channel, placement, name)
                    or _fault_of_rules(rules.of_action(notes.project, name))
                )
                if fault:
                    notes.report(FILE, here, f"fallback action '{name}' {fault[0]}", fault[1], "fallback")


def _fault_of_list(project: Project, slot: Placement, index: int) -> tuple[str, str] | None:
    name, before = slot.fallback[index], slot.fallback[:index]
    action = project.actions[name]
    if not project.is_active(name):
        return "is switched off", "choose an active action, or write []"
    for other in before:
        if other in project.actions and other != name and set(project.actions[other].exclusive) & set(action.exclusive):
            return f"and '{other}' exclude each other", "keep one of both"
    return None


def _fault_of_treatment(project: Project, channel: str, placement: str, name: str) -> tuple[str, str] | None:
    treatments = project.actions[name].treatments.get(channel, {}).values()
    if any(treatment.placements is None or placement in treatment.placements for treatment in treatments):
        return None
    return f"has no treatment for placement '{placement}' of channel '{channel}'", "add one or choose another"


def _fault_of_rules(rules: Iterable[Rule]) -> tuple[str, str] | None:
    needed = {variable for item in rules for variable in item.variables} - SAFE_VARIABLES
    if not needed:
        return None
    remedy = "a fallback is shown when nothing is known: choose an action without such rules, or write []"
    return f"has rules that need {min(needed)}", remedy
