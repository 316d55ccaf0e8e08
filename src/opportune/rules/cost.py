"""A bound on the steps that a rule can take, from the declared sizes of its inputs."""

from __future__ import annotations

from opportune.rules.tree import Call, Comprehension, Const, ListOf, MapOf, Node, children

__all__ = ["COST_MAX", "STEPS_MAX", "TEXTS_MAX", "cost"]

COST_MAX = 10_000
"""Steps that a rule may need at most; one step is about 0.2 µs in closures."""
STEPS_MAX = 20_000
"""Turns of loops that one evaluation may take, where lists are longer than TEXTS_MAX."""
TEXTS_MAX = 100
"""Entries that a list of texts is taken to have."""

_PATTERN_COST = 20
"""Steps that matching a regular expression counts for."""


def cost(node: Node) -> int:
    """Give the most steps that evaluating the tree can take."""
    match node:
        case Comprehension():
            turns = _size(node.range)
            return (
                1
                + cost(node.range)
                + cost(node.init)
                + turns * (cost(node.condition) + cost(node.step))
                + cost(node.result)
            )
        case Call(function="matches"):
            return _PATTERN_COST + sum(cost(part) for part in node.args)
        case Call(function="@in", args=(_, places)) if not isinstance(places, ListOf):
            return 1 + _size(places) // 10 + sum(cost(part) for part in node.args)
        case _:
            return 1 + sum(cost(part) for part in children(node))


def _size(node: Node) -> int:
    match node:
        case ListOf(items=items):
            return len(items)
        case MapOf(entries=entries):
            return len(entries)
        case Const(value=str(text)):
            return len(text)
        case Call(function="_+_", args=(a, b)):
            return _size(a) + _size(b)
        case Call(function="_?_:_", args=(_, a, b)):
            return max(_size(a), _size(b))
        case Comprehension():
            return _size(node.range)
        case _:
            return TEXTS_MAX
