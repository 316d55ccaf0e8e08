"""Run a case of CEL's conformance suite: checked by CEL's engine, evaluated by our closures."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_math, ext_strings

from opportune.rules.closures import NotCoveredError, compile_closure
from opportune.rules.tree import Ident, Node, Other, decode, walk
from opportune.rules.values import NANOS, Duration, Failed, MapValue, NoValue, Timestamp, Unknown
from tests.rules import textproto
from tests.rules.textproto import Message

FOLDER = Path(__file__).parents[1] / "conformance" / "cel"
PASSED = "passed"


class Excluded(Exception):
    """The case lies outside of the rule language; the text is the reason."""


@dataclass(frozen=True)
class Case:
    file: str
    name: str
    body: Message

    def text(self, field: str) -> str:
        value = self.body.get(field, [b""])[0]
        return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def cases() -> Iterator[Case]:
    for path in sorted(FOLDER.glob("*.textproto")):
        for section in textproto.read(path.read_text(encoding="utf-8")).get("section", []):
            for test in section.get("test", []):
                name = f"{section['name'][0].decode()}/{test['name'][0].decode()}"
                yield Case(path.stem, name, test)


def run(case: Case) -> str:
    """Give "passed", or what went wrong.

    Raises:
        Excluded: see there.
    """
    local = {name: Unknown(frozenset((name,))) for name in _declared(case)}
    for binding in case.body.get("bindings", []):
        local[binding["key"][0].decode()] = _value(binding["value"][0]["value"][0])
    expected = _expected(case)
    tree = _tree(case)
    closure = _closure(tree, frozenset(local))
    found = closure({}, local)
    if isinstance(expected, NoValue):
        return PASSED if isinstance(found, NoValue) else f"expected an error, found {found!r}"
    return PASSED if _same(found, expected) else f"expected {expected!r}, found {found!r}"


def _declared(case: Case) -> list[str]:
    return [variable["name"][0].decode() for variable in case.body.get("type_env", []) if "ident" in variable]


def _expected(case: Case) -> Any:
    if "eval_error" in case.body or "any_eval_errors" in case.body:
        return Failed("")
    if "unknown" in case.body or "any_unknowns" in case.body:
        return Unknown(frozenset())
    if "typed_result" in case.body:
        result = case.body["typed_result"][0]
        if "result" not in result:
            raise Excluded("asks for a type only")
        return _value(result["result"][0])
    return _value(case.body["value"][0]) if "value" in case.body else True


def _tree(case: Case) -> Node:
    unchecked = case.body.get("disable_check") == ["true"]
    if unchecked and "container" in case.body:
        raise Excluded("undeclared names")
    source = case.text("expr")
    try:
        environment = cel.NewEnv(
            variables={v["name"][0].decode(): _type(v["ident"][0]["type"][0]) for v in _variables(case)},
            container=case.text("container") or None,
            extensions=[ext_math.ExtMath(), ext_strings.ExtStrings(), ext_bindings.ExtBindings()],
        )
        try:
            return decode(environment.compile(source, disable_check=unchecked).serialize())
        except RuntimeError as error:
            if _value_or_error(case) == "error":  # an error that the engine finds early is one that we must find late
                return decode(environment.compile(source, disable_check=True).serialize())
            raise Excluded(_refusal(str(error))) from error
    except RuntimeError as error:
        raise Excluded(_refusal(str(error))) from error


def _variables(case: Case) -> list[Message]:
    found = [variable for variable in case.body.get("type_env", []) if "ident" in variable]
    if len(found) < len(case.body.get("type_env", [])):
        raise Excluded("functions that the case declares itself")
    return found


def _value_or_error(case: Case) -> str:
    return "error" if isinstance(_expected(case), NoValue) else "value"


def _refusal(text: str) -> str:
    return "protocol buffer messages" if "TestAllTypes" in text else f"refused by CEL's engine: {text}"


def _closure(tree: Node, bound: frozenset[str]) -> Any:
    for part in walk(tree):
        if isinstance(part, Other):
            raise Excluded(_reason(part.what))
        if isinstance(part, Ident) and part.name.startswith((".", "google.", "cel.")):
            raise Excluded(_reason(f"message {part.name}"))
    try:
        return compile_closure(tree, {}, bound)
    except NotCoveredError as error:
        raise Excluded(_reason(str(error))) from error


_REASONS = {
    "unsigned integer": "unsigned integers",
    "function uint": "unsigned integers",
    "bytes": "bytes",
    "function bytes": "bytes",
    "function type": "type values",
}
_MATH_AND_QUOTES = ("math.", "strings.", "format")
_OF_TEXTS = ("indexOf", "lastIndexOf", "substring", "replace", "split", "charAt", "trim", "join", "reverse")
_EXTENSIONS = (*_MATH_AND_QUOTES, *_OF_TEXTS, "lowerAscii", "upperAscii")


def _reason(what: str) -> str:
    if what in _REASONS:
        return _REASONS[what]
    if what.startswith("type "):
        return "type values"
    if what.startswith("message "):
        return "protocol buffer messages"
    if what.removeprefix("function ").startswith(_EXTENSIONS):
        return "extension libraries"
    if what.startswith(("function ", "variable ")):
        return "undeclared names"
    return what


def _value(message: Message) -> Any:
    """Turn a cel.expr.Value into a run-time value."""
    ((kind, (content, *_)),) = message.items()
    match kind:
        case "bool_value":
            return content == "true"
        case "int64_value":
            return int(content, 0)
        case "double_value":
            return float(content)
        case "string_value":
            return content.decode("utf-8", "surrogateescape") if isinstance(content, bytes) else content
        case "null_value":
            return None
        case "list_value":
            return [_value(item) for item in content.get("values", [])]
        case "map_value":
            return MapValue((_value(e["key"][0]), _value(e["value"][0])) for e in content.get("entries", []))
        case "uint64_value":
            raise Excluded("unsigned integers")
        case "bytes_value":
            raise Excluded("bytes")
        case "type_value":
            raise Excluded("type values")
        case "object_value":
            return _object(content)
        case _:
            raise Excluded("enumerations" if kind == "enum_value" else kind)


def _object(content: Message) -> Any:
    ((kind, (body, *_)),) = content.items()
    nanos = int(body.get("seconds", ["0"])[0]) * NANOS + int(body.get("nanos", ["0"])[0])
    if kind.endswith("google.protobuf.Timestamp]"):
        return Timestamp(nanos)
    if kind.endswith("google.protobuf.Duration]"):
        return Duration(nanos)
    raise Excluded("protocol buffer messages")


def _type(message: Message) -> Any:
    ((kind, (content, *_)),) = message.items()
    match kind, content:
        case "primitive", word:
            if word in ("UINT64", "BYTES"):
                raise Excluded("unsigned integers" if word == "UINT64" else "bytes")
            return {"BOOL": cel.Type.BOOL, "INT64": cel.Type.INT, "DOUBLE": cel.Type.DOUBLE, "STRING": cel.Type.STRING}[
                word
            ]
        case "list_type", dict():
            return cel.Type.List(_type(content["elem_type"][0]))
        case "map_type", dict():
            return cel.Type.Map(_type(content["key_type"][0]), _type(content["value_type"][0]))
        case "null", _:
            return cel.Type.NULL
        case "dyn", _:
            return cel.Type.DYN
        case "well_known", "TIMESTAMP":
            return cel.Type.TIMESTAMP
        case "well_known", "DURATION":
            return cel.Type.DURATION
        case "message_type", b"google.protobuf.Timestamp":
            return cel.Type.TIMESTAMP
        case "message_type", b"google.protobuf.Duration":
            return cel.Type.DURATION
        case "message_type", _:
            raise Excluded("protocol buffer messages")
        case _:
            raise Excluded(f"type {kind}")


def _same(found: Any, expected: Any) -> bool:
    """Compare with the type, and doubles by their bits, so that -0.0 and not-a-number count."""
    if type(found) is not type(expected):
        return False
    if isinstance(expected, float):
        return struct.pack("<d", found) == struct.pack("<d", expected) or (found != found and expected != expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(_same, found, expected))
    if isinstance(expected, MapValue):
        return len(found) == len(expected) and all(k in found and _same(found[k], expected[k]) for k in expected)
    return bool(found == expected)
