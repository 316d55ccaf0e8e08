"""The checked syntax tree of a rule, decoded from what CEL's engine serialises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from opportune.rules.wire import double, fields, signed

__all__ = [
    "Call",
    "Comprehension",
    "Const",
    "Ident",
    "ListOf",
    "MapOf",
    "Node",
    "Other",
    "Select",
    "TooDeepError",
    "children",
    "decode",
    "depth_of",
    "free_variables",
    "transform",
    "walk",
]

DEPTH_MAX = 64
"""Nesting that a rule may have; CEL's parser stops at 32 brackets, chains of operators reach deeper."""


@dataclass(frozen=True, slots=True)
class Const:
    """A literal."""

    value: bool | int | float | str | None
    type: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Ident:
    """A variable: a dotted fact key or the name of a loop variable."""

    name: str
    type: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Select:
    """Field of a map; with `test` the question whether it is there, has(m.f)."""

    operand: Node
    field: str
    test: bool
    type: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or function; the receiver of a method is the first argument."""

    function: str
    args: tuple[Node, ...]
    type: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list literal."""

    items: tuple[Node, ...]
    type: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map literal."""

    entries: tuple[tuple[Node, Node], ...]
    type: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Comprehension:
    """A fold over a list or the keys of a map; what exists, all, map and filter expand to."""

    variable: str
    range: Node
    accumulator: str
    init: Node
    condition: Node
    step: Node
    result: Node
    type: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Other:
    """What our own evaluation leaves to CEL's engine: messages, bytes, unsigned integers, type values.

    Args:
        text: a literal as CEL writes it, else what else tells the node from others.
    """

    what: str
    args: tuple[Node, ...]
    type: str
    at: int = 0
    text: str = ""


Node: TypeAlias = Const | Ident | Select | Call | ListOf | MapOf | Comprehension | Other


def children(node: Node) -> tuple[Node, ...]:
    """Give the direct parts of a node."""
    match node:
        case Select(operand=operand):
            return (operand,)
        case Call(args=args) | Other(args=args):
            return args
        case ListOf(items=items):
            return items
        case MapOf(entries=entries):
            return tuple(part for entry in entries for part in entry)
        case Comprehension():
            return node.range, node.init, node.condition, node.step, node.result
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """Give a node and all below it."""
    yield node
    for part in children(node):
        yield from walk(part)


def depth_of(node: Node) -> int:
    """Count the levels of the tree, 1 where the node has no parts."""
    return 1 + max(map(depth_of, children(node)), default=0)


class TooDeepError(ValueError):
    """The tree is deeper than DEPTH_MAX."""


def decode(data: bytes) -> Node:
    """Decode a serialised CheckedExpr or ParsedExpr (inside an Any); parsed trees have types "".

    Raises:
        TooDeepError: the rule nests too deep.
        ValueError: the bytes are no expression.

    Source: cel-spec, proto/cel/expr/checked.proto and syntax.proto.
    """
    envelope = dict(fields(data))
    kind, body = _bytes(envelope[1]).decode(), _bytes(envelope[2])
    if kind.endswith("ParsedExpr"):
        parts = dict(fields(body))
        reader = _Reader({}, {}, _positions(_bytes(parts.get(3, b""))))
        return reader.expression(_bytes(parts[2]), 0)
    names: dict[int, str] = {}
    types: dict[int, str] = {}
    expression = info = b""
    for number, content in fields(body):
        raw = _bytes(content)
        if number == 2:
            key, value = _entry(raw)
            reference = dict(fields(value))
            names[key] = _bytes(reference.get(1, b"")).decode()
        elif number == 3:
            key, value = _entry(raw)
            types[key] = _type(value)
        elif number == 4:
            expression = raw
        elif number == 5:
            info = raw
    return _Reader(names, types, _positions(info)).expression(expression, 0)


def _bytes(content: int | bytes) -> bytes:
    if isinstance(content, int):
        raise ValueError("a message was expected in the checked expression")
    return content


def _entry(data: bytes) -> tuple[int, bytes]:
    parts = dict(fields(data))
    key = parts.get(1, 0)
    return (key if isinstance(key, int) else 0), _bytes(parts.get(2, b""))


def _positions(info: bytes) -> dict[int, int]:
    positions: dict[int, int] = {}
    for number, content in fields(info):
        if number == 4:
            entry = dict(fields(_bytes(content)))
            key, value = entry.get(1, 0), entry.get(2, 0)
            if isinstance(key, int) and isinstance(value, int):
                positions[key] = value
    return positions


_PRIMITIVES = {1: "bool", 2: "int", 3: "uint", 4: "double", 5: "string", 6: "bytes"}
_WELL_KNOWN = {1: "any", 2: "timestamp", 3: "duration"}


def _type(data: bytes) -> str:
    for number, content in fields(data):
        match number, content:
            case 1, _:
                return "dyn"
            case 2, _:
                return "null"
            case 3, int(code):
                return _PRIMITIVES.get(code, "other")
            case 5, int(code):
                return _WELL_KNOWN.get(code, "other")
            case 6, bytes(inner):
                parts = dict(fields(inner))
                return f"list({_type(_bytes(parts.get(1, b'')))})"
            case 7, bytes(inner):
                parts = dict(fields(inner))
                return f"map({_type(_bytes(parts.get(1, b'')))}, {_type(_bytes(parts.get(2, b'')))})"
            case 11, _:
                return "type"
            case _:
                return "other"
    return "dyn"


class _Reader:
    def __init__(self, names: dict[int, str], types: dict[int, str], positions: dict[int, int]) -> None:
        self.names, self.types, self.positions = names, types, positions

    def expression(self, data: bytes, depth: int) -> Node:
        if depth > DEPTH_MAX:
            raise TooDeepError
        ident = kind = 0
        body = b""
        for number, content in fields(data):
            if number == 2 and isinstance(content, int):
                ident = content
            elif number >= 3:
                kind, body = number, _bytes(content)
        type_, at = self.types.get(ident, ""), self.positions.get(ident, 0)
        if kind in (4, 5) and (name := self.names.get(ident)):
            return Other(f"type {name}", (), type_, at) if type_ == "type" else Ident(name, type_, at)
        match kind:
            case 3:
                return _constant(body, type_, at)
            case 4:
                return Ident(_bytes(dict(fields(body))[1]).decode(), type_, at)
            case 5:
                return self._select(body, depth, type_, at)
            case 6:
                return self._call(body, depth, type_, at)
            case 7:
                return self._list(body, depth, type_, at)
            case 8:
                return self._map(body, depth, type_, at)
            case 9:
                return self._comprehension(body, depth, type_, at)
            case _:
                return Other("expression", (), type_, at, body.hex())

    def _select(self, body: bytes, depth: int, type_: str, at: int) -> Node:
        parts = dict(fields(body))
        operand = self.expression(_bytes(parts[1]), depth + 1)
        return Select(operand, _bytes(parts[2]).decode(), bool(parts.get(3, 0)), type_, at)

    def _call(self, body: bytes, depth: int, type_: str, at: int) -> Node:
        target: tuple[Node, ...] = ()
        args: list[Node] = []
        function = ""
        for number, content in fields(body):
            raw = _bytes(content)
            if number == 1:
                target = (self.expression(raw, depth + 1),)
            elif number == 2:
                function = raw.decode()
            elif number == 3:
                args.append(self.expression(raw, depth + 1))
        return Call(function, (*target, *args), type_, at)

    def _list(self, body: bytes, depth: int, type_: str, at: int) -> Node:
        items = tuple(self.expression(_bytes(raw), depth + 1) for number, raw in fields(body) if number == 1)
        return ListOf(items, type_, at)

    def _map(self, body: bytes, depth: int, type_: str, at: int) -> Node:
        entries: list[tuple[Node, Node]] = []
        message = ""
        for number, content in fields(body):
            if number == 1:
                message = _bytes(content).decode()
            elif number == 2:
                parts = dict(fields(_bytes(content)))
                value = self.expression(_bytes(parts[4]), depth + 1)
                key = self.expression(_bytes(parts[3]), depth + 1) if 3 in parts else Const("", "string", at)
                entries.append((key, value))
        if message:
            return Other(f"message {message}", tuple(value for _, value in entries), type_, at, body.hex())
        return MapOf(tuple(entries), type_, at)

    def _comprehension(self, body: bytes, depth: int, type_: str, at: int) -> Node:
        parts = dict(fields(body))
        inner = [self.expression(_bytes(parts[number]), depth + 1) for number in (2, 4, 5, 6, 7)]
        if 8 in parts:
            return Other("comprehension over two variables", tuple(inner), type_, at, body.hex())
        variable, accumulator = _bytes(parts[1]).decode(), _bytes(parts[3]).decode()
        places, init, condition, step, result = inner
        return Comprehension(variable, places, accumulator, init, condition, step, result, type_, at)


def _constant(body: bytes, type_: str, at: int) -> Node:
    for number, content in fields(body):
        match number, content:
            case 1, _:
                return Const(None, "null", at)
            case 2, int(value):
                return Const(bool(value), "bool", at)
            case 3, int(value):
                return Const(signed(value), "int", at)
            case 4, int(value):
                return Other("unsigned integer", (), "uint", at, f"{value}u")
            case 5, bytes(raw):
                return Const(double(raw), "double", at)
            case 6, bytes(raw):
                return Const(raw.decode("utf-8", "surrogatepass"), "string", at)
            case _:
                return Other("bytes", (), type_, at, _bytes_text(_bytes(content)))
    return Const(None, "null", at)


def _bytes_text(raw: bytes) -> str:
    return 'b"' + "".join(f"\\x{byte:02x}" for byte in raw) + '"'


def transform(node: Node, change: Callable[[Node], Node]) -> Node:
    """Give the tree with `change` applied to every node, from the leaves up."""
    match node:
        case Select():
            node = replace(node, operand=transform(node.operand, change))
        case Call() | Other():
            node = replace(node, args=tuple(transform(arg, change) for arg in node.args))
        case ListOf():
            node = replace(node, items=tuple(transform(item, change) for item in node.items))
        case MapOf():
            entries = tuple((transform(key, change), transform(value, change)) for key, value in node.entries)
            node = replace(node, entries=entries)
        case Comprehension():
            node = replace(
                node,
                range=transform(node.range, change),
                init=transform(node.init, change),
                condition=transform(node.condition, change),
                step=transform(node.step, change),
                result=transform(node.result, change),
            )
        case _:
            pass
    return change(node)


def free_variables(node: Node) -> frozenset[str]:
    """Give the names of the facts that the tree reads, without the variables of its loops."""
    return frozenset(_free(node, frozenset()))


def _free(node: Node, bound: frozenset[str]) -> set[str]:
    if isinstance(node, Ident):
        return set() if node.name in bound else {node.name}
    if isinstance(node, Comprehension):
        inner = bound | {node.variable, node.accumulator}
        names = _free(node.range, bound) | _free(node.init, bound)
        return names.union(*(_free(part, inner) for part in (node.condition, node.step, node.result)))
    return set().union(*(_free(part, bound) for part in children(node)))
