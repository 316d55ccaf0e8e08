"""Does every purpose cover something, and is it asked about where that is?"""

from __future__ import annotations

from collections.abc import Collection

from opportune.decide.limits.consents import MINORS
from opportune.records import ValueType
from opportune.strategy.checks.contact_policies import item_place
from opportune.strategy.checks.notes import Notes
from opportune.strategy.compile_consents import purpose_actions, purpose_channels
from opportune.strategy.sections.consents import Purpose

__all__ = ["check_consents"]

FILE = "consents.yaml"
COVERS = ("kinds", "groups", "actions")
AGES = (ValueType.INTEGER, ValueType.NUMBER, ValueType.TIMESTAMP)


def check_consents(notes: Notes) -> None:
    """Check every purpose, and by what minors are told."""
    for name, purpose in notes.project.purposes.items():
        before = len(notes.problems)
        _check_name(notes, name)
        _check_names(notes, name, purpose)
        if purpose.profiling:
            _check_profiling(notes, name, purpose)
        elif len(notes.problems) == before:
            _check_coverage(notes, name, purpose)
        if len(notes.problems) > before:
            notes.doubt(FILE, name)
    for name, rest in notes.gaps.purposes.items():
        _check_names(notes, name, rest)
    _check_minors(notes)


def _check_name(notes: Notes, name: str) -> None:
    project = notes.project
    owners: dict[str, Collection[str]] = {
        "a contact policy": project.contact_policies,
        "a stock": project.stocks,
        "the limit on minors": (MINORS,),
    }
    for owner, names in owners.items():
        if name in names:
            notes.report(FILE, [name], f"{owner} is called '{name}' too", "rename one of both", "name-in-use", key=True)


def _check_names(notes: Notes, name: str, purpose: Purpose) -> None:
    project = notes.project
    known = (
        ("groups", purpose.groups, project.groups, "actions", "group"),
        ("actions", purpose.actions, project.actions, "actions", "action"),
        ("channels", purpose.channels, project.channels, "channels.yaml", "channel"),
    )
    for key, given, names, source, noun in known:
        for index, one in enumerate(given or ()):
            notes.expect_name(one, names, source, noun, FILE, item_place(notes, FILE, [name, key], index))


def _check_profiling(notes: Notes, name: str, purpose: Purpose) -> None:
    for key in COVERS:
        if getattr(purpose, key) is not None:
            message = f"'{key}' says which actions it covers, and profiling covers none"
            notes.report(FILE, [name, key], message, "make a purpose of each", "purpose-key", key=True)


def _check_coverage(notes: Notes, name: str, purpose: Purpose) -> None:
    if all(getattr(purpose, key) is None for key in COVERS):
        message = "it does not say what it covers"
        remedy = "add 'kinds:', 'groups:', 'actions:', or 'profiling: true'"
        notes.report(FILE, [name], message, remedy, "covers-nothing", key=True, where=[name])
        return
    if not (notes.all_actions_known() and notes.all_channels_known()):
        return
    project = notes.project
    actions, channels = purpose_actions(project, purpose), purpose_channels(project, purpose)
    if not any(channel in project.actions[action].treatments for action in actions for channel in channels):
        message = "it covers no treatment of any action"
        remedy = "name other kinds, groups, actions or channels, or remove it"
        notes.report(FILE, [name], message, remedy, "covers-nothing", key=True, where=[name])


def _check_minors(notes: Notes) -> None:
    """Report a fact by which nobody's age can be told."""
    minors = notes.project.settings.minors
    file, path = "project.yaml", ["minors", "attribute"]
    if minors is None or notes.gaps.may_hold(file, "minors"):
        return
    known = notes.project.attributes
    if not notes.expect_name(minors.attribute, known, "attributes.yaml", "attribute", file, path):
        return
    kind = known[minors.attribute].type
    if kind not in AGES:
        message = f"expected an age in years or a moment of birth, found an attribute of type {kind.value}"
        notes.report(file, path, message, "name an integer, a number or a timestamp", "minors-attribute")
