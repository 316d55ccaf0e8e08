"""Public holidays of a country or a part of it."""

from __future__ import annotations

import importlib
import warnings
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from typing import Any

from opportune.customers.context.base import Contact, Doubt, Given, text_at

__all__ = ["HOLIDAY", "Code", "Holidays", "Year", "countries", "languages", "subdivisions", "year_of", "years_of"]

HOLIDAY = ("is_today", "name", "days_until", "next_name", "is_day_before", "is_day_after")
"""What the source gives."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code that a project gives, or that an attribute holds.

    Args:
        fixed: the code, "" where an attribute holds it.
        key: fact key of the attribute, "" where the code is fixed.
    """

    fixed: str = ""
    key: str = ""

    def of(self, contact: Contact) -> str | None:
        """Give the code for a contact; None where it is not known."""
        if self.fixed:
            return self.fixed
        held = text_at(contact.facts, self.key)
        return None if held is None else held.strip().upper()


@dataclass(frozen=True, slots=True)
class Year:
    """The holidays of one country and year, in order."""

    days: tuple[date, ...]
    names: tuple[str, ...]

    def name(self, day: date) -> str | None:
        """Name the holiday on a day; None where there is none."""
        at = bisect_left(self.days, day)
        return self.names[at] if at < len(self.days) and self.days[at] == day else None

    def next(self, day: date) -> tuple[date, str] | None:
        """Give the first holiday on a day or after it, in this year."""
        at = bisect_left(self.days, day)
        return (self.days[at], self.names[at]) if at < len(self.days) else None


class Holidays:
    """A source of kind holidays.

    Args:
        country, subdivision: where; a subdivision that is None asks for what holds in the whole country.
        language: of the names, "" for the country's own.
        wanted: names of `HOLIDAY`.
    """

    def __init__(self, country: Code, subdivision: Code | None, language: str, wanted: Sequence[str]) -> None:
        self._country, self._subdivision, self._language = country, subdivision, language
        self._wanted = tuple(wanted)

    def values(self, contact: Contact) -> Sequence[Given]:
        """Look today up in the customer's zone."""
        country = self._country.of(contact)
        if country is None:
            return [None] * len(self._wanted)
        part = "" if self._subdivision is None else self._subdivision.of(contact) or ""
        if contact.local is None or part not in subdivisions(country):
            return [Doubt.UNREADABLE] * len(self._wanted)
        first, last = years_of(country)
        if not first <= contact.local.year <= last:
            return [Doubt.NO_DATA] * len(self._wanted)
        found = _found(country, part, self._language, contact.local.date())
        return [found[name] for name in self._wanted]


@lru_cache(maxsize=4096)
def _found(country: str, part: str, language: str, today: date) -> Mapping[str, Given]:
    """Say all of one day; most contacts of a day ask the same."""
    coming = _coming(country, part, language, today)
    name = year_of(country, part, language, today.year).name(today)
    return {
        "is_today": name is not None,
        "name": name,
        "days_until": None if coming is None else (coming[0] - today).days,
        "next_name": None if coming is None else coming[1],
        "is_day_before": _is_holiday(country, part, language, today, 1),
        "is_day_after": _is_holiday(country, part, language, today, -1),
    }


def _coming(country: str, part: str, language: str, today: date) -> tuple[date, str] | None:
    """Give the first holiday from today on, this year or the next."""
    years = (today.year, min(today.year + 1, date.max.year))
    return next((one for year in years if (one := year_of(country, part, language, year).next(today))), None)


def _is_holiday(country: str, part: str, language: str, today: date, days: int) -> bool:
    if today == (date.max if days > 0 else date.min):
        return False
    day = today + timedelta(days=days)
    return year_of(country, part, language, day.year).name(day) is not None


@lru_cache(maxsize=4096)
def year_of(country: str, part: str, language: str, year: int) -> Year:
    """Give the holidays of one year.

    Args:
        country: code of ISO 3166 that `countries` lists.
        part: code of a subdivision, "" for the whole country.
        language: "" for the country's own, which it also is where there are no names in that language.
    """
    # Without a language that it has the library takes that of the machine, and decisions would differ.
    own = _facts_of(country)
    language = language if language in own.languages else own.language
    with warnings.catch_warnings():
        # It warns of years that it knows in part.
        warnings.simplefilter("ignore")
        made = _library().country_holidays(country, subdiv=part or None, years=year, language=language or None)
    days = sorted(day for day in made if day.year == year)
    return Year(tuple(days), tuple(made[day] for day in days))


def countries() -> Mapping[str, Sequence[str]]:
    """Give the codes of all countries that are known → codes of their parts."""
    found: Mapping[str, Sequence[str]] = _countries()
    return found


@cache
def _countries() -> dict[str, list[str]]:
    return dict(_library().list_supported_countries(include_aliases=False))


@lru_cache(maxsize=1024)
def subdivisions(country: str) -> frozenset[str]:
    """Give the codes of the parts of a country, "" among them for the whole; none of an unknown country."""
    return frozenset(("", *countries()[country])) if country in countries() else frozenset()


def languages(country: str) -> Sequence[str]:
    """Give the languages in which the holidays of a country have names; none where there is but one."""
    return _facts_of(country).languages


def years_of(country: str) -> tuple[int, int]:
    """Give the first and the last year of which the holidays of a country are known."""
    return _facts_of(country).years


@dataclass(frozen=True, slots=True)
class _Facts:
    language: str
    languages: tuple[str, ...]
    years: tuple[int, int]


@cache
def _facts_of(country: str) -> _Facts:
    entity = _library().country_holidays(country, years=[])
    return _Facts(
        entity.default_language or "", tuple(entity.supported_languages), (entity.start_year, entity.end_year)
    )


def _library() -> Any:
    # Its first use takes a third of a second: only strategies that name holidays pay for it.
    return importlib.import_module("holidays")
