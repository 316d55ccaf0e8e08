"""Are the countries and parts of countries known whose holidays are asked for?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from opportune.customers.context.public_holidays import countries, languages, subdivisions
from opportune.records import ValueType
from opportune.strategy.checks.notes import Notes, Path
from opportune.strategy.sections.context import ContextSource
from opportune.strategy.wording import suggest

__all__ = ["check_holidays"]

FILE = "sources.yaml"
Expect = Callable[[str, Sequence[ValueType], Path], bool]


def check_holidays(notes: Notes, name: str, section: ContextSource, expect: Expect) -> None:
    """Check a source of kind holidays."""
    country, part = section.country or "", section.subdivision
    is_fixed = "." not in country
    if not is_fixed:
        expect(country, (ValueType.TEXT,), ["country"])
    elif country not in countries():
        message = f"unknown country '{country[:60]}'"
        remedy = suggest(country.upper(), countries(), "use a code of ISO 3166, such as")
        notes.report(FILE, [name, "country"], message, remedy, "unknown-country")
        return
    if part is not None and "." in part:
        expect(part, (ValueType.TEXT,), ["subdivision"])
    elif part is not None and not is_fixed:
        message = "a subdivision of a country that differs from one contact to the next"
        notes.report(FILE, [name, "subdivision"], message, "name an attribute that holds it", "unknown-subdivision")
    elif part is not None and part not in subdivisions(country):
        known = sorted(subdivisions(country) - {""})
        message = f"unknown subdivision '{part[:60]}' of {country}"
        notes.report(FILE, [name, "subdivision"], message, suggest(part, known, "known"), "unknown-subdivision")
    if section.language is not None and is_fixed and section.language not in languages(country):
        message = f"the holidays of {country} have no names in '{section.language}'"
        remedy = suggest(section.language, languages(country), "languages")
        notes.report(FILE, [name, "language"], message, remedy, "unknown-language")
