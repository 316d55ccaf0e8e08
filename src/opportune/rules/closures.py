"""Evaluate a checked tree with closures: each node becomes one function of (facts, local).

Three-valued logic is that of CEL: `false && x` is false and `true || x` is true whatever x is; everything else
needs all its arguments. Values of loops live in `local`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from opportune.records import Facts, Value, ValueType
from opportune.rules.cost import STEPS_MAX
from opportune.rules.functions import FUNCTIONS, NO_OVERLOAD
from opportune.rules.times import OF_MOMENTS
from opportune.rules.tree import Call, Comprehension, Const, Ident, ListOf, MapOf, Node, Select
from opportune.rules.values import Failed, MapValue, NoValue, RuntimeValue, Unknown, from_fact, merge

__all__ = ["Closure", "NotCoveredError", "compile_closure"]

Local: TypeAlias = dict[str, RuntimeValue]
Closure: TypeAlias = Callable[[Facts, Local], RuntimeValue]

_TURNS = "#turns"
_NO_BOOLEAN = Failed("expected a boolean")


class NotCoveredError(Exception):
    """The tree has a part that only CEL's engine evaluates."""


def compile_closure(node: Node, types: Mapping[str, ValueType], bound: frozenset[str] = frozenset()) -> Closure:
    """Give the function that evaluates the tree.

    Args:
        types: of the variables that are facts.
        bound: variables that the caller puts into `local` itself, as run-time values.

    Raises:
        NotCoveredError: see there.
    """
    return _Compiler(types).compile(node, bound)


class _Compiler:
    def __init__(self, types: Mapping[str, ValueType]) -> None:
        self._types = types

    def compile(self, node: Node, bound: frozenset[str]) -> Closure:
        match node:
            case Const(value=value):
                return lambda facts, local: value
            case Ident(name=name):
                return _local(name) if name in bound else self._variable(name)
            case Select():
                return _select(self.compile(node.operand, bound), node.field, node.test)
            case ListOf(items=items):
                return _list([self.compile(item, bound) for item in items])
            case MapOf(entries=entries):
                return _map([(self.compile(key, bound), self.compile(value, bound)) for key, value in entries])
            case Comprehension():
                return self._comprehension(node, bound)
            case Call(function=function, args=args):
                return self._call(function, args, bound)
            case _:
                raise NotCoveredError(node.what)

    def _variable(self, name: str) -> Closure:
        if name not in self._types:
            raise NotCoveredError(f"variable {name}")
        expected, missing = self._types[name], Unknown(frozenset((name,)))

        def load(facts: Facts, local: Local) -> RuntimeValue:
            value: Value | None = facts.get(name)
            return missing if value is None else from_fact(name, value, expected)

        return load

    def _call(self, function: str, args: tuple[Node, ...], bound: frozenset[str]) -> Closure:
        if function == "known" and isinstance(args[0], Ident):
            name = args[0].name
            return lambda facts, local: facts.get(name) is not None
        parts = [self.compile(arg, bound) for arg in args]
        if function in OF_MOMENTS and all(isinstance(arg, Ident) and arg.name not in bound for arg in args):
            names = [arg.name for arg in args if isinstance(arg, Ident)]
            return _of_facts(*OF_MOMENTS[function], names, _strict(function, parts))
        match function:
            case "_&&_":
                return _logical(parts[0], parts[1], False)
            case "_||_":
                return _logical(parts[0], parts[1], True)
            case "_?_:_":
                return _ternary(*parts)
            case "@not_strictly_false":
                inner = parts[0]
                return lambda facts, local: inner(facts, local) is not False
            case _:
                return _strict(function, parts)

    def _comprehension(self, node: Comprehension, bound: frozenset[str]) -> Closure:
        inside = bound | {node.variable, node.accumulator}
        places = self.compile(node.range, bound)
        init = self.compile(node.init, bound)
        condition, step, result = (self.compile(part, inside) for part in (node.condition, node.step, node.result))
        variable, accumulator = node.variable, node.accumulator

        def fold(facts: Facts, local: Local) -> RuntimeValue:
            items = places(facts, local)
            if isinstance(items, NoValue):
                return items
            if type(items) is MapValue:
                items = list(items)
            if type(items) is not list:
                return NO_OVERLOAD
            turns = local.get(_TURNS) or [0]
            inner = {**local, _TURNS: turns, accumulator: init(facts, local)}
            for item in items:
                turns[0] += 1
                if turns[0] > STEPS_MAX:
                    return Failed(f"loops took more than {STEPS_MAX} turns")
                inner[variable] = item
                goes_on = condition(facts, inner)
                if goes_on is not True:
                    if isinstance(goes_on, NoValue):
                        return goes_on
                    break
                inner[accumulator] = step(facts, inner)
            return result(facts, inner)

        return fold


def _local(name: str) -> Closure:
    return lambda facts, local: local[name]


def _logical(a: Closure, b: Closure, decides: bool) -> Closure:
    """Combine by && (decides False) or || (decides True): one deciding side is enough."""

    def combine(facts: Facts, local: Local) -> RuntimeValue:
        left = a(facts, local)
        if left is decides:
            return decides
        right = b(facts, local)
        if right is decides:
            return decides
        if type(left) is bool:
            return right if type(right) is bool or isinstance(right, NoValue) else _NO_BOOLEAN
        left = left if isinstance(left, NoValue) else _NO_BOOLEAN
        return merge(left, right) if isinstance(right, NoValue) else left

    return combine


def _ternary(condition: Closure, yes: Closure, no: Closure) -> Closure:
    def choose(facts: Facts, local: Local) -> RuntimeValue:
        answer = condition(facts, local)
        if answer is True:
            return yes(facts, local)
        if answer is False:
            return no(facts, local)
        return answer if isinstance(answer, NoValue) else _NO_BOOLEAN

    return choose


def _strict(function: str, parts: list[Closure]) -> Closure:
    """Call a function that needs all its arguments."""
    implementation = FUNCTIONS.get((function, len(parts)))
    if implementation is None:
        raise NotCoveredError(f"function {function}")
    call = implementation
    if len(parts) == 1:
        only = parts[0]

        def one(facts: Facts, local: Local) -> RuntimeValue:
            value = only(facts, local)
            return value if isinstance(value, NoValue) else call(value)

        return one
    if len(parts) == 2:
        first, second = parts

        def two(facts: Facts, local: Local) -> RuntimeValue:
            a, b = first(facts, local), second(facts, local)
            if isinstance(a, NoValue):
                return merge(a, b) if isinstance(b, NoValue) else a
            return b if isinstance(b, NoValue) else call(a, b)

        return two

    def many(facts: Facts, local: Local) -> RuntimeValue:
        values = [part(facts, local) for part in parts]
        nothing = _first_no_value(values)
        return call(*values) if nothing is None else nothing

    return many


def _of_facts(call: Callable[..., RuntimeValue], other: type, names: list[str], otherwise: Closure) -> Closure:
    """Call a function of two facts without turning times into nanoseconds and back, which took most of its time."""
    first, second = names

    def of_facts(facts: Facts, local: Local) -> RuntimeValue:
        a, b = facts.get(first), facts.get(second)
        fits = type(b) is other and (not isinstance(b, datetime) or b.tzinfo is UTC)
        return call(a, b) if fits and type(a) is datetime and a.tzinfo is UTC else otherwise(facts, local)

    return of_facts


def _first_no_value(values: list[RuntimeValue]) -> NoValue | None:
    nothing: NoValue | None = None
    for value in values:
        if isinstance(value, NoValue):
            nothing = value if nothing is None else merge(nothing, value)
    return nothing


def _select(operand: Closure, field: str, test: bool) -> Closure:
    def select(facts: Facts, local: Local) -> RuntimeValue:
        value = operand(facts, local)
        if isinstance(value, NoValue):
            return value
        if type(value) is not MapValue:
            return NO_OVERLOAD
        if test:
            return field in value
        return value[field] if field in value else Failed(f"no such key: {field}")

    return select


def _list(items: list[Closure]) -> Closure:
    def make(facts: Facts, local: Local) -> RuntimeValue:
        values = [item(facts, local) for item in items]
        nothing = _first_no_value(values)
        return values if nothing is None else nothing

    return make


def _map(entries: list[tuple[Closure, Closure]]) -> Closure:
    def make(facts: Facts, local: Local) -> RuntimeValue:
        pairs = [(key(facts, local), value(facts, local)) for key, value in entries]
        nothing = _first_no_value([part for pair in pairs for part in pair])
        if nothing is not None:
            return nothing
        if any(type(key) not in (bool, int, str) for key, _ in pairs):
            return Failed("unsupported key type")
        result = MapValue(pairs)
        return result if len(result) == len(pairs) else Failed("repeated key")

    return make
