"""Write a checked tree as text: exactly, as the key of an expression, or as its author would read it."""

from __future__ import annotations

from opportune.rules import domain
from opportune.rules.quote import quote
from opportune.rules.tree import Call, Comprehension, Const, Ident, ListOf, MapOf, Node, Other, Select

__all__ = ["key_of", "text_of"]

_BINARY = {
    "_||_": ("||", 1),
    "_&&_": ("&&", 2),
    **{f"_{sign}_": (sign, 3) for sign in ("==", "!=", "<", "<=", ">", ">=")},
    "@in": ("in", 3),
    "_+_": ("+", 4),
    "_-_": ("-", 4),
    "_*_": ("*", 5),
    "_/_": ("/", 5),
    "_%_": ("%", 5),
}
_UNARY = {"!_": "!", "-_": "-"}
_METHODS = ("contains", "startsWith", "endsWith", "matches")


def text_of(node: Node) -> str:
    """Give the text for people: integers that became numbers are written as integers."""
    return _Writer(False).write(node)


def key_of(node: Node) -> str:
    """Give a text that is the same for two trees only if they mean the same."""
    return _Writer(True).write(node)


class _Writer:
    def __init__(self, exact: bool) -> None:
        self._exact = exact

    def write(self, node: Node, tightness: int = 0) -> str:
        match node:
            case Const(value=value):
                return self._literal(value)
            case Ident(name=name):
                return name
            case Select(operand=operand, field=field, test=test):
                text = f"{self.write(operand, 7)}.{field}"
                return f"has({text})" if test else text
            case ListOf(items=items):
                return f"[{', '.join(self.write(item) for item in items)}]"
            case MapOf(entries=entries):
                return "{" + ", ".join(f"{self.write(key)}: {self.write(value)}" for key, value in entries) + "}"
            case Call():
                return self._call(node, tightness)
            case Comprehension():
                return self._loop(node)
            case Other(what="unsigned integer" | "bytes", text=text):
                return text
            case _:
                what = f"{node.what} {node.text}" if self._exact and node.text else node.what
                return f"<{what}>({', '.join(self.write(arg) for arg in node.args)})"

    def _literal(self, value: bool | int | float | str | None) -> str:
        if value is None:
            return "null"
        if not self._exact and isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        return quote(value)

    def _call(self, node: Call, tightness: int) -> str:
        function, args = node.function, node.args
        if function in _BINARY and len(args) == 2:
            sign, level = _BINARY[function]
            text = f"{self.write(args[0], level)} {sign} {self.write(args[1], level + 1)}"
            return f"({text})" if level < tightness else text
        if function == "double" and not self._exact and args[0].type == "int":
            return self.write(args[0], tightness)
        if function in _UNARY:
            return f"{_UNARY[function]}{self.write(args[0], 6)}"
        if function == "_?_:_":
            text = f"{self.write(args[0], 1)} ? {self.write(args[1], 1)} : {self.write(args[2])}"
            return f"({text})" if tightness else text
        if function == "_[_]":
            return f"{self.write(args[0], 7)}[{self.write(args[1])}]"
        if function in _METHODS or function.startswith("get"):
            return f"{self.write(args[0], 7)}.{function}({', '.join(self.write(arg) for arg in args[1:])})"
        shown = args[: len(args) - len(domain.HIDDEN.get(function, ()))]
        return f"{function}({', '.join(self.write(arg) for arg in shown)})"

    def _loop(self, node: Comprehension) -> str:
        if not self._exact and (macro := _macro(node)):
            name, parts = macro
            inner = ", ".join([node.variable, *(self.write(part) for part in parts)])
            return f"{self.write(node.range, 7)}.{name}({inner})"
        parts = (node.range, node.init, node.condition, node.step, node.result)
        return f"fold({node.variable}, {node.accumulator}, {', '.join(self.write(part) for part in parts)})"


def _macro(node: Comprehension) -> tuple[str, tuple[Node, ...]] | None:
    """Recognise the macro that a fold was expanded from."""
    match node.init, node.step:
        case Const(value=False), Call(function="_||_", args=(_, part)):
            return "exists", (part,)
        case Const(value=True), Call(function="_&&_", args=(_, part)):
            return "all", (part,)
        case Const(), Call(function="_?_:_", args=(part, _, _)):
            return "exists_one", (part,)
        case ListOf(), Call(function="_+_", args=(_, ListOf(items=(part,)))):
            return "map", (part,)
        case ListOf(), Call(function="_?_:_", args=(part, Call(args=(_, ListOf(items=(item,)))), _)):
            is_filter = isinstance(item, Ident) and item.name == node.variable
            return ("filter", (part,)) if is_filter else ("map", (part, item))
        case _:
            return None
