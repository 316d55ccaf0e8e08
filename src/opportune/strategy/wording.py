"""Problems of one section in words: what pydantic found, at its place in the file, with a remedy."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from unicodedata import combining, normalize

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from opportune.errors import Problem
from opportune.strategy.source import Node, describe, find, quote

__all__ = ["Path", "keys_at", "name_like", "suggest", "where_of", "wording"]

Path = Sequence[str | int]

LATER: Mapping[str, str] = {
    "durability": "every answer waits for its record; remove the key",
    "renamed_from": "an action keeps what was learned only under its own name; remove the key",
    "limits": "limits have files of their own: contact_policies.yaml and stocks.yaml",
    "bundles": "write them in slates.yaml as only_together",
    "predictors": "set 'predictor: false' on the attributes that models may not see",
    "months": "months differ in length; write weeks or days",
    "<<": "write the keys out, or use an anchor for the whole value",
}
"""Keys that people may expect from other engines or from plans, and what to do instead."""


def suggest(name: str, known: Collection[str], noun: str = "known") -> str:
    """Say what may have been meant, or what there is."""
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    if not known:
        return f"{noun}: none"
    names = sorted(known)
    return f"{noun}: {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}"


def where_of(path: Path) -> str:
    """Name a place in words of the file: its keys without the positions in lists."""
    return ".".join(str(step) for step in path if isinstance(step, str))


def wording(error: ErrorDetails, root: Node, model: type[BaseModel], file: str, above: Path) -> Problem:
    """Make the problem of one error that pydantic reports.

    Args:
        root: node of the section.
        model: class of the section.
        above: keys that lead from the file to the section.
    """
    kind, loc = error["type"], tuple(error["loc"])
    node, steps = find(root, loc)
    where = where_of([*above, *steps])
    if kind == "missing" and isinstance(loc[-1], int):
        message = f"expected {loc[-1] + 1} items, found {describe(node)} with fewer"
        return Problem(file, node.line, node.column, where, message, "write [smallest, largest]", "too-short")
    if kind == "missing":
        key = str(loc[-1])
        return Problem(file, node.key_line, node.key_column, where, f"missing key '{key}'", f"add '{key}:'", "missing")
    if kind == "extra_forbidden":
        key = str(loc[-1])
        remedy = LATER.get(key) or suggest(key, keys_at(model, loc[:-1]), "known keys")
        where = where_of([*above, *steps[:-1]])
        return Problem(file, node.key_line, node.key_column, where, f"unknown key '{key}'", remedy, "unknown-key")
    if loc and loc[-1] == "[key]":
        line, column, message, remedy = node.key_line, node.key_column, *_name(str(loc[-2]))
        return Problem(file, line, column, where, message, remedy, "name")
    if kind == "string_pattern_mismatch":
        message, remedy = _name(str(node.value))
        return Problem(file, node.line, node.column, where, message, remedy, "name")
    message, remedy = _message(error, node)
    return Problem(file, node.line, node.column, where, message, remedy, kind.replace("_", "-"))


def _name(found: str) -> tuple[str, str]:
    message = f"expected a name of a-z, 0-9 and _ that begins with a letter, found {quote(found)}"
    proposal = name_like(found)
    return message, f"write '{proposal}'" if proposal else "rename it"


def name_like(text: str) -> str:
    """Make a name of a text, letters with accents without them; "" where none can be made of it."""
    parted = normalize("NFKD", text.lower().replace("ł", "l"))
    letters = "".join(sign for sign in parted if not combining(sign))
    name = re.sub(r"[^a-z0-9]+", "_", letters).strip("_")[:100]
    return name if re.match(r"[a-z]", name) else ""


def _message(error: ErrorDetails, node: Node) -> tuple[str, str]:
    kind, found = error["type"], describe(node)
    context = error.get("ctx", {})
    if kind in ("literal_error", "enum"):
        allowed = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        return f"expected {_either(allowed)}, found {found}", _choice_remedy(node, allowed)
    if kind == "model_type" and context.get("class_name") in ("RuleText", "Segment"):
        return f"expected a rule as text, found {found}", _text_remedy(node)
    if kind in _EXPECTED:
        expected, remedy = _EXPECTED[kind]
        own = _percent_remedy(error, node) or _length_remedy(error, node)
        return f"expected {expected}, found {found}", own or remedy(node)
    if kind in _BOUNDS:
        key, text = _BOUNDS[kind]
        return f"expected {text.format(context[key])}, found {found}", _bound_remedy(error)
    if kind in _OWN_REMEDIES:
        return f"{error['msg']}, found {found}", _OWN_REMEDIES[kind]
    return f"{error['msg'][:1].lower()}{error['msg'][1:]}, found {found}", "change it"


_OWN_REMEDIES = {
    "moment": "add the offset, such as Z for UTC",
    "day": "correct the date; a moment needs its offset, such as Z for UTC",
    "amount": "write the number, or the number and a currency",
    "clock": "write hours and minutes in quotes, from 00:00 to 23:59",
    "counted": "write the event type, and the attribute after a point",
    "setting": "write the value, or leave the setting out",
    "duplicate": "remove what is listed twice",
}
"""Remedies for the kinds of fault that the sections themselves raise."""


def _bound_remedy(error: ErrorDetails) -> str:
    if error["loc"][-1] == "share":
        return "write a part of 1, such as 0.02 for 2 percent"
    if error["type"].startswith("greater"):
        return "raise it"
    if error["type"].startswith("less"):
        return "lower it"
    return "add to it" if error["type"].endswith("short") else "shorten it"


def _either(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


_SYNONYMS = {
    "bool": "boolean",
    "date": "timestamp",
    "datetime": "timestamp",
    "decimal": "number",
    "double": "number",
    "float": "number",
    "int": "integer",
    "list": "texts",
    "str": "text",
    "string": "text",
}
"""What other systems call our types."""


def _choice_remedy(node: Node, allowed: Sequence[str]) -> str:
    word = str(node.value)
    if _SYNONYMS.get(word.lower()) in allowed:
        return f"write '{_SYNONYMS[word.lower()]}'"
    close = get_close_matches(word.lower(), allowed, n=1) if isinstance(node.value, str) else []
    return f"did you mean '{close[0]}'?" if close else "choose one of them"


def _text_remedy(node: Node) -> str:
    if isinstance(node.value, dict | list) or node.value is None:
        return "write a text"
    return f'put it in quotes: "{node.style or node.value}"'


def _flag_remedy(node: Node) -> str:
    word = str(node.value).lower()
    if word in ("yes", "on", "y", "1"):
        return "write true"
    return "write false" if word in ("no", "off", "n", "0") else "write true or false"


def _number_remedy(node: Node) -> str:
    with_unit = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?[^0-9.,%\s]{1,9}", str(node.value))
    if isinstance(node.value, str) and with_unit:
        return f"write the number alone: {with_unit[1]}"
    if node.style in ("'", '"') and re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", str(node.value)):
        return "remove the quotes"
    return "write a number"


def _whole_remedy(node: Node) -> str:
    return "write a whole number" if isinstance(node.value, float) else _number_remedy(node)


def _percent_remedy(error: ErrorDetails, node: Node) -> str:
    """Say how to write what was written in percent; "" for anything else."""
    written = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?%", node.value) if isinstance(node.value, str) else None
    if written is None or not error["type"].startswith("float"):
        return ""
    percent = float(written[1])
    if error["loc"][-1] == "percent":
        return f"leave out the sign: {percent:g}"
    return f"write a part of 1, such as {percent / 100:g} for {percent:g} percent"


_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}
_LENGTH = re.compile(r"([0-9]{1,6}) ?(?:(w|d|h)|(w)eeks?|(d)ays?|(h)ours?|(m)in(?:ute)?s?)")


def _length_remedy(error: ErrorDetails, node: Node) -> str:
    """Say how to write a length such as 7d; "" for anything else."""
    if error.get("ctx", {}).get("class_name") != "Duration":
        return ""
    written = _LENGTH.fullmatch(str(node.value).lower())
    if written is None:
        return "write weeks, days, hours or minutes, such as {days: 7}"
    unit = next(letter for letter in written.groups()[1:] if letter)
    return f"write {{{_UNITS[unit]}: {written[1]}}}"


def _list_remedy(node: Node) -> str:
    return f"write [{node.value}]" if isinstance(node.value, str) else "write a list, such as [a, b]"


def _map_remedy(node: Node) -> str:
    return "write 'key: value' lines, indented below the key"


_EXPECTED: Mapping[str, tuple[str, Callable[[Node], str]]] = {
    "string_type": ("text", _text_remedy),
    "bool_type": ("true or false", _flag_remedy),
    "float_type": ("a number", _number_remedy),
    "float_parsing": ("a number", _number_remedy),
    "finite_number": ("a finite number", _number_remedy),
    "int_type": ("a whole number", _whole_remedy),
    "int_from_float": ("a whole number", _whole_remedy),
    "tuple_type": ("a list", _list_remedy),
    "list_type": ("a list", _list_remedy),
    "dict_type": ("a map", _map_remedy),
    "model_type": ("a map", _map_remedy),
    "model_attributes_type": ("a map", _map_remedy),
}

_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than": ("gt", "a number above {0:g}"),
    "greater_than_equal": ("ge", "a number of at least {0:g}"),
    "less_than": ("lt", "a number below {0:g}"),
    "less_than_equal": ("le", "a number of at most {0:g}"),
    "too_short": ("min_length", "at least {0} in it"),
    "too_long": ("max_length", "at most {0} in it"),
    "string_too_short": ("min_length", "at least {0} characters"),
    "string_too_long": ("max_length", "at most {0} characters"),
}


def keys_at(model: type[BaseModel], path: Path) -> list[str]:
    """List the keys that a section takes at a place inside of it."""
    kinds: list[Any] = [model]
    for step in path:
        kinds = [part for kind in kinds for part in _below(kind, step)]
    return [
        field.alias or name
        for kind in kinds
        if isinstance(kind, type) and issubclass(kind, BaseModel)
        for name, field in kind.model_fields.items()
    ]


def _below(kind: Any, step: str | int) -> list[Any]:
    """Give the classes that may stand one step below; steps that only name a branch stay where they are."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
        return _open_up(fields[str(step)]) if step in fields else [kind]
    if get_origin(kind) in (dict, tuple, list):
        return _open_up(get_args(kind)[1 if get_origin(kind) is dict else 0])
    return [kind]


def _open_up(kind: Any) -> list[Any]:
    """Take the wrappers off a type: Annotated, and every member of a union."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _open_up(get_args(kind)[0])
    if origin in (Union, UnionType):
        return [part for member in get_args(kind) for part in _open_up(member)]
    return [kind]
