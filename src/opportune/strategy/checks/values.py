"""Texts in rules that an attribute with a closed list of values never has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opportune.errors import Problem
from opportune.records import ValueType
from opportune.rules import Rule
from opportune.rules.tree import Call, Const, Ident, ListOf, Node, walk
from opportune.strategy.sections.attributes import EventAttribute
from opportune.strategy.wording import suggest

__all__ = ["impossible_values"]

COMPARISONS = ("_==_", "_!=_")
MEMBERSHIP = "@in"
OWNS = "owns"
"""Membership in customer.products, which stands as its second argument."""


def impossible_values(rule: Rule, attributes: Mapping[str, EventAttribute]) -> list[Problem]:
    """List comparisons with texts that the attribute cannot be; places lie inside the rule's text.

    Segments are part of the tree but reported where they are written, so texts that the source lacks are passed over.
    """
    problems = []
    for name, text in _comparisons(rule.tree):
        allowed = attributes[name].values if name in attributes else None
        if allowed is None or text in allowed:
            continue
        offset = max(rule.source.find(f"'{text}'"), rule.source.find(f'"{text}"'))
        if offset >= 0:
            before = rule.source[:offset]
            line, column = before.count("\n") + 1, offset - before.rfind("\n")
            remedy = suggest(text, allowed, "its values")
            verb = "never holds" if attributes[name].type is ValueType.TEXTS else "is never"
            problems.append(Problem("", line, column, "", f"{name} {verb} '{text}'", remedy, "impossible-value"))
    return problems


def _comparisons(tree: Node) -> Iterator[tuple[str, str]]:
    """Give attribute and text of each comparison."""
    for node in walk(tree):
        match node:
            case Call(function=function, args=(Ident(name=name), Const(value=str(text)))) if function in COMPARISONS:
                yield name, text
            case Call(function=function, args=(Const(value=str(text)), Ident(name=name))) if function in (
                *COMPARISONS,
                MEMBERSHIP,
                OWNS,
            ):
                yield name, text
            case Call(function=function, args=(Ident(name=name), ListOf(items=items))) if function == MEMBERSHIP:
                for item in items:
                    if isinstance(item, Const) and isinstance(item.value, str):
                        yield name, item.value
