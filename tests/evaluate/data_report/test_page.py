"""The page of the data report: opened in a browser, open to everybody, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from opportune.customers.quality import KINDS
from opportune.evaluate.data_report import Concern, DataReport, InputQuality, page_of
from opportune.evaluate.data_report.words import WORDS, said
from opportune.evaluate.speech import LANGUAGES
from opportune.evaluate.told import type_said
from opportune.records import ValueType
from tests.browser import chromium

AT = datetime(2026, 5, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from chromium()


def fault(name: str, **figures: Any) -> InputQuality:
    figures = {"missing": 0.1234, "stale": 0.0, "late": 0.0, "unfit": 0.0, "refused": 3, "unseen": None, **figures}
    return InputQuality(input=name, type="text", decisions=4_321, drift=0.3456, **figures)


REPORT = DataReport(
    project="shop",
    revision="0123456789abcdef",
    at=AT,
    since=AT,
    processes=2,
    decisions=5_000,
    known=4_321,
    decisions_before=2_000,
    decisions_now=1_000,
    inputs=(fault("customer.city", groups=(("Bergen & <Voss>", 0.4, 0.6),)), fault("context.topic", missing=None)),
    concerns=tuple(Concern(input="customer.city", kind=kind, value=0.6, threshold=0.25) for kind in KINDS),
)


def test_the_page_says_shares_and_types_alike_in_words_of_its_language() -> None:
    english, polish = page_of(REPORT, "en"), page_of(REPORT, "pl")

    for page, share, other in ((english, "12.3%", ">40.0%<"), (polish, "12,3%", ">40,0%<")):
        assert page.count(share) == 2  # one in the picture, one in the table
        assert "0.1234" not in page
        assert other in page
    assert ">text<" in english
    assert ">tekst<" in polish
    assert ">text<" not in polish
    assert all(type_said(one.value, "pl") != type_said(one.value, "en") for one in ValueType)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_opens_in_a_browser_without_faults(browser: Browser, tmp_path: Path, language: Any) -> None:
    path = tmp_path / "data.html"
    path.write_text(page_of(REPORT, language), encoding="utf-8")
    page = browser.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(path.as_uri())

    assert page.title().startswith(WORDS[language]["title"])
    assert page.locator("svg").count() == 2
    for summary in page.locator("summary").all():
        summary.press("Enter")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert told == []
    page.close()


def test_the_page_has_the_figures_and_the_concerns() -> None:
    page = page_of(REPORT)

    assert "<td>12.3%</td>" in page
    assert "<td>4,321</td>" in page
    assert "<Voss>" not in page
    assert all(said(concern, "en") in unescape(page) for concern in REPORT.concerns)


def test_every_fault_is_said() -> None:
    assert {f"said {kind}" for kind in KINDS} <= WORDS["en"].keys()
