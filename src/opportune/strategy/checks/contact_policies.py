"""Can every contact policy be executed, and can it ever hold something back?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from opportune.strategy.checks.nights import check_nights
from opportune.strategy.checks.notes import Notes
from opportune.strategy.compile_limits import covered_actions, covered_channels
from opportune.strategy.sections.limits import ContactPolicy, Day, Trigger
from opportune.strategy.sections.outcomes import SHOWN
from opportune.strategy.sections.times import Duration
from opportune.strategy.wording import suggest

__all__ = ["check_contact_policies", "check_length", "check_window", "expect_outcome", "item_place"]

FILE, CHANNELS = "contact_policies.yaml", "channels.yaml"
FORMS: Mapping[str, tuple[str, ...]] = {
    "at_most": ("within", "counts", "per"),
    "after": ("rest", "rests"),
    "quiet": (),
    "apart": (),
}
"""Key that makes a form → the keys that belong to it alone."""
NEEDED = {"at_most": "within", "after": "rest"}
SECONDS_MIN, DAYS_MAX = 60, 3_660
DAY = 86_400


def check_contact_policies(notes: Notes) -> None:
    """Check form, names, lengths and coverage of every contact policy."""
    for name, policy in notes.project.contact_policies.items():
        form = _form(notes, name, policy)
        _check_level(notes, name, policy)
        _check_coverage(notes, name, policy)
        if form == "at_most":
            _check_at_most(notes, name, policy)
        elif form == "after":
            _check_rest(notes, name, policy)
        elif form == "quiet":
            _check_quiet(notes, name, policy)
        elif form == "apart" and policy.apart is not None:
            check_window(notes, FILE, [name, "apart"], policy.apart)
    check_nights(notes)


def _check_level(notes: Notes, name: str, policy: ContactPolicy) -> None:
    """Check whose contacts count together."""
    if policy.over is None:
        return
    if policy.quiet is not None:
        message = "'over' says whose contacts count, and quiet hours count none"
        notes.report(FILE, [name, "over"], message, "remove it", "policy-key", key=True)
    notes.expect_name(policy.over, notes.project.levels, "levels.yaml", "level", FILE, [name, "over"])


def check_length(notes: Notes, file: str, path: list[str | int], length: Duration) -> bool:
    """Report a length of time that is none, or too long to be meant."""
    if SECONDS_MIN <= length.seconds <= DAYS_MAX * DAY:
        return True
    message = f"expected a length of 1 minute to {DAYS_MAX} days"
    notes.report(file, path, message, "set weeks, days, hours or minutes", "length")
    return False


def _form(notes: Notes, name: str, policy: ContactPolicy) -> str:
    """Give the one form that a policy has, "" where that is not clear."""
    given = policy.model_fields_set
    forms = [form for form in FORMS if form in given]
    if len(forms) != 1:
        found = " and ".join(forms) if forms else "none of them"
        message = f"expected one of at_most, after, quiet and apart, found {found}"
        remedy = "make a policy of each" if forms else "say what the policy asks"
        notes.report(FILE, [name], message, remedy, "policy-form", key=True, where=[name])
        return ""
    form = forms[0]
    if not notes.expect_value(policy, FILE, name, form):
        return ""
    for other, keys in FORMS.items():
        for key in keys:
            if key in given and other != form:
                message = f"'{key}' belongs to {other}, and this policy says {form}"
                notes.report(FILE, [name, key], message, f"remove it, or make it a policy of {other}", "policy-key")
    needed = NEEDED.get(form)
    if needed and getattr(policy, needed) is None:
        remedy = f"add '{needed}:', such as {needed}: {{days: 7}}"
        notes.report(FILE, [name], f"missing key '{needed}'", remedy, "missing", key=True, where=[name])
        return ""
    return form


def _check_coverage(notes: Notes, name: str, policy: ContactPolicy) -> None:
    """Check the names that a policy covers, and that it covers something."""
    project = notes.project
    before = len(notes.problems)
    for key, noun, source, known in (
        ("groups", "group", "actions", set(project.groups)),
        ("actions", "action", "actions", set(project.actions)),
        ("channels", "channel", CHANNELS, set(project.channels)),
    ):
        for index, one in enumerate(getattr(policy, key) or ()):
            notes.expect_name(one, known, source, noun, FILE, item_place(notes, FILE, [name, key], index))
    is_known = notes.all_actions_known() and notes.all_channels_known()
    if len(notes.problems) > before or not is_known or not project.actions:
        return
    kinds = {action.kind for action in project.actions.values()}
    if kinds <= set(policy.exempt):
        message = f"it exempts every kind of action that there is: {', '.join(sorted(kinds))}"
        notes.report(
            FILE, [name], message, "shorten 'exempt:', or remove the policy", "exempts-all", key=True, where=[name]
        )
        return
    actions, channels = covered_actions(project, policy), covered_channels(project, policy)
    if actions:
        _report_exempt(notes, name, policy)
    if not actions:
        message = "it covers no action: all that it names are of exempt kinds"
        notes.report(
            FILE, [name], message, "shorten 'exempt:', or name others", "covers-nothing", key=True, where=[name]
        )
    elif not any(channel in project.actions[action].treatments for action in actions for channel in channels):
        message = "it covers no treatment: its actions have none in its channels"
        remedy = "name other channels or directions, or other actions"
        notes.report(FILE, [name], message, remedy, "covers-nothing", key=True, where=[name])


def _report_exempt(notes: Notes, name: str, policy: ContactPolicy) -> None:
    """Report groups and actions that a policy names, and that it exempts."""
    project, remedy = notes.project, "leave it out, or shorten 'exempt:'"
    members: dict[str, list[str]] = {}
    for action, group in project.group_of.items():
        members.setdefault(group, []).append(action)
    for key, noun, held in (
        ("groups", "group", members),
        ("actions", "action", {one: [one] for one in project.actions}),
    ):
        for index, one in enumerate(getattr(policy, key) or ()):
            kinds = {project.actions[action].kind for action in held.get(one, ())}
            if kinds and kinds <= {*policy.exempt}:
                message = f"it names {noun} '{one}', and exempts {' and '.join(sorted(kinds))} actions"
                notes.report(FILE, item_place(notes, FILE, [name, key], index), message, remedy, "covers-nothing")


def item_place(notes: Notes, file: str, path: list[str | int], index: int) -> list[str | int]:
    """Give the place of an item of a list, which may stand alone."""
    return [*path, index] if isinstance(notes.node(file, path).value, list) else path


def _check_at_most(notes: Notes, name: str, policy: ContactPolicy) -> None:
    counts = policy.counts or (SHOWN,)
    for index, one in enumerate(counts):
        place = item_place(notes, FILE, [name, "counts"], index)
        expect_outcome(notes, FILE, policy, one, place)
    if policy.within is not None:
        check_window(notes, FILE, [name, "within"], policy.within)


def _check_rest(notes: Notes, name: str, policy: ContactPolicy) -> None:
    after, rest = policy.after, policy.rest
    assert after is not None
    assert rest is not None
    path: list[str | int] = [name, "after"]
    expect_outcome(notes, FILE, policy, after.outcome, [*path, "outcome"])
    if after.without is not None:
        expect_outcome(notes, FILE, policy, after.without, [*path, "without"])
        if after.without == after.outcome:
            message = f"'{after.outcome}' ends the rest that it begins"
            notes.report(FILE, [*path, "without"], message, "name another outcome", "without-itself")
    if after.within is None and after.times > 1:
        message = f"{after.times} times, and not within what time"
        notes.report(FILE, [*path, "times"], message, "add 'within:', such as within: {days: 7}", "missing-window")
    elif after.within is not None and after.times == 1:
        message = "one time is always within the window"
        notes.report(FILE, [*path, "within"], message, "remove it, or raise 'times:'", "needless-window")
    elif after.within is not None and not check_length(notes, FILE, [*path, "within"], after.within):
        return
    if check_length(notes, FILE, [name, "rest"], rest):
        _check_retention(notes, FILE, [name, "rest"], rest.seconds + _seconds(after))


def _seconds(after: Trigger) -> int:
    return after.within.seconds if after.within else 0


def check_window(notes: Notes, file: str, path: list[str | int], length: Duration) -> None:
    """Report a window of no length, and one that looks further back than anything is kept."""
    if check_length(notes, file, path, length):
        _check_retention(notes, file, path, length.seconds)


def _check_retention(notes: Notes, file: str, path: list[str | int], seconds: int) -> None:
    """Report a window that looks further back than anything is kept."""
    kept = notes.project.settings.retention_days
    if kept is not None and seconds > kept * DAY and not notes.gaps.may_hold("project.yaml", "retention_days"):
        days = -(-seconds // DAY)
        message = f"it looks back {days} days, and what is older than {kept} days is dropped"
        notes.report(file, path, message, f"shorten it, or set retention_days to {days} at least", "retention")


def expect_outcome(
    notes: Notes, file: str, policy: ContactPolicy, outcome: str, path: list[str | int], owner: str = "policy"
) -> None:
    """Check that an outcome exists, and that a channel reports it that the policy covers.

    Args:
        owner: what the policy is called where it stands.
    """
    outcomes = notes.project.outcomes
    if outcome == SHOWN:
        return
    if outcome not in outcomes:
        if not notes.gaps.may_hold("outcomes.yaml", outcome):
            message = f"unknown outcome '{outcome[:100]}'"
            notes.report(file, path, message, suggest(outcome, [SHOWN, *outcomes], "known outcomes"), "unknown-outcome")
        return
    channels = covered_channels(notes.project, policy)
    reports = any(outcome in notes.project.channels[channel].outcomes for channel in channels)
    if channels and not reports and notes.all_channels_known():
        message = f"outcome '{outcome}' is reported by no channel of the {owner}"
        remedy = f"add it to a channel's outcomes ({', '.join(sorted(channels))}), or count another"
        notes.report(file, path, message, remedy, "unreported-outcome")


def _check_quiet(notes: Notes, name: str, policy: ContactPolicy) -> None:
    quiet = policy.quiet
    assert quiet is not None
    if quiet.begin == quiet.until and {*quiet.days} == {*get_args(Day)}:
        message = "quiet hours that cover the whole day"
        remedy = "set another end, or name 'days:'; to switch actions off, write 'active: false' there"
        notes.report(FILE, [name, "quiet"], message, remedy, "quiet-all-day")
