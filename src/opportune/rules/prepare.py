"""Write a rule out in plain CEL: domain functions get what they depend on, integers become numbers where needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opportune.records import ValueType
from opportune.rules import domain
from opportune.rules.tokens import Edits, Token, tokenize
from opportune.rules.tree import Call, Comprehension, Const, Ident, ListOf, Node, Select, children

__all__ = ["dotted", "promote", "spell_out"]

_CEL_TYPES = {
    ValueType.BOOLEAN: "bool",
    ValueType.INTEGER: "int",
    ValueType.NUMBER: "double",
    ValueType.TEXT: "string",
    ValueType.TIMESTAMP: "timestamp",
    ValueType.TEXTS: "list(string)",
}
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_ARITHMETIC = frozenset(("_+_", "_-_", "_*_", "_/_"))
_COMPARISONS = frozenset(("_<_", "_<=_", "_>_", "_>=_", "_==_", "_!=_"))


def spell_out(source: str) -> tuple[Edits, list[tuple[str, Token]]]:
    """Give hidden arguments to domain functions and quotes to known()'s variable.

    Returns:
        The edits, and every known(...) as its path ("" where it is no path) and the word to blame.
    """
    edits, asked = Edits(source), []
    tokens = tokenize(source)
    for i, token in enumerate(tokens):
        is_ours = token.kind == "name" and (token.text in domain.HIDDEN or token.text == domain.KNOWN)
        if not is_ours or _is_method(tokens[:i]) or i + 1 == len(tokens) or tokens[i + 1].text != "(":
            continue
        close = _closing(tokens, i + 1)
        if close is None:
            continue
        inner = tokens[i + 2 : close]
        if token.text == domain.KNOWN:
            path = _path(inner)
            asked.append((path, inner[0] if inner else token))
            if path:
                edits.replace(inner[0].at, inner[-1].end, f'"{path}"')
            continue
        hidden = ", ".join(domain.HIDDEN[token.text])
        edits.replace(tokens[close].at, tokens[close].at, f", {hidden}" if inner else hidden)
    return edits, asked


def _is_method(before: Sequence[Token]) -> bool:
    """Say whether what follows is called on a value; a point without one, as in .known(customer.age), is CEL too."""
    if len(before) < 2 or before[-1].text != ".":
        return False
    return before[-2].kind != "sign" or before[-2].text in _CLOSING


def _closing(tokens: Sequence[Token], start: int) -> int | None:
    depth = 0
    for i in range(start, len(tokens)):
        if tokens[i].text in _OPENING:
            depth += 1
        elif tokens[i].text in _CLOSING:
            depth -= 1
            if depth == 0:
                return i
    return None


def _path(tokens: Sequence[Token]) -> str:
    dots = all(token.text == "." for token in tokens[1::2])
    names = all(token.kind == "name" for token in tokens[::2])
    return "".join(token.text for token in tokens) if len(tokens) % 2 and dots and names else ""


def promote(source: str, tree: Node, variables: Mapping[str, ValueType]) -> Edits:
    """Write whole numbers as numbers where they meet numbers: age >= 18 → age >= 18.0, with age a number.

    CEL keeps int and double apart. Only literals and variables change, so the meaning of an integer division stays.

    Args:
        source: the text that `tree` was parsed from.
        tree: unchecked.
    """
    promotion = _Promotion(source, variables)
    promotion.type_of(tree)
    return promotion.edits


class _Promotion:
    def __init__(self, source: str, variables: Mapping[str, ValueType]) -> None:
        self.edits = Edits(source)
        self._variables = variables
        self._tokens = {token.at: i for i, token in enumerate(tokenize(source))}
        self._words = tokenize(source)

    def type_of(self, node: Node) -> str:
        """Infer the CEL type, "" where unknown, and promote below the node."""
        match node:
            case Const():
                return _literal_type(node)
            case Ident() | Select():
                path = dotted(node)
                if path in self._variables:
                    return _CEL_TYPES[self._variables[path]]
                for part in children(node):
                    self.type_of(part)
                return ""
            case ListOf(items=items):
                return self._list(items)
            case Comprehension():
                for part in children(node):
                    self.type_of(part)
                return ""
            case Call(function=function, args=args):
                return self._call(function, args)
            case _:
                for part in children(node):
                    self.type_of(part)
                return ""

    def _list(self, items: Sequence[Node]) -> str:
        kinds = {self.type_of(item) for item in items}
        return f"list({kinds.pop()})" if len(kinds) == 1 else ""

    def _call(self, function: str, args: Sequence[Node]) -> str:
        kinds = [self.type_of(arg) for arg in args]
        if function in domain.SIGNATURES:
            return self._domain_call(function, args, kinds)
        if function == "-_":
            return kinds[0]
        if function == "_?_:_":
            return self._meet(args[1:], kinds[1:])
        if function == "@in" and kinds in (["double", "list(int)"], ["int", "list(double)"]):
            self._to_double(args[kinds.index("int") if "int" in kinds else 1])
        if function in _ARITHMETIC:
            return self._meet(args, kinds)
        if function in _COMPARISONS:
            self._meet(args, kinds)
        return {"double": "double", "int": "int", "size": "int"}.get(function, "")

    def _domain_call(self, function: str, args: Sequence[Node], kinds: Sequence[str]) -> str:
        expected = {known.name: known for known in domain.FUNCTIONS}[function]
        for arg, kind, parameter in zip(args, kinds, expected.parameters, strict=False):
            if parameter is ValueType.NUMBER and kind == "int":
                self._to_double(arg)
        return _CEL_TYPES[expected.result]

    def _meet(self, args: Sequence[Node], kinds: Sequence[str]) -> str:
        if sorted(kinds) == ["double", "int"]:
            self._to_double(args[kinds.index("int")])
            return "double"
        return kinds[0] if len(set(kinds)) == 1 else ""

    def _to_double(self, node: Node) -> None:
        match node:
            case Const():
                self._literal_to_double(node)
            case ListOf(items=items) | Call(function="-_" | "_+_" | "_-_" | "_*_", args=items):
                for item in items:
                    self._to_double(item)
            case Call(function="_?_:_", args=(_, yes, no)):
                self._to_double(yes)
                self._to_double(no)
            case Ident() | Select():
                self._variable_to_double(node)
            case _:
                pass  # CEL's type check says what does not fit

    def _literal_to_double(self, node: Const) -> None:
        i = self._tokens.get(node.at)
        if i is not None and self._words[i].text == "-":
            i += 1
        if i is None or i >= len(self._words) or self._words[i].kind != "number":
            return
        word = self._words[i]
        self.edits.replace(word.at, word.end, f"{int(word.text, 0) if word.text[:2] in ('0x', '0X') else word.text}.0")

    def _variable_to_double(self, node: Node) -> None:
        path = dotted(node)
        first = node
        while isinstance(first, Select):
            first = first.operand
        i = self._tokens.get(first.at)
        last = None if i is None else i + 2 * path.count(".")
        if i is not None and last is not None and last < len(self._words) and path in self._variables:
            self.edits.replace(self._words[i].at, self._words[i].at, "double(")
            self.edits.replace(self._words[last].end, self._words[last].end, ")")


def _literal_type(node: Const) -> str:
    return {bool: "bool", int: "int", float: "double", str: "string"}.get(type(node.value), "")


def dotted(node: Node) -> str:
    """Give the dotted name that an unchecked node spells, without a point before it; "" where it is none."""
    match node:
        case Ident(name=name):
            return name.removeprefix(".")
        case Select(operand=operand, field=field, test=False):
            prefix = dotted(operand)
            return f"{prefix}.{field}" if prefix else ""
        case _:
            return ""
