"""Turn what CEL's engine complains about into problems in the words of Opportune, with place and remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from opportune.errors import Problem
from opportune.rules import domain
from opportune.rules.engine import Complaint
from opportune.rules.rule import Schema
from opportune.rules.tokens import Edits, tokenize

__all__ = ["Place", "problem_of", "suggestion", "unknown_name"]

FUNCTIONS = {
    "all",
    "bool",
    "contains",
    "double",
    "duration",
    "endsWith",
    "exists",
    "exists_one",
    "filter",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "has",
    "int",
    "map",
    "matches",
    "size",
    "startsWith",
    "string",
    "timestamp",
    *domain.SIGNATURES,
}
"""What a rule may call, for suggestions."""

_TYPE_WORDS = [
    (r"google\.protobuf\.Timestamp", "timestamp"),
    (r"google\.protobuf\.Duration", "duration"),
    (r"list\(string\)", "texts"),
    (r"\bdouble\b", "number"),
    (r"\bint\b", "integer"),
    (r"\bstring\b", "text"),
    (r"\bbool\b", "boolean"),
]
_OPERATORS = {"_[_]": "[ ]", "_?_:_": "? :", "@in": "in", "-_": "-", "!_": "!"}
_SLIPS = {
    "and": "write && for and",
    "AND": "write && for and",
    "or": "write || for or",
    "OR": "write || for or",
    "not": "write ! for not",
    "NOT": "write ! for not",
    "=": "write == to compare",
    "<>": "write != for different",
    "“": 'write " around texts',
    "”": 'write " around texts',
    "‘": "write ' around texts",
    "’": "write ' around texts",
}


class Place:
    """A character of a rule's text."""

    def __init__(self, source: str, offset: int) -> None:
        before = source[:offset]
        self.line = before.count("\n") + 1
        self.column = offset - (before.rfind("\n") + 1) + 1

    def problem(self, message: str, remedy: str, code: str) -> Problem:
        """Make a problem at this place."""
        return Problem("", self.line, self.column, "", message, remedy, code)


def problem_of(complaint: Complaint, seen: str, edits: Sequence[Edits], source: str, schema: Schema) -> Problem:
    """Give the problem that a complaint means.

    Args:
        seen: the text that the engine saw, made from `source` by `edits`, one after the other.
    """
    offset = _offset(seen, complaint)
    name, start, is_called = _name_around(seen, offset)
    is_name = "undeclared reference" in complaint.text
    offset = start if is_name else offset
    for edit in reversed(edits):
        offset = edit.origin(offset)
    place = Place(source, offset)
    text = complaint.text
    if is_name:
        return unknown_function(place, name) if is_called else unknown_name(place, name, schema)
    if found := re.search(r"no matching overload for '([^']+)' applied to '(.*)'", text):
        return _wrong_types(place, found.group(1), found.group(2))
    if "Syntax error" in text:
        return _syntax(place, text, source, offset)
    if "recursion" in text:
        return place.problem("the rule nests too deep", "split it into segments", "too-expensive")
    if found := re.search(r"expression of type '([^']+)' cannot be the operand of a select", text):
        return place.problem(f"a value of type {_words(found.group(1))} has no fields", "", "wrong-type")
    code = "wrong-type" if "type" in text or "overload" in text else "syntax"
    return place.problem(_words(text), "", code)


def unknown_name(place: Place, name: str, schema: Schema) -> Problem:
    """Say that a variable or segment is not declared."""
    if name == domain.PRODUCTS:
        remedy = "declare the attribute 'customer.products' of type texts, which owns() asks"
        return place.problem("missing attribute 'customer.products'", remedy, "missing-products")
    if name.startswith("segment."):
        near = suggestion(name, [f"segment.{known}" for known in schema.segments])
        return place.problem(f"unknown segment '{name}'", near, "unknown-segment")
    near = suggestion(name, schema.types())
    if not near and name.split(".")[0] not in ("customer", "context", "segment") and "." not in name:
        near = "put texts in quotes; attributes are written customer.<name> or context.<name>"
    return place.problem(f"unknown attribute '{name}'", near, "unknown-attribute")


def unknown_function(place: Place, name: str) -> Problem:
    """Say that a function does not exist."""
    short = name.rsplit(".", 1)[-1]
    if short in domain.SIGNATURES:
        message = f"expected {domain.SIGNATURES[short]}, found other arguments"
        return place.problem(message, "", "wrong-type")
    if short in FUNCTIONS:
        return place.problem(f"{short}() does not take these arguments", "", "wrong-type")
    return place.problem(f"unknown function '{short}'", suggestion(short, FUNCTIONS), "unknown-function")


def suggestion(name: str, known: Iterable[str]) -> str:
    """Give "did you mean ...?" with the nearest known name, "" where none is near."""
    last = name.rsplit(".", 1)[-1]
    best, least = "", max(1, len(last) // 3) + 1
    for candidate in sorted(known):
        distance = 1 if candidate.endswith(f".{last}") else _distance(name, candidate)
        if distance < least:
            best, least = candidate, distance
    return f"did you mean '{best}'?" if best else ""


def _distance(a: str, b: str) -> int:
    """Count inserted, deleted, replaced and swapped letters (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        older, before, row = before, row, [i + 1]
        for j, y in enumerate(b):
            row.append(min(before[j + 1] + 1, row[j] + 1, before[j] + (x != y)))
            if i and j and x == b[j - 1] and a[i - 1] == y:
                row[j + 1] = min(row[j + 1], older[j - 1] + 1)
    return row[-1]


def _offset(text: str, complaint: Complaint) -> int:
    lines = text.split("\n")
    return sum(len(line) + 1 for line in lines[: max(0, complaint.line - 1)]) + max(0, complaint.column - 1)


def _name_around(text: str, offset: int) -> tuple[str, int, bool]:
    """Give the dotted name at a place, its start, and whether it is called; CEL points to its last dot or to '('."""
    tokens = tokenize(text)
    i = next((i for i, token in enumerate(tokens) if token.at <= offset < token.end), None)
    if i is None:
        return "", offset, False
    is_called = tokens[i].text == "("
    last = i - 1 if is_called else i
    if tokens[last].text == ".":
        last = min(last + 1, len(tokens) - 1)
    first = last
    while first >= 2 and tokens[first - 1].text == "." and tokens[first - 2].kind == "name":
        first -= 2
    name = "".join(token.text for token in tokens[first : last + 1])
    is_called = is_called or (last + 1 < len(tokens) and tokens[last + 1].text == "(")
    return name, tokens[last if is_called else first].at, is_called


def _words(text: str) -> str:
    for pattern, word in _TYPE_WORDS:
        text = re.sub(pattern, word, text)
    return text


def _wrong_types(place: Place, function: str, applied: str) -> Problem:
    kinds = _split(applied.removeprefix("(").removesuffix(")"))
    if function in domain.SIGNATURES:
        hidden = len(domain.HIDDEN.get(function, ()))
        found = ", ".join(_words(kind) for kind in kinds[: len(kinds) - hidden])
        message = f"expected {domain.SIGNATURES[function]}, found {function}({found})"
        return place.problem(message, "", "wrong-type")
    words = [_words(kind) for kind in kinds]
    shown = _OPERATORS.get(function, function.strip("_"))
    remedy = ""
    if sorted(kinds) == ["double", "int"]:
        remedy = "put double(...) around the integer"
    elif "null_type" in kinds:
        remedy = "write known(...) to ask whether there is a value"
    elif function in ("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_") and "texts" in words:
        remedy = "write 'x' in customer.products to ask for an entry"
    message = f"'{shown}' expected values that fit together, found {' and '.join(words)}"
    return place.problem(message, remedy, "wrong-type")


def _split(text: str) -> list[str]:
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def _syntax(place: Place, text: str, source: str, offset: int) -> Problem:
    if "<EOF>'" in text:
        return place.problem("expected more, found the end of the rule", "finish the rule or close brackets", "syntax")
    token = next((token for token in tokenize(source) if token.at <= offset < token.end), None)
    if token is None:
        return place.problem("expected a rule, found nothing", "", "syntax")
    remedy = _SLIPS.get(token.text, "")
    if token.text in ("'", '"') and not remedy:
        remedy = "close the quotes"
    return place.problem(f"expected an operator, a value or the end, found {token.text}", remedy, "syntax")
