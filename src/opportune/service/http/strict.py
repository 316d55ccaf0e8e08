"""Reading JSON strictly: no duplicate keys, no NaN, bounded depth, valid Unicode; errors repeat no value.

msgspec refuses most of that by itself but takes the last of duplicate keys, so keys are counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from opportune.errors import InputError

__all__ = ["DEPTH_MAX", "is_plain", "read_as", "read_json"]

DEPTH_MAX = 16
"""Objects and lists inside of each other; requests need five."""

_decode = msgspec.json.Decoder().decode
_SPACED_COLONS = (b" :", b"\t:", b"\n:", b"\r:")
_NESTING = frozenset((dict, list))
_PATH = re.compile(r" - at `(?:key in )?`?\$([^`]*)`$")

_MISSING = re.compile(r"missing required field `(\w+)`")
_TYPES = re.compile(r"^Expected `([\w |]+)`, got `(\w+)`")
_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "datetime": "a time with its offset",
}
"""Types of the decoder in words for people."""

T = TypeVar("T")


def read_json(body: bytes) -> Any:
    """Decode a body.

    Raises:
        InputError: it is not JSON, nested too deep, or names a key twice.
    """
    try:
        value = _decode(body)
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise InputError.of("body", _malformed(error), "send one JSON value in UTF-8", "malformed-json") from None
    keys = _count_keys(value, DEPTH_MAX)
    # A key ends in a quote and a colon. As many of those as keys, and none spelt with a space between: no key is there
    # twice.
    if not _has_keys(body, keys):
        _refuse_duplicates(body)
    return value


def is_plain(body: bytes, keys: int, values: Iterable[Any]) -> bool:
    """Whether a body that was decoded as a record may be taken as it is, without a closer look at it.

    Args:
        keys: those that the record proves to be in the body; each value that is not a default proves one.
        values: those of the record that may be anything.
    """
    return _has_keys(body, keys) and _NESTING.isdisjoint(map(type, values))


def _has_keys(body: bytes, keys: int) -> bool:
    """Whether so many keys are all there are; False also where that cannot be told."""
    if body.count(b'":') != keys:
        return False
    # Where there are no other colons, none has a space before it.
    return body.count(b":") == keys or not any(spaced in body for spaced in _SPACED_COLONS)


def read_as(value: Any, type_: type[T], where: str = "") -> T:
    """Turn decoded JSON into a record.

    Raises:
        InputError: it does not fit the record's type.
    """
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        raise _misfit(str(error), type_, where) from None
    except (ValueError, OverflowError, RecursionError):
        raise InputError.of(where or "body", "a value is outside of what can be represented") from None


def _count_keys(value: Any, depth: int) -> int:
    if depth < 0:
        raise _too_deep()
    count, items = 0, value
    if type(value) is dict:
        count, items = len(value), value.values()
    elif type(value) is not list:
        return 0
    # Most objects hold none: no Python code then runs per item.
    if not _NESTING.isdisjoint(map(type, items)):
        for item in items:
            if type(item) in _NESTING:
                count += _count_keys(item, depth - 1)
    return count


def _refuse_duplicates(body: bytes) -> None:
    """Decode again in a slower way that sees every key."""
    try:
        json.loads(body, object_pairs_hook=_pairs, parse_int=len, parse_float=len)
    except _DuplicateKeyError:
        raise InputError.of(
            "body", "a key is written twice in one object", "write every key once", "duplicate-key"
        ) from None
    except (ValueError, RecursionError):
        raise InputError.of("body", "expected JSON", "send one JSON value in UTF-8", "malformed-json") from None


class _DuplicateKeyError(Exception):
    pass


def _pairs(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise _DuplicateKeyError


def _too_deep() -> InputError:
    message = f"expected at most {DEPTH_MAX} objects and lists inside of each other"
    return InputError.of("body", message, "flatten it", "too-deep")


def _malformed(error: Exception) -> str:
    place = re.search(r"\(byte (\d+)\)", str(error))
    return "expected JSON" + (f", found something else at byte {place[1]}" if place else ", found something else")


def _misfit(text: str, type_: type, where: str) -> InputError:
    path = _PATH.search(text)
    message = text[: path.start()] if path else text
    place = (path[1] if path else "").lstrip(".")
    at = ".".join(part for part in (where, place) if part) or "body"
    if message.startswith("Object contains unknown field"):
        known = ", ".join(getattr(type_, "__struct_fields__", ()))
        return InputError.of(at, "there is an unknown field", f"known fields: {known}" if known and not place else "")
    missing = _MISSING.search(message)
    if missing:
        return InputError.of(at, f"the field '{missing[1]}' is missing", "every request names it; see /openapi.json")
    types = _TYPES.search(message)
    if types:
        wanted, found = (" or ".join(_WORDS.get(name, name) for name in part.split(" | ")) for part in types.groups())
        return InputError.of(at, f"expected {wanted}, found {found}", "see /openapi.json for the form of the request")
    if message.startswith("Invalid RFC3339"):
        return InputError.of(at, "expected a time with its offset", "write it like 2026-05-04T18:00:00Z")
    return InputError.of(at, "the value does not fit its type", "see /openapi.json for the form of the request")
