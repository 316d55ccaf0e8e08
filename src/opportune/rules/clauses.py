"""Split "this rule is TRUE" into clauses that an index can look up.

Over three-valued logic, "a && b is TRUE" means a is TRUE and b is TRUE, "!a is TRUE" means a is FALSE, and so on down
to atoms; so the question becomes two-valued over atoms "e is TRUE" and "e is FALSE", where the usual laws hold.
An atom says that the value of one expression (its feature) lies in a set. A clause holds when one of its atoms does;
a rule is TRUE when all its clauses hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import TypeAlias

from opportune.records import ValueType
from opportune.rules.closures import NotCoveredError, compile_closure
from opportune.rules.sets import Cut, Lines, Listed, ValueSet, join
from opportune.rules.text import key_of
from opportune.rules.tree import Call, Const, Ident, ListOf, Node, walk
from opportune.rules.values import Duration, NoValue, RuntimeValue, Timestamp

__all__ = ["Clause", "Feature", "clauses_of"]

CLAUSES_MAX = 16
"""Clauses that one `||` may be multiplied out to; beyond, the whole of it is evaluated by closures."""

NUMERIC = ("int", "double", "timestamp", "duration")


@dataclass(frozen=True, slots=True)
class Feature:
    """An expression whose value atoms ask about.

    Args:
        key: its exact text; with `entry`, of the question whether the entry is in the list.
        kind: CEL type of its value: int, double, timestamp, duration, string or bool.
        variable: the fact key, where the expression is just a variable; with `entry` that of the list.
        entry: asked entry of a list of texts.
    """

    key: str
    kind: str
    node: Node = field(compare=False, repr=False)
    variable: str | None = None
    entry: str | None = None


Clause: TypeAlias = Mapping[Feature, ValueSet]


def clauses_of(node: Node, types: Mapping[str, ValueType]) -> list[Clause] | None:
    """Give the clauses of "node is TRUE": [] is always so, None never."""
    found = _Splitter(types).split(node, True)
    kept = [clause for clause in found if not any(values.is_all() for values in clause.values())]
    return None if any(not clause for clause in kept) else kept


class _Splitter:
    def __init__(self, types: Mapping[str, ValueType]) -> None:
        self._types = types

    def split(self, node: Node, want: bool) -> list[Clause]:
        """Give the clauses of "node is `want`"; [{}] is never so."""
        match node:
            case Const(value=bool(value)):
                return [] if value is want else [{}]
            case Call(function="!_", args=(inner,)):
                return self.split(inner, not want)
            case Call(function="_&&_" | "_||_", args=(a, b)):
                if (node.function == "_&&_") is want:
                    return self.split(a, want) + self.split(b, want)
                return self._either(node, want, self.split(a, want), self.split(b, want))
            case Call(function="_?_:_", args=(condition, yes, no), type="bool"):
                first = self.split(condition, True) + self.split(yes, want)
                return self._either(node, want, first, self.split(condition, False) + self.split(no, want))
            case _:
                if type(_constant(node)) is bool:
                    return [] if _constant(node) is want else [{}]
                feature, values = self._atom(node, want)
                return [{} if values.is_empty() else {feature: values}]

    def _either(self, node: Node, want: bool, a: list[Clause], b: list[Clause]) -> list[Clause]:
        if len(a) * len(b) > CLAUSES_MAX:
            return [dict([_whole(node, want)])]
        return [_joined(x, y) for x, y in product(a, b)]

    def _atom(self, node: Node, want: bool) -> tuple[Feature, ValueSet]:
        atom = self._known(node) if isinstance(node, Call) and node.function == "known" else self._simple(node)
        if atom is None:
            return _whole(node, want)
        feature, values = atom
        if want:
            return feature, values
        if values.ill:  # known(): FALSE where the value is missing
            return feature, Lines(False, (), missing=True) if isinstance(values, Lines) else Listed(
                frozenset(), missing=True
            )
        return feature, values.invert()

    def _known(self, node: Call) -> tuple[Feature, ValueSet] | None:
        feature = self._feature(Ident(node.args[0].name, "", 0)) if isinstance(node.args[0], Ident) else None
        if feature is None:
            return None
        if feature.kind in NUMERIC:
            return feature, Lines(True, (), nan=True, ill=True)
        return feature, Listed(frozenset(), rest=True, ill=True)

    def _simple(self, node: Node) -> tuple[Feature, ValueSet] | None:
        match node:
            case Ident():
                feature = self._feature(node)
                return (feature, Listed(frozenset((True,)))) if feature and feature.kind == "bool" else None
            case Call(function="@in", args=(item, ListOf() as places)):
                return self._one_of(item, places)
            case Call(function="@in", args=(item, Ident() as places)) | Call(function="owns", args=(item, places)):
                return self._entry(item, places)
            case Call(function=function, args=(a, b)) if function in _MIRROR:
                return self._compared(function, a, b) or self._compared(_MIRROR[function], b, a)
            case _:
                return None

    def _compared(self, function: str, a: Node, b: Node) -> tuple[Feature, ValueSet] | None:
        value = _constant(b)
        feature = self._feature(a)
        if value is None or feature is None or _KINDS.get(type(value)) != feature.kind:
            return None
        if feature.kind in NUMERIC:
            return feature, _compared_lines(function, value, feature.kind)
        if function == "_==_":
            return feature, Listed(frozenset((value,)))
        return (feature, Listed(frozenset((value,)), rest=True)) if function == "_!=_" else None

    def _one_of(self, item: Node, places: ListOf) -> tuple[Feature, ValueSet] | None:
        atoms = [self._compared("_==_", item, place) for place in places.items]
        if not atoms or any(atom is None for atom in atoms):
            return None
        found = [atom for atom in atoms if atom is not None]
        values = found[0][1]
        for _, more in found[1:]:
            values = join(values, more)
        return found[0][0], values

    def _entry(self, item: Node, places: Node) -> tuple[Feature, ValueSet] | None:
        value = _constant(item)
        if not isinstance(places, Ident) or self._types.get(places.name) is not ValueType.TEXTS:
            return None
        if type(value) is not str:
            return None
        whole = Call("@in", (Const(value, "string"), places), "bool")
        return Feature(key_of(whole), "bool", whole, places.name, value), Listed(frozenset((True,)))

    def _feature(self, node: Node) -> Feature | None:
        if isinstance(node, Ident):
            kind = _VARIABLE_KINDS.get(self._types[node.name]) if node.name in self._types else None
            return Feature(key_of(node), kind, node, node.name) if kind else None
        if node.type not in (*NUMERIC, "string", "bool") or isinstance(node, Const):
            return None
        return Feature(key_of(node), node.type, node)


def _whole(node: Node, want: bool) -> tuple[Feature, ValueSet]:
    return Feature(key_of(node), "bool", node), Listed(frozenset((want,)))


def _joined(a: Clause, b: Clause) -> Clause:
    result = dict(a)
    for feature, values in b.items():
        result[feature] = join(result[feature], values) if feature in result else values
    return result


_MIRROR = {"_==_": "_==_", "_!=_": "_!=_", "_<_": "_>_", "_<=_": "_>=_", "_>_": "_<_", "_>=_": "_<=_"}
_KINDS: dict[type, str] = {
    bool: "bool",
    int: "int",
    float: "double",
    str: "string",
    Timestamp: "timestamp",
    Duration: "duration",
}
_VARIABLE_KINDS = {
    ValueType.BOOLEAN: "bool",
    ValueType.INTEGER: "int",
    ValueType.NUMBER: "double",
    ValueType.TEXT: "string",
    ValueType.TIMESTAMP: "timestamp",
}


def _constant(node: Node) -> RuntimeValue:
    """Give the value of an expression without variables, None where it has none."""
    if isinstance(node, Const):
        return node.value
    return _folded(node) if isinstance(node, Call) else None


def _folded(node: Call) -> RuntimeValue:
    if any(isinstance(part, Ident) for part in walk(node)):
        return None
    try:
        value = compile_closure(node, {})({}, {})
    except NotCoveredError:
        return None
    return None if isinstance(value, NoValue) else value


def _compared_lines(function: str, value: Cut, kind: str) -> Lines:
    if value != value:
        return Lines(function == "_!=_", (), nan=function == "_!=_")
    after: Cut = math.nextafter(value, math.inf) if kind == "double" else int(value) + 1
    value = value if kind == "double" else int(value)
    beyond = (after,) if after > value else ()  # nothing lies after infinity
    match function:
        case "_<_":
            return Lines(True, (value,))
        case "_<=_":
            return Lines(True, beyond)
        case "_>_":
            return Lines(False, beyond)
        case "_>=_":
            return Lines(False, (value,))
        case "_==_":
            return Lines(False, (value, *beyond))
        case _:
            return Lines(True, (value, *beyond), nan=True)
