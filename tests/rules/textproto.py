"""A reader of the protocol buffer text format, as far as the conformance files use it."""

from __future__ import annotations

import re
from typing import TypeAlias

Message: TypeAlias = dict[str, list["Field"]]
Field: TypeAlias = "Message | str | bytes"
"""A nested message, a bare word or number as written, or the bytes of a string."""

_TOKEN = re.compile(
    r"""\s+ | \#[^\n]* | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*') | (?P<any>\[[\w./]+\]) | (?P<word>[-+\w.]+)
    | (?P<sign>[{}\[\]:<>,;])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_PLAIN = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def read(text: str) -> Message:
    """Give the message that a file holds; every field is a list of what was given for it."""
    tokens = [(m.lastgroup, m.group()) for m in _TOKEN.finditer(text) if m.lastgroup]
    message, at = _message(tokens, 0)
    assert at == len(tokens)
    return message


def _message(tokens: list[tuple[str | None, str]], at: int) -> tuple[Message, int]:
    message: Message = {}
    while at < len(tokens) and tokens[at][1] not in "}>":
        name = tokens[at][1]
        at += 1
        if tokens[at][1] == ":":
            at += 1
        values: list[Field] = []
        if tokens[at] == ("sign", "["):
            while tokens[at][1] != "]":
                value, at = _value(tokens, at + 1)
                values.append(value)
            at += 1
        else:
            value, at = _value(tokens, at)
            values.append(value)
        message.setdefault(name, []).extend(values)
        if at < len(tokens) and tokens[at][1] in ",;":
            at += 1
    return message, at


def _value(tokens: list[tuple[str | None, str]], at: int) -> tuple[Field, int]:
    kind, text = tokens[at]
    if text in ("{", "<"):
        message, at = _message(tokens, at + 1)
        return message, at + 1
    if kind != "string":
        return text, at + 1
    content = b""
    while at < len(tokens) and tokens[at][0] == "string":
        content += _unescape(tokens[at][1][1:-1])
        at += 1
    return content, at


def _unescape(text: str) -> bytes:
    parts, at = [], 0
    for found in _ESCAPE.finditer(text):
        parts.append(text[at : found.start()].encode())
        parts.append(_escaped(found.group(1)))
        at = found.end()
    return b"".join([*parts, text[at:].encode()])


def _escaped(code: str) -> bytes:
    if code[0] == "x" and len(code) > 1:
        return bytes([int(code[1:], 16)])
    if code[0] in "uU" and len(code) > 1:
        return chr(int(code[1:], 16)).encode()
    if code[0] in "01234567":
        return bytes([int(code, 8)])
    return _PLAIN.get(code, code).encode()
