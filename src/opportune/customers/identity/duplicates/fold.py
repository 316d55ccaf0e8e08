"""Values as the search for duplicates compares them, and when two that differ are close."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

__all__ = ["are_close_dates", "are_close_names", "date_of", "folded", "name_key"]

_LETTERS = str.maketrans({"ł": "l", "đ": "d", "ø": "o", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ı": "i"})
"""Letters that have no accent to take away."""
_WORD = re.compile(r"[^\W_]+")
_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})")
_VOWELS = frozenset("aeiouy")
KEY_CHARACTERS = 4


def folded(text: str) -> str:
    """Take capitals, accents, signs and needless spaces away: "Łódź-Widzew " becomes "lodz widzew"."""
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_LETTERS)
    return " ".join(_WORD.findall("".join(letter for letter in plain if not unicodedata.combining(letter))))


def name_key(word: str) -> str:
    """Give what stays of a misheard word, which was folded: its first letter and consonants behind, none doubled."""
    key = word[0]
    for letter in word[1:]:
        if letter not in _VOWELS and letter != key[-1]:
            key += letter
            if len(key) == KEY_CHARACTERS:
                break
    return key


def date_of(value: object) -> str | None:
    """Write a date as eight digits; None where it is none that is understood."""
    if isinstance(value, datetime):
        return value.strftime("%Y%m%d")
    match = _DATE.match(value.strip()) if isinstance(value, str) else None
    return None if match is None else "".join(match.groups())


def are_close_dates(one: str, other: str) -> bool:
    """Whether two of the three parts are equal, or day and month changed places."""
    parts = [(text[:4], text[4:6], text[6:]) for text in (one, other)]
    equal = sum(a == b for a, b in zip(*parts, strict=True))
    return equal == 2 or (parts[0][0] == parts[1][0] and parts[0][1:] == parts[1][:0:-1])


def are_close_names(one: str, other: str) -> bool:
    """Whether one slip makes one of the other: a letter more, less or other, or two that changed places."""
    if abs(len(one) - len(other)) > 1 or min(len(one), len(other)) < 3:
        return False
    if len(one) > len(other):
        one, other = other, one
    place = next((index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if len(one) < len(other):
        return one[place:] == other[place + 1 :]
    return one[place + 1 :] == other[place + 1 :] or (
        one[place : place + 2] == other[place : place + 2][::-1] and one[place + 2 :] == other[place + 2 :]
    )
