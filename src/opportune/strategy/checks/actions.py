"""Do actions name goals, outcomes, channels and languages that exist, and can somebody get them?"""

from __future__ import annotations

from datetime import datetime

from opportune.strategy.checks.channels import check_window
from opportune.strategy.checks.notes import Notes
from opportune.strategy.codes import CURRENCY_DECIMALS, zones
from opportune.strategy.sections.actions import Action, Treatment
from opportune.strategy.sections.outcomes import AMOUNT_MAX, SHOWN, Amount
from opportune.strategy.wording import suggest

__all__ = ["check_actions", "check_exclusivity"]

WORTH_MAX = 1e30
"""What an amount may count for at most: priorities are sums in single precision, which ends at 3.4e38."""


def check_actions(notes: Notes, now: datetime | None) -> None:
    """Check every action against the other files."""
    if not notes.project.actions and notes.all_actions_known():
        remedy = "add actions/<group>/group.yaml and actions/<group>/<action>.yaml"
        notes.report("actions", [], "the project has no action", remedy, "no-action")
    for name, action in notes.project.actions.items():
        file = notes.project.action_file(name)
        _check_validity(notes, file, action, now if notes.project.is_active(name) else None)
        _check_values(notes, file, action)
        _check_windows(notes, file, action)
        for channel, treatments in action.treatments.items():
            path = ["treatments", channel]
            channels = notes.project.channels
            notes.expect_name(channel, channels, "channels.yaml", "channel", file, path, key=True)
            for treatment, section in treatments.items():
                _check_placements(notes, file, channel, treatment, section)
                _check_content(notes, file, [*path, treatment, "content"], section)


def _check_windows(notes: Notes, file: str, action: Action) -> None:
    """Check the response windows that an action has of its own."""
    for name, window in action.response_windows.items():
        path: list[str | int] = ["response_windows", name]
        if not notes.expect_name(name, notes.project.channels, "channels.yaml", "channel", file, path, key=True):
            continue
        if name not in action.treatments:
            message = f"the action has no treatment for channel '{name}'"
            notes.report(file, path, message, "remove the window, or add a treatment", "no-treatment", key=True)
        check_window(notes, file, path, window, notes.project.channels[name])


def _check_validity(notes: Notes, file: str, action: Action, now: datetime | None) -> None:
    zone = notes.project.settings.time_zone
    begin, end = action.valid.instants(zone if zone in zones() else "UTC")
    if begin is not None and end is not None and begin >= end:
        message = f"it ends {action.valid.until} before it begins {action.valid.begin}"
        notes.report(file, ["valid", "until"], message, "set a later end", "empty-validity")
    elif end is not None and now is not None and end <= now:
        message = f"nobody can get it any more: it ended {action.valid.until}"
        notes.report(file, ["valid", "until"], message, "set a later end, or 'active: false'", "over")


def _check_values(notes: Notes, file: str, action: Action) -> None:
    channels = [notes.project.channels.get(channel) for channel in action.treatments]
    reported = {outcome for channel in channels if channel for outcome in channel.outcomes}
    for goal, amounts in action.values.items():
        path = ["values", goal]
        if not notes.expect_name(goal, notes.project.goals, "goals.yaml", "goal", file, path, key=True):
            continue
        for outcome, amount in amounts.items():
            _check_amount(notes, file, goal, outcome, amount)
            _check_worth(notes, file, action, goal, outcome, amount)
            outcomes = notes.project.outcomes
            if outcome == SHOWN and amount.reported:
                message = "nobody reports how much showing is"
                notes.report(file, [*path, outcome], message, "write what showing is worth", "amount-of-shown")
            if outcome == SHOWN or None in channels:
                continue
            known = [*outcomes, SHOWN]
            where = [*path, outcome]
            if not notes.expect_name(outcome, known, "outcomes.yaml", "outcome", file, where, key=True):
                continue
            if amount.reported:
                _check_reported(notes, file, goal, outcome)
            if outcome not in reported:
                message = f"outcome '{outcome}' is reported by no channel of the action"
                remedy = f"remove it, or add it to a channel's outcomes ({', '.join(sorted(action.treatments))})"
                notes.report(file, where, message, remedy, "unreported-outcome", key=True)


def _check_amount(notes: Notes, file: str, goal: str, outcome: str, amount: Amount) -> None:
    if amount.currency is None or notes.gaps.may_hold("goals.yaml", f"{goal}.currency"):
        return
    path = ["values", goal, outcome]
    currency, unit = notes.project.goals[goal].currency, notes.project.goals[goal].unit
    if currency is None:
        message = f"an amount of money, but goal '{goal}' counts {unit}"
        notes.report(file, path, message, "write a number, or give the goal a currency", "currency")
    elif amount.currency != currency:
        message = f"goal '{goal}' counts {currency}, found {amount.currency}"
        notes.report(file, path, message, f"convert the amount to {currency}", "currency")
    elif amount.decimals > CURRENCY_DECIMALS.get(currency, amount.decimals):
        message = f"{currency} has {CURRENCY_DECIMALS[currency]} decimals, found {amount.decimals}"
        notes.report(file, path, message, "round it, or write an expected value as a number alone", "decimals")


def _check_reported(notes: Notes, file: str, goal: str, outcome: str) -> None:
    """Check that reports of the outcome say how much it is, in what the goal counts."""
    path, kind = ["values", goal, outcome], notes.project.outcomes[outcome]
    faulty = (("goals.yaml", f"{goal}.currency"), ("outcomes.yaml", f"{outcome}.value"))
    if any(notes.gaps.may_hold(*one) for one in faulty):
        return
    section = notes.project.goals[goal]
    if kind.value is None:
        message = f"reports of '{outcome}' carry no amount"
        remedy = f"give '{outcome}' a value in outcomes.yaml, or write what it is worth"
        notes.report(file, path, message, remedy, "no-amount")
    elif kind.value.currency != section.currency:
        counted = [one or "no money" for one in (section.currency, kind.value.currency)]
        message = f"goal '{goal}' counts {counted[0]}, and '{outcome}' is reported in {counted[1]}"
        notes.report(file, path, message, "give both the same currency", "currency")
    elif section.currency is None and kind.value.unit != section.unit:
        message = f"goal '{goal}' counts {section.unit}, and '{outcome}' is reported in {kind.value.unit or 'no unit'}"
        notes.report(file, path, message, "give both the same unit", "unit")


def _check_worth(notes: Notes, file: str, action: Action, name: str, outcome: str, amount: Amount) -> None:
    """Check that what the amount counts for, at its highest, can be computed in single precision."""
    goal, group = notes.project.goals[name], notes.project.groups[file.split("/")[1]]
    context = 1 + sum(max(0.0, weight.percent) for weight in action.context_weights) / 100
    # Before a lever below 1 makes it smaller, the worth itself must fit.
    factor = max(1.0, group.lever * action.lever * context)
    weight = max(goal.weight, *goal.segments.values(), 0.0) * max(1.0, *goal.channels.values(), 0.0)
    worth = _size(notes, outcome, amount) * weight / goal.normal * factor
    if worth > WORTH_MAX:
        message = f"expected at most {WORTH_MAX:g} after weight, normal, levers and context weights, found {worth:.3g}"
        remedy = f"lower the amount, or raise the normal of goal '{name}'"
        notes.report(file, ["values", name, outcome], message, remedy, "amount-too-large")


def _size(notes: Notes, outcome: str, amount: Amount) -> float:
    """Give the size of an amount, at most."""
    kind = notes.project.outcomes.get(outcome)
    if not amount.reported or kind is None or kind.value is None:
        return abs(amount.number)
    return max(abs(AMOUNT_MAX if side is None else side) for side in kind.value.range or (None, None))


def _check_placements(notes: Notes, file: str, channel: str, name: str, treatment: Treatment) -> None:
    section = notes.project.channels.get(channel)
    if section is None or treatment.placements is None:
        return
    for index, placement in enumerate(treatment.placements):
        if placement not in section.placements:
            path: list[str | int] = ["treatments", channel, name, "placements", index]
            message = f"unknown placement '{placement}' of channel '{channel}'"
            remedy = suggest(placement, section.placements, "known placements")
            notes.report(file, path, message, remedy, "unknown-placement")


def _check_content(notes: Notes, file: str, path: list[str], treatment: Treatment) -> None:
    """Check that every language has every part."""
    if not treatment.content or notes.gaps.may_hold("project.yaml", "languages"):
        return
    languages = notes.project.settings.languages
    parts = {part: language for language, texts in treatment.content.items() for part in texts}
    for language in languages:
        texts = treatment.content.get(language)
        if texts is None:
            message = f"no content for language '{language}'"
            notes.report(
                file, path, message, f"add '{language}:' with the same parts", "missing-language", key=True, where=path
            )
            continue
        for part, other in parts.items():
            if part not in texts:
                message = f"no '{part}', which language '{other}' has"
                notes.report(
                    file,
                    [*path, language],
                    message,
                    f"add '{part}:'",
                    "missing-content",
                    key=True,
                    where=[*path, language],
                )
    for language in treatment.content:
        if language not in languages:
            message = f"language '{language[:40]}' is not one of the project"
            remedy = suggest(language, languages, "languages")
            notes.report(file, [*path, language], message, remedy, "unknown-language", key=True)


def check_exclusivity(notes: Notes) -> None:
    """Report exclusivity groups that exclude nothing."""
    members: dict[str, list[str]] = {}
    for name, action in notes.project.actions.items():
        for group in set(action.exclusive):
            members.setdefault(group, []).append(name)
    if not notes.all_actions_known():
        return
    for group, names in sorted(members.items()):
        if len(names) == 1:
            index = notes.project.actions[names[0]].exclusive.index(group)
            message = f"exclusivity group '{group}' has this one member, so it excludes nothing"
            others = [other for other in members if other != group]
            remedy = suggest(group, others, "other groups") if others else "add another action to it or remove it"
            remedy = remedy if remedy.startswith("did") else "add another action to it or remove it"
            notes.report(notes.project.action_file(names[0]), ["exclusive", index], message, remedy, "lonely-exclusive")
