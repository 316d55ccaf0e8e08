"""Numbers, plural forms and sentences as each language of the pages writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any, Literal

__all__ = ["LANGUAGES", "Language", "Words", "figure", "rewritten", "spoken"]

Language = Literal["en", "pl"]
LANGUAGES: tuple[Language, ...] = ("en", "pl")

NO_BREAK = "\N{NO-BREAK SPACE}"
GROUPED = 5
"""Digits from which on Polish parts thousands."""


def figure(value: float, form: str, language: Language) -> str:
    """Write a number.

    Args:
        form: as `format` takes it, such as ",.2f" or ".1%".
    """
    return rewritten(format(value, form), language)


def rewritten(text: str, language: Language) -> str:
    """Write a number anew that is written in English, such as "1,234.5%"."""
    if language == "en":
        return text
    whole, point, rest = text.partition(".")
    if sum(map(str.isdigit, whole)) < GROUPED:
        whole = whole.replace(",", "")
    return whole.replace(",", NO_BREAK) + point.replace(".", ",") + rest


class Words(Mapping[str, str]):
    """The texts of one page in one language.

    A text may have places such as "{share:.1%}" for values: numbers are written as the language does. A place with
    forms, "{contacts:contact|contacts}", is a number with the form that goes with it; with "~" before the forms it is
    the form alone. English has two forms, Polish three: of 1, of 2 to 4, of the rest.
    """

    def __init__(self, language: Language, texts: Mapping[str, str]) -> None:
        self.language: Language = language
        self._texts = texts

    def __getitem__(self, key: str) -> str:
        return self._texts[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def say(self, key: str, **values: Any) -> str:
        """Give a text with values in its places."""
        return _Filling(self.language).format(self[key], **values)

    def figure(self, value: float, form: str = ",") -> str:
        """Write a number as the language does."""
        return figure(value, form, self.language)


def spoken(texts: Mapping[Language, Mapping[str, str]]) -> dict[Language, Words]:
    """Give the words of every language."""
    return {language: Words(language, own) for language, own in texts.items()}


class _Filling(Formatter):
    def __init__(self, language: Language) -> None:
        self._language = language

    def format_field(self, value: Any, format_spec: str) -> str:
        if "|" in format_spec:
            form = format_spec.removeprefix("~").split("|")[_form(value, self._language)]
            if format_spec.startswith("~"):
                return form
            return f"{figure(value, ',', self._language)}{' ' if self._language == 'en' else NO_BREAK}{form}"
        if isinstance(value, int | float):
            return figure(value, format_spec or ",", self._language)
        return format(value, format_spec)


def _form(number: int, language: Language) -> int:
    """Give which of a noun's forms goes with a number."""
    if number == 1:
        return 0
    if language == "en":
        return 1
    return 1 if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14) else 2
