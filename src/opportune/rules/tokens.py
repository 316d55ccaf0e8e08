"""Words of a rule's text, and edits of it that remember where each character came from."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Edits", "Token", "tokenize"]

_PATTERN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
  | (?P<string>[bBrR]{0,2}(?:'{3}[\s\S]*?'{3}|\"{3}[\s\S]*?\"{3}))
  | (?P<raw>[bB]?[rR][bB]?(?:'[^'\n]*'|"[^"\n]*"))
  | (?P<text>[bB]?(?:'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))
  | (?P<number>0[xX][0-9a-fA-F]+[uU]?|(?:\d+\.\d+|\.\d+|\d+(?=[eE]))(?:[eE][+-]?\d+)?|\d+[uU]?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<sign>&&|\|\||[<>=!]=|.)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word: kind is "string", "number", "name" or "sign"; `at` is its first character."""

    kind: str
    text: str
    at: int

    @property
    def end(self) -> int:
        """The character after the last."""
        return self.at + len(self.text)


def tokenize(source: str) -> list[Token]:
    """Split a rule into words, without space and comments; what is no CEL becomes signs of one character."""
    tokens = []
    for match in _PATTERN.finditer(source):
        kind = match.lastgroup or "sign"
        if kind != "space":
            tokens.append(Token("string" if kind in ("raw", "text") else kind, match.group(), match.start()))
    return tokens


class Edits:
    """A text with replaced parts."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._edits: dict[tuple[int, int], str] = {}

    def replace(self, start: int, end: int, text: str) -> None:
        """Put `text` in the place of source[start:end]; start == end inserts."""
        self._edits[(start, end)] = self._edits.get((start, end), "") + text

    def apply(self) -> str:
        """Give the edited text."""
        parts, at = [], 0
        for (start, end), text in sorted(self._edits.items()):
            parts += [self.source[at:start], text]
            at = end
        return "".join([*parts, self.source[at:]])

    def origin(self, position: int) -> int:
        """Give the place in the source of a character of the edited text."""
        shift = 0
        for (start, end), text in sorted(self._edits.items()):
            edited = start + shift
            if position < edited:
                break
            if position < edited + len(text):
                return start
            shift += len(text) - (end - start)
        return min(position - shift, len(self.source))
