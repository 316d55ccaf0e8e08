"""What a text is made of for a model: its words, pairs of words and runs of letters, each as a number.

The formula stands in docs/concepts/texts.md. All is whole-number arithmetic, so a text has the same numbers on every
machine.

Notation: N letters of the plain text, G pieces found in it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["RUN_LENGTHS", "TEXT_LENGTH_MAX", "Pieces", "pieces_of", "plain_words"]

TEXT_LENGTH_MAX = 4_000
"""Characters that are read; a text's rest is passed over."""
RUN_LENGTHS = (3, 4, 5)
"""Lengths of the runs of letters; the spaces around a word belong to its runs."""

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.intp]

_TOKEN = re.compile(r"\w+|[^\w\s\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_MARKS = re.compile("[\u0300-\u036f\u200d\ufe0e\ufe0f]")
_DIGIT = re.compile(r"\d")
_UNDECOMPOSED = str.maketrans({"ł": "l", "đ": "d", "ø": "o"})
_PART = 32
_SPACE = 32

_BASE = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that powers never vanish modulo 2**64; the golden ratio's fraction."""
_POWERS: Hashes = np.cumprod(np.full(TEXT_LENGTH_MAX + 1, _BASE, np.uint64), dtype=np.uint64)
_MIXER = np.uint64(0xFF51AFD7ED558CCD)
"""First multiplier of the last step of MurmurHash3 (public domain), which spreads every bit over all."""
_SHIFT = np.uint64(33)


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces of one text.

    Args:
        text: the plain text, one space around every word.
        hashes: uint64 [G], of words and pairs of words first, then of runs of letters.
        starts, stops: [G], where in `text` each piece stands.
        words: how many of the pieces are words and pairs of words.
    """

    text: str
    hashes: Hashes
    starts: Places
    stops: Places
    words: int

    def name(self, index: int) -> str:
        """Give a piece as people read it; the spaces of a run of letters are drawn as "_"."""
        piece = self.text[self.starts[index] : self.stops[index]]
        return piece if index < self.words else piece.replace(" ", "_")


def plain_words(text: str) -> list[str]:
    """List the words and signs of a text: small letters without accents, each digit as 0.

    Whoever types in a hurry leaves accents out; numbers say nothing of a topic and may be private.
    """
    text = text[:TEXT_LENGTH_MAX]
    if not text.isascii():
        # In short parts: sorting a long row of accents takes the square of its length.
        parts = (text[begin : begin + _PART] for begin in range(0, len(text), _PART))
        text = "".join(unicodedata.normalize("NFKD", part) for part in parts)
        # Some signs fall into several letters, one of them into eighteen.
        text = _MARKS.sub("", text[:TEXT_LENGTH_MAX])
    text = text.casefold().translate(_UNDECOMPOSED)
    return _TOKEN.findall(_DIGIT.sub("0", text)[:TEXT_LENGTH_MAX])


def pieces_of(text: str) -> Pieces:
    """Take a text apart.

    Any text will do: empty, of any length, of any alphabet, with signs that are no characters.
    """
    words = plain_words(text)
    if not words:
        nowhere = np.empty(0, np.intp)
        return Pieces(" ", np.empty(0, np.uint64), nowhere, nowhere, 0)
    plain = f" {' '.join(words)} "
    codes = np.frombuffer(plain.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)
    spaces = np.flatnonzero(codes == _SPACE)
    found = [*_words(codes, spaces), *_runs(codes)]
    hashes, starts, stops = (np.concatenate(column) for column in zip(*found, strict=True))
    return Pieces(plain, hashes, starts, stops, 2 * len(words) - 1)


def _words(codes: Hashes, spaces: Places) -> list[tuple[Hashes, Places, Places]]:
    """Find words, and pairs of words that follow each other."""
    starts, stops = spaces[:-1] + 1, spaces[1:]
    offsets = np.arange(len(codes)) - np.repeat(spaces, np.diff(spaces, append=len(codes)))
    weighted = codes * _POWERS[np.minimum(offsets, TEXT_LENGTH_MAX)]
    weighted[spaces] = 0
    words = np.add.reduceat(weighted, starts)
    pairs = words[:-1] * _BASE + words[1:]
    return [(_mixed(words, 1), starts, stops), (_mixed(pairs, 2), starts[:-1], stops[1:])]


def _runs(codes: Hashes) -> list[tuple[Hashes, Places, Places]]:
    """Find runs of letters inside of words; only their first and last letter may be a space."""
    passed = np.concatenate(([0], np.cumsum(codes == _SPACE)))
    found = []
    hashes = codes
    for length in range(2, RUN_LENGTHS[-1] + 1):
        hashes = hashes[:-1] * _BASE + codes[length - 1 :]
        if length in RUN_LENGTHS:
            begin = np.arange(len(hashes))
            whole = np.flatnonzero(passed[begin + length - 1] == passed[begin + 1])
            found.append((_mixed(hashes[whole], length), whole, whole + length))
        if len(hashes) == 1:
            break
    return found


def _mixed(hashes: Hashes, kind: int) -> Hashes:
    """Spread the bits, so that the upper ones name a place; equal pieces of other kinds differ."""
    hashes = (hashes + np.uint64(kind)) * _MIXER
    return (hashes ^ (hashes >> _SHIFT)) * _MIXER
