"""Project files as trees of nodes that know their place in the text.

Only what the files need of YAML 1.2 is read: maps with text keys, lists, scalars of the core schema, anchors.
Events are taken one by one, so that depth and number of nodes are bounded before anything grows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

__all__ = ["Node", "SourceError", "describe", "find", "parse", "place_in_text", "plain", "quote"]

DEPTH_MAX = 20
"""Deepest nesting of maps and lists; the deepest section needs eight."""
NODES_MAX = 200_000
"""Most nodes of one file, counting an anchor's content each time it is used."""
INTEGER_DIGITS_MAX = 18
TEXTS_KEPT = 4_096
"""Texts whose trees stay in memory: those of the strategies in use are there anyway."""

Scalar = bool | int | float | str | None


class SourceError(Exception):
    """The text is not a file that we read; the place is 1-based."""

    def __init__(self, line: int, column: int, message: str, remedy: str = "", code: str = "yaml") -> None:
        self.line, self.column, self.message, self.remedy, self.code = line, column, message, remedy, code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands; lines and columns are 1-based.

    Args:
        value: map, list or scalar.
        line, column: of the value.
        key_line, key_column: of its key; for items of a list and for the root the value's own.
        start, end: offsets of the value in the file's text.
        style: quote or block sign of a text, "" for a plain one; what is written of a plain scalar that is no text.
        size: nodes in it, itself included.
    """

    value: dict[str, Node] | list[Node] | Scalar
    line: int
    column: int
    key_line: int
    key_column: int
    start: int = 0
    end: int = 0
    style: str = ""
    size: int = 1


@dataclass(slots=True)
class _Open:
    """A map or list that is still being read."""

    event: Any
    node: dict[str, Node] | list[Node]
    key: Node | None = None
    size: int = 1


@lru_cache(maxsize=TEXTS_KEPT)
def parse(text: str) -> Node:
    """Read one YAML document; an empty one gives a node with None.

    The same text gives the same tree: from one revision to the next few texts change, and reading is most of the work.

    Raises:
        SourceError: with the first fault; after it a YAML text cannot be trusted.
    """
    try:
        return _parse(text)
    except SourceError as fault:
        raise _unquoted(text, fault) or fault from None


_NEGATION = re.compile(r"(\s*(?:- )?(?:\w+:[ ]+|- ?)?)(!(?!!)\S.*?)(?:\s+#.*|\s*)")
"""A line whose value begins with one '!', as negated rules do."""


def _unquoted(text: str, fault: SourceError) -> SourceError | None:
    """Say that a rule needs quotes, where the faulty line holds one that YAML takes for a tag."""
    lines = text.split("\n")
    match = _NEGATION.fullmatch(lines[fault.line - 1]) if 0 < fault.line <= len(lines) else None
    if match is None:
        return None
    column = len(match[1]) + 1
    return SourceError(fault.line, column, "a text that begins with '!' needs quotes", f'write "{match[2]}"')


def _parse(text: str) -> Node:
    try:
        return _compose(text)
    except ReaderError as error:
        line, column = _line_column(text, int(error.position))
        raise SourceError(line, column, "a character that YAML does not allow", "remove it") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise SourceError(line, column, f"not valid YAML: {_first_line(error)}", _YAML_REMEDY) from None
    except _FAULTS:
        raise SourceError(1, 1, "not valid YAML", _YAML_REMEDY) from None


_YAML_REMEDY = "check indentation, quotes and brackets at this place and just before"


def _first_line(error: MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return ", ".join(str(part).split("\n", 1)[0] for part in parts) or "unreadable"


_FAULTS = (YAMLError, ValueError, OverflowError, IndexError, AttributeError, TypeError, RecursionError)
"""What ruamel raises: some faults of hostile texts, such as the escape "\\UFFFFFFFF", come as plain exceptions."""


def _compose(text: str) -> Node:
    """Compose from the events of the parser in C, which is fifteen times faster.

    What that one refuses, the one in Python judges: it knows YAML 1.2, and its messages are better.
    """
    try:
        return _composed(YAML(typ="safe", pure=False).parse(text))
    except _FAULTS:
        return _composed(YAML(typ="safe", pure=True).parse(text))


def _composed(events: Iterable[Any]) -> Node:
    """Take events as they come: a text that nests too deep is refused before the parser reads on."""
    stack: list[_Open] = []
    anchors: dict[str, Node] = {}
    root: Node | None = None
    for event in events:
        anchor: str | None = None
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            stack.append(_open(event, len(stack)))
            continue
        if isinstance(event, ScalarEvent):
            node, anchor = _scalar(event), event.anchor
        elif isinstance(event, AliasEvent):
            node = _alias(event, anchors)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            node, anchor = _close(stack[-1], event), stack.pop().event.anchor
        elif isinstance(event, DocumentStartEvent) and root is not None:
            raise _fault(event, "a second document in the file", "keep one document per file; remove '---'")
        else:
            continue
        if anchor:
            anchors[anchor] = node
        if stack:
            _add(stack[-1], node, event)
        else:
            root = node
    return root if root is not None else Node(None, 1, 1, 1, 1)


def _fault(event: Any, message: str, remedy: str = "", code: str = "yaml") -> SourceError:
    mark = event.start_mark
    return SourceError(mark.line + 1, mark.column + 1, message, remedy, code)


def _refuse_tag(event: Any) -> None:
    if event.tag is not None and event.tag != "!":
        raise _fault(event, "a YAML tag, which this file may not use", "remove the word that begins with '!'")


def _open(event: Any, depth: int) -> _Open:
    _refuse_tag(event)
    if depth >= DEPTH_MAX:
        raise _fault(event, f"nested deeper than {DEPTH_MAX} levels", "flatten it", "too-deep")
    return _Open(event, {} if isinstance(event, MappingStartEvent) else [])


def _close(opened: _Open, event: Any) -> Node:
    start = opened.event.start_mark
    line, column = start.line + 1, start.column + 1
    return Node(opened.node, line, column, line, column, start.index, event.end_mark.index, size=opened.size)


def _alias(event: Any, anchors: Mapping[str, Node]) -> Node:
    target = anchors.get(event.anchor)
    if target is None:
        raise _fault(event, f"'*{event.anchor}' refers to nothing complete", f"put '&{event.anchor}' before a value")
    line, column = event.start_mark.line + 1, event.start_mark.column + 1
    return replace(target, key_line=line, key_column=column)


def _add(parent: _Open, node: Node, event: Any) -> None:
    """Put a node into the map or list that is open."""
    parent.size += node.size
    if parent.size > NODES_MAX:
        raise _fault(event, f"more than {NODES_MAX} values in one file", "split it", "too-large")
    if isinstance(parent.node, list):
        parent.node.append(node)
    elif parent.key is None:
        if isinstance(node.value, dict | list):
            raise SourceError(node.line, node.column, "a map or list as a key", "use a text as the key")
        parent.key = node
    else:
        parent.node[_key(parent)] = replace(node, key_line=parent.key.key_line, key_column=parent.key.key_column)
        parent.key = None


def _key(parent: _Open) -> str:
    """Give the text of the open key; a number or a boolean is taken as it is written."""
    assert parent.key is not None
    key = parent.key
    text = key.value if isinstance(key.value, str) else key.style
    if text in parent.node:
        message = f"key '{text}' is written twice in one map"
        raise SourceError(key.key_line, key.key_column, message, "remove one of both", "duplicate-key")
    return text


_WORDS: Mapping[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def _scalar(event: Any) -> Node:
    """Make the node of a scalar; `style` of a plain one that is no text keeps what is written."""
    _refuse_tag(event)
    start, end, text = event.start_mark, event.end_mark, event.value
    style = event.style or ""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise _fault(event, "half of a surrogate pair, which is no character", "write the whole character")
    plain_text = not style and event.tag is None
    value = _resolve(event, text) if plain_text else text
    line, column = start.line + 1, start.column + 1
    written = text if plain_text and not isinstance(value, str) else style
    return Node(value, line, column, line, column, start.index, end.index, written)


def _resolve(event: Any, text: str) -> Scalar:
    """Give the value of a plain scalar after the core schema of YAML 1.2: `no` and `on` stay texts."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) or _BASED.fullmatch(text):
        if len(text) > INTEGER_DIGITS_MAX + 1:
            raise _fault(event, f"a whole number of more than {INTEGER_DIGITS_MAX} digits", "put texts in quotes")
        return int(text, 0) if _BASED.fullmatch(text) else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _line_column(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def plain(node: Node) -> Any:
    """Give the data of a node without its places."""
    if isinstance(node.value, dict):
        return {key: plain(item) for key, item in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return node.value


def find(node: Node, path: Sequence[str | int]) -> tuple[Node, list[str | int]]:
    """Follow a path as far as it goes.

    Steps that the text does not have are passed over: a rule may be written as a text, a map or a list of both.

    Returns:
        the deepest node and the steps that led to it.
    """
    steps: list[str | int] = []
    for step in path:
        if isinstance(node.value, dict) and step in node.value:
            node = node.value[str(step)]
        elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        else:
            continue
        steps.append(step)
    return node, steps


def describe(node: Node) -> str:
    """Say in words what a node holds."""
    value = node.value
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int | float):
        return f"number {node.style or value}"
    return f"text {quote(value)}"


def quote(text: str, length_max: int = 60) -> str:
    """Put a text in quotes, shortened and on one line."""
    line = " ".join(text.split())
    return f"'{line[:length_max]}...'" if len(line) > length_max else f"'{line}'"


def place_in_text(text: str, node: Node, line: int, column: int) -> tuple[int, int]:
    """Give the place in the file of a place inside a text's value.

    Args:
        text: the file.
        node: of the text.
        line, column: 1-based, inside the value.
    """
    value = node.value
    if not isinstance(value, str) or line < 1:
        return node.line, node.column
    lines = value.split("\n")
    offset = sum(len(part) + 1 for part in lines[: line - 1]) + max(column - 1, 0)
    return _line_column(text, _offset_in_text(text, node, min(offset, len(value.rstrip()))))


_ESCAPE_LENGTHS = {"x": 4, "u": 6, "U": 10}


def _offset_in_text(text: str, node: Node, offset: int) -> int:
    """Walk the value and the written text side by side; runs of white space in both stand for each other."""
    value = str(node.value)
    at = node.start
    if node.style in ("|", ">"):
        at = text.index("\n", at) + 1
    elif node.style:
        at += 1
    at = _skip_space(text, at, node) if value[:1].strip() else at
    position = 0
    while position < offset and at < node.end:
        if value[position].isspace():
            position += 1
            if position == offset or not value[position].isspace():
                at = _skip_space(text, at, node)
        else:
            at += _written_length(text, at, node.style)
            position += 1
    return at


def _skip_space(text: str, at: int, node: Node) -> int:
    while at < node.end:
        if node.style == '"' and text[at] == "\\" and text[at + 1 : at + 2] in ("n", "t", "r", " ", "\n"):
            at += 2
        elif text[at].isspace():
            at += 1
        else:
            break
    return at


def _written_length(text: str, at: int, style: str) -> int:
    """Give how many characters of the file stand for one character of the value."""
    if style == "'" and text.startswith("''", at):
        return 2
    if style == '"' and text[at] == "\\":
        return _ESCAPE_LENGTHS.get(text[at + 1 : at + 2], 2)
    return 1
