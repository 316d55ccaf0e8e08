"""Can every rule of slates be kept, and does it ever matter?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from opportune.strategy.checks.notes import Notes
from opportune.strategy.compile_slates import members_of, part_members
from opportune.strategy.sections.slates import Selection, SlateRule

__all__ = ["check_slates"]

FILE = "slates.yaml"
FORMS: Mapping[str, tuple[str, ...]] = {
    "at_most": ("of", "per"),
    "at_least": ("of", "when"),
    "not_together": (),
    "only_together": (),
}
"""Key that makes a form → the keys that belong to it alone."""


def check_slates(notes: Notes) -> None:
    """Check form, names and numbers of every rule of slates, and that they do not contradict each other."""
    sound: dict[str, SlateRule] = {}
    for name, section in notes.project.slates.items():
        before = len(notes.problems)
        form = _form(notes, name, section)
        if form in ("at_most", "at_least"):
            _check_count(notes, name, section)
        elif form == "not_together" and section.not_together:
            _check_parts(notes, name, section.not_together)
        elif form == "only_together" and section.only_together:
            _check_bundle(notes, name, section.only_together)
        if len(notes.problems) == before:
            sound[name] = section
    if notes.all_actions_known():
        _check_together(notes, sound)
        _check_fallbacks(notes, sound)


def _form(notes: Notes, name: str, section: SlateRule) -> str:
    """Give the one form that a rule has, "" where that is not clear."""
    given = section.model_fields_set
    forms = [form for form in FORMS if form in given]
    if len(forms) != 1:
        found = " and ".join(forms) if forms else "none of them"
        message = f"expected one of at_most, at_least, not_together and only_together, found {found}"
        remedy = "make a rule of each" if forms else "say what the rule asks"
        notes.report(FILE, [name], message, remedy, "slate-form", key=True, where=[name])
        return ""
    if not notes.expect_value(section, FILE, name, forms[0]):
        return ""
    for key in ("of", "per", "when"):
        if key in given and key not in FORMS[forms[0]]:
            message = f"'{key}' does not belong to {forms[0]}"
            notes.report(FILE, [name, key], message, "remove it", "slate-key", key=True)
    if forms[0] == "only_together" and section.scope == "answer" and "scope" in given:
        message = "bundles stand in one placement"
        notes.report(FILE, [name, "in"], message, "remove it", "slate-key", key=True)
    return forms[0]


def _check_count(notes: Notes, name: str, section: SlateRule) -> None:
    """Check what a quota or a minimum counts, and that its number can matter and be met."""
    if section.of is None and section.per is None:
        message = "nothing says what is counted"
        remedy = "add of: {groups: [...]}" + (", or per: group" if section.at_most else "")
        notes.report(FILE, [name], message, remedy, "slate-of", key=True, where=[name])
    elif section.of is not None and section.per is not None:
        notes.report(FILE, [name, "per"], "of and per exclude each other", "keep one of both", "slate-of", key=True)
    if section.at_most is not None and section.of is None and section.per is not None:
        _check_groups(notes, name, section.at_most)
    if section.of is None or section.per is not None or not _check_names(notes, name, section.of):
        return
    if not notes.all_actions_known():
        return
    members = len(members_of(notes.project, section.of))
    if section.at_most is not None and members <= section.at_most:
        message = f"it counts {members} actions, so at most {section.at_most} of them always holds"
        notes.report(FILE, [name, "at_most"], message, "lower the number, or remove the rule", "slate-idle")
    if section.at_least is not None and members < section.at_least:
        message = f"it counts {members} actions, so at least {section.at_least} of them can never be shown"
        notes.report(FILE, [name, "at_least"], message, "lower the number, or name more", "slate-never")
    if section.at_least is not None:
        _check_places(notes, name, section.at_least, section.scope)


def _check_groups(notes: Notes, name: str, most: int) -> None:
    """Report a quota of every group that no group can exceed."""
    largest = max(Counter(notes.project.group_of.values()).values(), default=0)
    if notes.all_actions_known() and 0 < largest <= most:
        message = f"no group has more than {largest} actions, so at most {most} of each always holds"
        notes.report(FILE, [name, "at_most"], message, "lower the number, or remove the rule", "slate-idle")


def _check_places(notes: Notes, name: str, least: int, scope: str) -> None:
    """Check that some answer, or some placement, has places for a minimum."""
    count = sum if scope == "answer" else max
    places = [count(slot.size for slot in channel.placements.values()) for channel in notes.project.channels.values()]
    if places and max(places) < least and notes.all_channels_known():
        whole = f"no {scope} has more than {max(places)} places"
        notes.report(FILE, [name, "at_least"], whole, "lower the number", "slate-places")


def _check_names(notes: Notes, name: str, of: Selection) -> bool:
    before = len(notes.problems)
    if not (of.groups or of.actions or of.kinds):
        message = "nothing says what is counted"
        notes.report(FILE, [name, "of"], message, "name groups, actions or kinds", "slate-of", key=True)
    for index, group in enumerate(of.groups or ()):
        notes.expect_name(group, notes.project.groups, "actions", "group", FILE, [name, "of", "groups", index])
    for index, action in enumerate(of.actions or ()):
        notes.expect_name(action, notes.project.actions, "actions", "action", FILE, [name, "of", "actions", index])
    for index, kind in enumerate(of.kinds or ()):
        is_known = any(action.kind == kind for action in notes.project.actions.values())
        if not is_known and notes.all_actions_known():
            message = f"no action is of kind {kind}"
            notes.report(FILE, [name, "of", "kinds", index], message, "remove it, or add such an action", "slate-kind")
    return len(notes.problems) == before


def _check_parts(notes: Notes, name: str, parts: tuple[str, ...]) -> None:
    """Check that parts exist and share no action."""
    owner: dict[str, str] = {}
    for index, part in enumerate(parts):
        if part in parts[:index]:
            continue
        path: list[str | int] = [name, "not_together", index]
        group = part.removeprefix("group:")
        if group == part and part in notes.project.groups and part not in notes.project.actions:
            notes.report(FILE, path, f"'{part}' is a group, no action", f"write 'group:{part}'", "unknown-action")
        elif group == part:
            notes.expect_name(part, notes.project.actions, "actions", "action", FILE, path)
        else:
            notes.expect_name(group, notes.project.groups, "actions", "group", FILE, path)
        for action in sorted(part_members(notes.project, part)):
            if action in owner:
                message = f"action '{action}' is in '{owner[action]}' too"
                notes.report(FILE, path, message, "name it once", "slate-twice")
                break
            owner[action] = part


def _check_bundle(notes: Notes, name: str, actions: tuple[str, ...]) -> None:
    """Check that the members of a bundle exist, are active, and fit one placement."""
    project, before = notes.project, len(notes.problems)
    for index, action in enumerate(actions):
        path: list[str | int] = [name, "only_together", index]
        if notes.expect_name(action, project.actions, "actions", "action", FILE, path):
            if not project.is_active(action):
                message = f"action '{action}' is switched off, so the others are never shown"
                notes.report(FILE, path, message, "switch it on, or leave it out", "slate-never")
            other = next((o for o in _bundles_of(notes, action) if o != name), None)
            if other is not None and other < name:
                message = f"action '{action}' is in bundle '{other}' too"
                notes.report(FILE, path, message, "make one bundle of both", "slate-twice")
    if len(notes.problems) > before or not notes.all_channels_known() or not project.actions.keys() >= {*actions}:
        return
    if not any(_has_room(notes, channel, slot, actions) for channel, slot in _slots(notes)):
        message = f"no placement has {len(actions)} places and a treatment of every one"
        remedy = "raise a placement's size, or add treatments that fit it"
        notes.report(FILE, [name, "only_together"], message, remedy, "slate-room")


def _bundles_of(notes: Notes, action: str) -> Iterator[str]:
    for name, section in notes.project.slates.items():
        if section.only_together and action in section.only_together:
            yield name


def _slots(notes: Notes) -> Iterator[tuple[str, str]]:
    for channel, section in notes.project.channels.items():
        for slot in section.placements:
            yield channel, slot


def _has_room(notes: Notes, channel: str, slot: str, actions: tuple[str, ...]) -> bool:
    """Tell whether a placement can take all of some actions."""
    return notes.project.channels[channel].placements[slot].size >= len(actions) and all(
        any(
            treatment.placements is None or slot in treatment.placements
            for treatment in notes.project.actions[action].treatments.get(channel, {}).values()
        )
        for action in actions
    )


def _check_together(notes: Notes, sound: Mapping[str, SlateRule]) -> None:
    """Report bundles and minima that another rule never allows."""
    for name, section in sound.items():
        if section.only_together:
            fault = _fault(notes, sound, frozenset(section.only_together), "placement")
            if fault:
                message = f"its actions can never stand together: {fault}"
                notes.report(FILE, [name, "only_together"], message, "change one of both", "slate-contradiction")
        elif section.at_least is not None and section.of is not None:
            members = members_of(notes.project, section.of)
            for other, quota in sound.items():
                if quota.at_most is None or quota.at_most >= section.at_least:
                    continue
                counted = quota.of is not None and members <= members_of(notes.project, quota.of)
                if quota.of is None:
                    counted = len({notes.project.group_of[action] for action in members}) == 1
                if counted and (quota.scope == "answer" or section.scope == "placement"):
                    message = f"at least {section.at_least}, but '{other}' allows at most {quota.at_most} of them"
                    remedy = "lower the minimum, or raise the other"
                    notes.report(FILE, [name, "at_least"], message, remedy, "slate-contradiction")
            groups = [set(notes.project.actions[action].exclusive) for action in members]
            if section.at_least > 1 and groups and set.intersection(*groups):
                shared = min(set.intersection(*groups))
                message = f"at least {section.at_least}, but all of them are in exclusivity group '{shared}'"
                notes.report(FILE, [name, "at_least"], message, "lower the minimum to 1", "slate-contradiction")


def _fault(notes: Notes, sound: Mapping[str, SlateRule], actions: frozenset[str], scope: str) -> str:
    """Say which rule does not allow some actions in one placement, or in one answer; "" where all do."""
    project = notes.project
    names = sorted(actions)
    for index, action in enumerate(names):
        for other in names[:index]:
            shared = set(project.actions[action].exclusive) & set(project.actions[other].exclusive)
            if shared:
                return f"'{other}' and '{action}' are both in exclusivity group '{min(shared)}'"
    for name, section in sound.items():
        if section.scope == "placement" and scope == "answer":
            continue
        if section.at_most is not None:
            counted = [members_of(project, section.of)] if section.of else _by_group(notes, actions)
            if any(len(one & actions) > section.at_most for one in counted):
                return f"'{name}' allows at most {section.at_most} of them"
        elif section.not_together:
            present = [part for part in section.not_together if part_members(project, part) & actions]
            if len(present) > 1:
                return f"'{name}' keeps {present[0]} and {present[1]} apart"
    return ""


def _by_group(notes: Notes, actions: frozenset[str]) -> list[frozenset[str]]:
    groups = {notes.project.group_of[action] for action in actions}
    return [part_members(notes.project, f"group:{group}") for group in sorted(groups)]


def _check_fallbacks(notes: Notes, sound: Mapping[str, SlateRule]) -> None:
    """Report fallbacks that break a rule of slates by themselves."""
    for channel, slot in _slots(notes):
        fallback = notes.project.channels[channel].placements[slot].fallback
        actions = frozenset(fallback)
        if not actions or not actions <= notes.project.actions.keys():
            continue
        rules = {name: section for name, section in sound.items() if not section.only_together}
        exclusive = _fault(notes, {}, actions, "placement")
        fault = "" if exclusive else _fault(notes, rules, actions, "placement")
        for name, section in sound.items():
            bundle = frozenset(section.only_together or ())
            if bundle & actions and not bundle <= actions:
                fault = f"'{name}' shows '{min(bundle - actions)}' and '{min(bundle & actions)}' only together"
        if fault:
            path: list[str | int] = [channel, "placements", slot, "fallback"]
            notes.report(
                "channels.yaml", path, f"the fallback is no valid slate: {fault}", "change it", "fallback-slate"
            )
