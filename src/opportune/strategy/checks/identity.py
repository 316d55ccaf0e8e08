"""Can identifiers be told apart and written, levels be named in rules, and duplicates be found?"""

from __future__ import annotations

from opportune.customers.identity.kinds import CUSTOMER
from opportune.customers.identity.normal import region_fault
from opportune.records import ValueType
from opportune.strategy.checks.attributes import check_attribute
from opportune.strategy.checks.notes import Notes
from opportune.strategy.sections.identity import Comparison, IdentifierKind

__all__ = ["check_identity"]

KINDS, LEVELS, DUPLICATES = "identifiers.yaml", "levels.yaml", "duplicates.yaml"
TAKEN = ("customer", "context", "segment", "feature", "session", "event", "now", "zone")
"""What rules and texts name otherwise."""
KEYS_OF = {"region": "phone", "lower_case": "email"}
"""Key → the normalisation that reads it."""


def check_identity(notes: Notes) -> None:
    """Check kinds of identifiers, levels and what is compared."""
    for name, kind in notes.project.identifiers.items():
        _check_kind(notes, name, kind)
    for name, level in notes.project.levels.items():
        if name in TAKEN:
            message = f"'{name}' has a meaning in rules already"
            notes.report(LEVELS, [name], message, "rename it, such as household", "taken-name", key=True, where=[name])
            notes.doubt(LEVELS, name)
        for key, attribute in level.attributes.items():
            check_attribute(notes, attribute, LEVELS, [name, "attributes", key])
    for name, comparison in notes.project.duplicates.items():
        _check_comparison(notes, name, comparison)
    _check_blocks(notes)


def _check_kind(notes: Notes, name: str, kind: IdentifierKind) -> None:
    if name == CUSTOMER:
        message = "the kind customer is always there, proven and as it is written"
        notes.report(KINDS, [name], message, "remove it, or give it another name", "taken-name", key=True, where=[name])
    if name in notes.project.levels:
        message = f"'{name}' is a level, and its units have identifiers of that kind"
        notes.report(KINDS, [name], message, "rename one of both", "taken-name", key=True, where=[name])
    for key, normalize in KEYS_OF.items():
        if key in kind.model_fields_set and kind.normalize != normalize:
            message = f"'{key}' is for normalize: {normalize}, but it is {kind.normalize}"
            notes.report(KINDS, [name, key], message, "remove it or change normalize", "unfit-key", key=True)
    _check_region(notes, KINDS, name, kind.region)


def _check_region(notes: Notes, file: str, name: str, region: str | None) -> None:
    fault = None if region is None else region_fault(region)
    if fault is not None:
        notes.report(file, [name, "region"], *fault, "unknown-region")


def _check_comparison(notes: Notes, name: str, comparison: Comparison) -> None:
    attributes = notes.project.attributes
    if not notes.expect_name(name, attributes, "attributes.yaml", "attribute", DUPLICATES, [name], key=True):
        return
    types = (ValueType.TEXT, ValueType.TIMESTAMP) if comparison.compare == "date" else (ValueType.TEXT,)
    found = attributes[name].type
    if found not in types:
        words = " or ".join(one.value for one in types)
        message = f"'{comparison.compare}' compares {words}, and the attribute's type is {found.value}"
        notes.report(DUPLICATES, [name, "compare"], message, "compare another attribute", "unfit-comparison")
    if comparison.region is not None and comparison.compare != "phone":
        message = f"'region' is for compare: phone, but it is {comparison.compare}"
        notes.report(DUPLICATES, [name, "region"], message, "remove it or change compare", "unfit-key", key=True)
    _check_region(notes, DUPLICATES, name, comparison.region)


def _check_blocks(notes: Notes) -> None:
    """Report a search that can never look at any two persons."""
    compared = {comparison.compare for comparison in notes.project.duplicates.values()}
    written = {kind.normalize for kind in notes.project.identifiers.values()}
    is_open = any(file == DUPLICATES for file, _ in notes.gaps.names) or DUPLICATES in notes.gaps.files
    if not compared or is_open or compared & {"email", "phone"} or written & {"email", "phone"}:
        return
    if "name" not in compared or not compared & {"date", "text"}:
        name = next(iter(notes.project.duplicates))
        message = "nothing brings two persons together to be compared"
        remedy = "compare an email, a phone, or a name with a date or another text"
        notes.report(DUPLICATES, [name], message, remedy, "no-block", key=True, where=[name])
