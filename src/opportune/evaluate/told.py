"""What other parts of the engine say in English, as pages say it in every language.

Those parts answer with texts that are data, the same for everybody; a page is for one reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

from opportune.evaluate.speech import Language, rewritten

__all__ = ["REASONS", "group_said", "name_said", "reason_said", "type_said"]

NUMBER = r"[-+]?(?:\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?%?|inf)"
_NUMERIC = ("number", "integer", "timestamp")

_TYPES: Mapping[str, str] = {
    "number": "liczba",
    "integer": "liczba całkowita",
    "text": "tekst",
    "texts": "lista tekstów",
    "boolean": "tak lub nie",
    "timestamp": "chwila",
}
_TYPES_ENGLISH: Mapping[str, str] = {
    "integer": "whole number",
    "texts": "list of texts",
    "boolean": "yes or no",
    "timestamp": "moment",
}
_TRUTHS: Mapping[str, str] = {"true": "tak", "false": "nie"}

REASONS: tuple[tuple[str, str], ...] = (
    (
        "only {n} choices; at least {m} are needed",
        "wyborów jest tylko {n}, a potrzeba co najmniej {m}",
    ),
    (
        "one choice carries {n} of all weight (it counts {m} times)",
        "jeden wybór niesie {n} całej wagi (liczy się {m} razy)",
    ),
    (
        "the mean weight is {n}, {m} standard errors off: the logged probabilities may not be those that"
        " were drawn from",
        "średnia waga to {n}, błędów standardowych od właściwej: {m}; zapisane prawdopodobieństwa mogą"
        " nie być tymi, z których losowano",
    ),
    (
        "{n} of what the other strategy would show could never be shown in the log; let placements"
        " explore (exploration with a floor), or compare over a later time",
        "{n} tego, co pokazałaby druga strategia, nigdy nie mogło zostać pokazane w zapisie; warto"
        " pozwolić miejscom odkrywać (odkrywanie z dolnym progiem) albo porównać później",
    ),
    (
        "{n} of what the other strategy would show could never be shown in the log; of that part the"
        " model speaks alone, or nobody",
        "{n} tego, co pokazałaby druga strategia, nigdy nie mogło zostać pokazane w zapisie; o tej"
        " części mówi tylko model albo nikt",
    ),
    (
        "the estimate rests on {n} of {m} choices; at least {k} are needed",
        "oszacowanie opiera się na {n} z {m} wyborów, a potrzeba co najmniej {k}",
    ),
    (
        "the estimate rests on {n} of {m} choices ({p}); below {q} at least {k} are needed",
        "oszacowanie opiera się na {n} z {m} wyborów ({p}); poniżej {q} potrzeba co najmniej {k}",
    ),
    (
        "the estimate rests on {n} of {m} choices ({p}): the two strategies choose very differently",
        "oszacowanie opiera się na {n} z {m} wyborów ({p}): obie strategie wybierają bardzo różnie",
    ),
    (
        "it rests on {n} rewarded choices; at least {m} are needed",
        "opiera się na {n} nagrodzonych wyborów, a potrzeba co najmniej {m}",
    ),
    (
        "it rests on about {n} rewarded choices: a few people decide it",
        "liczba nagrodzonych wyborów, na których się opiera, to około {n}: decyduje o tym kilka osób",
    ),
    (
        "what contacts cost does not show in answers",
        "kosztu kontaktów nie widać w odpowiedziach",
    ),
    (
        "contact policies, stocks or fatigue change, and recorded decisions know only those of their day",
        "zmieniają się zasady kontaktu, zapasy lub zmęczenie, a zapisane decyzje znają tylko te ze swojego dnia",
    ),
    (
        "it foresaw what is no number",
        "przewidział coś, co nie jest liczbą",
    ),
    (
        "{text} can never be true",
        "{text} nigdy nie może być prawdą",
    ),
    (
        "{text} and {other} exclude each other",
        "{text} i {other} wykluczają się wzajemnie",
    ),
)
"""Sentences with places: those with names of one letter are numbers."""
_NAMES = (
    ("revision {n}", "rewizja {n}"),
    ("imagined {n}", "wymyślony {n}"),
    ("imagined {n} ({channel})", "wymyślony {n} ({channel})"),
)


def reason_said(text: str, language: Language) -> str:
    """Say why something is doubtful, refused or impossible; what is not known here stays as it is."""
    return _translated(text, REASONS) if language == "pl" else text


def name_said(text: str, language: Language) -> str:
    """Say what the engine named; names of users stay."""
    return _translated(text, _NAMES) if language == "pl" else text


def type_said(name: str, language: Language) -> str:
    """Say a type of values."""
    return (_TYPES if language == "pl" else _TYPES_ENGLISH).get(name, name)


def group_said(label: str, of_type: str, language: Language) -> str:
    """Say which values of an input a group has."""
    if language == "pl" and of_type == "boolean":
        return _TRUTHS.get(label, label)
    return _numbers(label, language) if of_type in _NUMERIC else label


def _numbers(text: str, language: Language) -> str:
    return re.sub(NUMBER, lambda found: rewritten(found[0], language), text)


def _translated(text: str, known: Iterable[tuple[str, str]]) -> str:
    for english, polish in known:
        found = _pattern(english).fullmatch(text)
        if found is not None:
            values = {name: rewritten(one, "pl") if len(name) == 1 else one for name, one in found.groupdict().items()}
            return polish.format(**values)
    return text


@cache
def _pattern(sentence: str) -> re.Pattern[str]:
    """Find the places of a sentence."""
    parts = re.split(r"\{(\w+)\}", sentence)
    texts = [re.escape(part) for part in parts[::2]]
    places = [f"(?P<{name}>{NUMBER if len(name) == 1 else '.+'})" for name in parts[1::2]]
    return re.compile("".join(text + place for text, place in zip(texts, [*places, ""], strict=True)), re.DOTALL)
