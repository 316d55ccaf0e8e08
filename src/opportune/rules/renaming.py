"""The same rule over other facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from opportune.errors import Problem, RuleError
from opportune.rules.closures import NotCoveredError, compile_closure
from opportune.rules.rule import Rule
from opportune.rules.tree import Ident, Node, transform

__all__ = ["renamed"]


def renamed(rule: Rule, names: Mapping[str, str]) -> Rule:
    """Give the rule that reads other facts in the place of some; its text stays as its author wrote it.

    Args:
        names: fact key → the one to read; loop variables have no point and are never meant.

    Raises:
        RuleError: a part of the rule is evaluated by CEL's own engine, which knows the names as they are written.
    """
    known = {name: new for name, new in names.items() if name in rule.variables}
    if not known:
        return rule

    def change(node: Node) -> Node:
        return replace(node, name=known[node.name]) if isinstance(node, Ident) and node.name in known else node

    tree = transform(rule.tree, change)
    types = {**rule.types, **{new: rule.types[name] for name, new in known.items()}}
    try:
        compile_closure(tree, types)
    except NotCoveredError:
        message = f"a part of the rule does not go with {', '.join(sorted(known))}"
        problem = Problem("", 1, 1, "", message, "write it in another way, or as a rule of its own", "not-renamed")
        raise RuleError([problem]) from None
    variables = frozenset(known.get(name, name) for name in rule.variables)
    return replace(rule, variables=variables, tree=tree, types=types)
