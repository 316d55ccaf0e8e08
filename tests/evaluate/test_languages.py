"""Every text of every page is there in both languages, and none is the same in both that need not be."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from importlib import import_module
from pkgutil import walk_packages

import pytest

import opportune.evaluate
from opportune.evaluate.speech import LANGUAGES, Language, Words, figure, rewritten
from opportune.service.export_words import _WORDS as EXPORTED
from tests.evaluate.pages_in_full import PAGES

SAME = {"limit", "limit {}", "{}", "model", "segment", "{other} {own}"}
"""Texts that are alike in both languages."""
NAMES = {"utc", "auc", "psi", "mixture", "eur", "limit", "model", "segment", "same"}
"""Words that both languages have, units and abbreviations."""
EXAMPLE = re.compile(r"\bqz[\w.-]*|`[^`]*`")
"""What a user wrote begins so, in `pages_in_full`; rules stand in backticks."""


def places(text: str) -> set[str]:
    return {re.split(r"[:}]", part)[0] for part in text.split("{")[1:]}


def texts() -> Iterator[tuple[str, Mapping[Language, Mapping[str, str]]]]:
    """Find what any module of reports says in several languages."""
    for module in walk_packages(opportune.evaluate.__path__, "opportune.evaluate."):
        for name, value in vars(import_module(module.name)).items():
            if isinstance(value, dict) and set(value) & set(LANGUAGES):
                whole = {language: {"": one} if isinstance(one, str) else one for language, one in value.items()}
                yield f"{module.name}.{name}", whole
    yield (
        "export",
        {language: {key: both[place] for key, both in EXPORTED.items()} for place, language in enumerate(LANGUAGES)},
    )


def faults(said: Mapping[Language, Mapping[str, str]]) -> list[str]:
    if set(said) != set(LANGUAGES):
        return ["not in every language"]
    english, polish = said["en"], said["pl"]
    found = [f"{key}: in one language alone" for key in english.keys() ^ polish.keys()]
    for key in english.keys() & polish.keys():
        if not polish[key].strip() or places(english[key]) != places(polish[key]):
            found.append(f"{key}: {polish[key]}")
        if polish[key] == english[key] and polish[key] not in SAME:
            found.append(f"{key}: the same in both")
        if any(part.count("|") != 2 for part in re.findall(r"\{\w+:([^}]*\|[^}]*)\}", polish[key])):
            found.append(f"{key}: Polish has three forms")
    return found


@pytest.mark.parametrize(("where", "said"), [pytest.param(*one, id=one[0]) for one in texts()])
def test_every_text_is_there_in_both_languages(where: str, said: Mapping[Language, Mapping[str, str]]) -> None:
    assert faults(said) == [], where


@pytest.mark.parametrize(
    "polish",
    [{}, {"a": "one {x}"}, {"a": ""}, {"a": "jeden"}, {"a": "{x:raz|razy}"}],
    ids=["missing", "English", "empty", "without its place", "two forms"],
)
def test_a_text_that_is_missing_or_english_is_noticed(polish: dict[str, str]) -> None:
    assert faults({"en": {"a": "one {x}"}, "pl": polish})


def test_there_are_texts_of_every_page() -> None:
    names = [name for name, _ in texts()]

    assert sum(name.endswith(".WORDS") for name in names) >= 4
    assert len(names) == len({*names}) >= 10


class Reading(HTMLParser):
    """All that is read or heard of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.language: str | None = None
        self._hidden = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._hidden = tag == "style"
        self.said += [text for name in ("aria-label", "alt", "title") if (text := given.get(name))]
        self.language = given.get("lang") or self.language

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.said.append(data)

    def words(self) -> set[str]:
        text = " ".join(EXAMPLE.sub(" ", one) for one in self.said)
        return {word.lower() for word in re.findall(r"[^\W\d_]{3,}", text)}

    def numbers(self, language: Language) -> Counter[str]:
        part, point = (",", r"\.") if language == "en" else ("\xa0", ",")
        pattern = rf"[-+]?\d+(?:{part}\d{{3}})*(?:{point}\d+)?%?"
        return Counter(found for one in self.said for found in re.findall(pattern, EXAMPLE.sub(" ", one)))


@pytest.mark.parametrize("name", PAGES)
def test_a_polish_page_has_no_english_word(name: str) -> None:
    english, polish = (Reading(PAGES[name](language)) for language in LANGUAGES)

    assert (english.language, polish.language) == LANGUAGES
    assert english.words() & polish.words() - NAMES == set()
    assert len(polish.words()) > 30


@pytest.mark.parametrize("name", PAGES)
def test_a_polish_page_has_the_same_figures_in_its_own_way(name: str) -> None:
    english, polish = (Reading(PAGES[name](language)) for language in LANGUAGES)

    expected: Counter[str] = Counter()
    for number, times in english.numbers("en").items():
        expected[rewritten(number, "pl")] += times
    assert polish.numbers("pl") == expected
    assert not any(re.search(r"\d\.\d", EXAMPLE.sub(" ", one)) for one in polish.said)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0 kontaktów"),
        (1, "1 kontakt"),
        (2, "2 kontakty"),
        (5, "5 kontaktów"),
        (12, "12 kontaktów"),
        (21, "21 kontaktów"),
        (22, "22 kontakty"),
        (112, "112 kontaktów"),
        (1_234, "1234 kontakty"),
        (1_234_567, "1 234 567 kontaktów"),
    ],
)
def test_numbers_have_their_form(number: int, said: str) -> None:
    forms = Words("pl", {"it": "{n:kontakt|kontakty|kontaktów}"})

    assert forms.say("it", n=number).replace("\xa0", " ") == said
    assert Words("en", {"it": "{n:~is|are}"}).say("it", n=number) == ("is" if number == 1 else "are")


@pytest.mark.parametrize(
    ("value", "form", "said"),
    [(0.1234, ".1%", "12,3%"), (1234.5, ",.1f", "1234,5"), (12345.5, ",.1f", "12 345,5"), (-0.5, "+.4g", "-0,5")],
)
def test_figures_are_written_as_the_language_does(value: float, form: str, said: str) -> None:
    assert figure(value, form, "pl").replace("\xa0", " ") == said
    assert figure(value, form, "en") == format(value, form)
