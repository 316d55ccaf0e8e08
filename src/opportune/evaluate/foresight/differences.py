"""What differs between two strategies, as pages say it; `strategy.diff` says it in English.

Names, rules, keys of files and texts of the strategy stay as they were written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from opportune.evaluate.speech import Language, Words

__all__ = ["NOUNS", "difference_said"]

NOUNS: Mapping[str, str] = {
    "project": "projekt",
    "attribute": "atrybut",
    "context attribute": "atrybut kontekstu",
    "event type": "rodzaj zdarzenia",
    "outcome": "wynik",
    "channel": "kanał",
    "goal": "cel",
    "segment": "segment",
    "control group": "grupa kontrolna",
    "model": "model",
    "purpose": "cel zgody",
    "contact policy": "zasada kontaktu",
    "stock": "zapas",
    "rule of slates": "reguła zestawów",
    "rule of data quality": "reguła jakości danych",
    "table": "tabela",
    "source": "źródło",
    "reading of texts": "odczyt tekstów",
    "feature": "cecha",
    "kind of identifier": "rodzaj identyfikatora",
    "level": "poziom",
    "comparison of duplicates": "porównanie duplikatów",
    "group": "grupa",
    "action": "akcja",
    "test": "test",
}
"""What may differ, in both languages."""

_NOUN = "|".join(sorted(map(re.escape, NOUNS), key=len, reverse=True))
_DONE = {"added": "dodano", "removed": "usunięto"}
_WORDS = {"none": "brak", "nothing": "nic"}
_LENGTHS = Words(
    "pl",
    {
        "weeks": "{n:tydzień|tygodnie|tygodni}",
        "days": "{n:dzień|dni|dni}",
        "hours": "{n:godzina|godziny|godzin}",
        "minutes": "{n:minuta|minuty|minut}",
    },
)


def difference_said(text: str, language: Language) -> str:
    """Say one difference; what is not known here stays as it is."""
    if language == "en":
        return text
    for pattern, polish in _FORMS:
        found = pattern.fullmatch(text)
        if found is not None:
            return polish(found)
    return text


def _value(text: str) -> str:
    """Say an old or a new value: a number, a list or a text as it was written, else in Polish."""
    if re.fullmatch(r"\d+ (weeks|days|hours|minutes)( \d+ (weeks|days|hours|minutes))*", text):
        return re.sub(r"(\d+) (\w+)", lambda part: _LENGTHS.say(part[2], n=int(part[1])), text)
    quiet = re.fullmatch(r"(\d\d:\d\d) to (\d\d:\d\d) on ([a-z, ]+)", text)
    if quiet is not None:
        return f"{quiet[1]} do {quiet[2]} w dniach {quiet[3]}"
    valid = re.fullmatch(r"from (\S.*) until (\S.*)", text)
    if valid is not None:
        begin = "od zawsze" if valid[1] == "ever" else f"od {valid[1]}"
        return f"{begin} " + ("bez końca" if valid[2] == "ever" else f"do {valid[2]}")
    return _WORDS.get(text, text.replace("` because '", "`, bo '"))


def _where(text: str) -> str:
    """Say what a difference is in, such as "goal 'margin', weight"."""
    noun = re.match(_NOUN, text)
    return text if noun is None else NOUNS[noun[0]] + text[noun.end() :]


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern, re.DOTALL), polish)
    for pattern, polish in (
        (
            rf"((?:project|(?:{_NOUN}) '[^']*'), [^:]+): (.*) (added|removed)",
            lambda one: f"{_where(one[1])}: {_DONE[one[3]]} {_value(one[2])}",
        ),
        (
            rf"((?:project|(?:{_NOUN}) '[^']*')(?:, [^:]+)?): (.*) → (.*)",
            lambda one: f"{_where(one[1])}: {_value(one[2])} → {_value(one[3])}",
        ),
        (rf"((?:{_NOUN}) '.*') (added|removed)", lambda one: f"{_where(one[1])}: {_DONE[one[2]]}"),
        (rf"((?:{_NOUN}) '.*') renamed to ('.*')", lambda one: f"{_where(one[1])}: nowa nazwa {one[2]}"),
        (
            r"(action '.*') moved from group ('.*') to ('.*')",
            lambda one: f"{_where(one[1])}: przeniesiono z grupy {one[2]} do {one[3]}",
        ),
        (rf"({_NOUN})s stand in another order", lambda one: f"{NOUNS[one[1]]}: inna kolejność"),
        (r"(\S+): row (\[.*\]) (added|removed)", lambda one: f"{one[1]}: {_DONE[one[3]]} wiersz {one[2]}"),
        (r"(\S+): row (\[.*\] → \[.*\])", lambda one: f"{one[1]}: wiersz {one[2]}"),
        (r"(\S+): layout or comments", lambda one: f"{one[1]}: układ lub komentarze"),
        (r"(\S+): changed", lambda one: f"{one[1]}: zmieniono"),
        (r"and (\d+) more differences", lambda one: f"i jeszcze różnic: {one[1]}"),
    )
)
