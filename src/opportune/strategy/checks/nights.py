"""Do quiet hours of several policies together leave any hour of the week?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from opportune.strategy.checks.notes import Notes
from opportune.strategy.compile_limits import covered_actions, covered_channels
from opportune.strategy.sections.limits import Day, QuietHours

__all__ = ["check_nights"]

FILE = "contact_policies.yaml"
DAY, WEEK = 1_440, 10_080
"""Minutes."""


def check_nights(notes: Notes) -> None:
    """Report the first action of each set of policies whose quiet hours fill the week."""
    project = notes.project
    quiet = {
        name: (covered_actions(project, policy), covered_channels(project, policy), policy.quiet)
        for name, policy in project.contact_policies.items()
        if policy.quiet is not None and _length(policy.quiet) * len({*policy.quiet.days}) < WEEK
    }
    seen: set[tuple[str, ...]] = set()
    for action, section in project.actions.items():
        for channel in section.treatments:
            own = {
                name: hours
                for name, (actions, channels, hours) in quiet.items()
                if action in actions and channel in channels
            }
            names = tuple(own)
            if names in seen:
                continue
            seen.add(names)
            if own and _minutes(own.values()) == (1 << WEEK) - 1:
                message = (
                    f"quiet hours of {', '.join(names)} leave no hour for action '{action}' in channel '{channel}'"
                )
                remedy = "shorten one of them, or exempt the action"
                notes.report(FILE, [names[-1], "quiet"], message, remedy, "quiet-all-week")


def _minutes(hours: Iterable[QuietHours]) -> int:
    """Give the minutes of a week in which one of them lasts, as the bits of a number."""
    found = 0
    for one in hours:
        lasting = (1 << _length(one)) - 1
        for day in one.days:
            found |= lasting << (get_args(Day).index(day) * DAY + one.begin)
    # What goes on beyond Sunday lasts into Monday.
    return (found | found >> WEEK) & ((1 << WEEK) - 1)


def _length(hours: QuietHours) -> int:
    """Give the minutes from begin to end; a whole day where both are the same."""
    return (hours.until - hours.begin) % DAY or DAY
