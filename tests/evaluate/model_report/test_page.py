"""The report page: opened in a browser, with the figures of the report and open to everybody."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from opportune.evaluate.model_report import LANGUAGES, ModelReport, page_of
from opportune.evaluate.model_report.words import WORDS
from tests.browser import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from chromium()


def numbers_of(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from numbers_of(item)
    elif isinstance(value, float):
        yield value


class Cells(HTMLParser):
    """Texts of table cells."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._inside = tag in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.cells.append(data)
            self._inside = False


def test_the_page_has_the_figures_of_the_data(report: ModelReport) -> None:
    cells = Cells()
    cells.feed(page_of(report))
    plain = msgspec.to_builtins(report)

    for model in plain["models"]:
        figures = {name: value for name, value in model.items() if name not in ("reliability", "gains", "trend")}
        for value in numbers_of(figures):
            assert f"{value:.4f}".replace("-0.0000", "0.0000") in cells.cells
        assert f"{model['answers']:,}" in cells.cells
        for one in model["predictors"]:
            assert {one["predictor"], WORDS["en"][one["selection"]], f"{one['seen'] or 0:,}"} <= {*cells.cells, "0"}
        for pair in model["interactions"]:
            assert {pair["first"], pair["second"]} <= set(cells.cells)
    for value in numbers_of(plain["inputs"]):
        assert f"{value:.4f}" in cells.cells


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_opens_in_a_browser_without_faults(
    report: ModelReport, browser: Browser, tmp_path: Path, language: Any
) -> None:
    path = tmp_path / "report.html"
    path.write_text(page_of(report, language), encoding="utf-8")
    page = browser.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(path.as_uri())

    assert page.title().startswith(WORDS[language]["title"])
    assert page.locator("svg").count() >= 4 * len(report.models)
    assert page.locator("details").count() > 0
    for summary in page.locator("summary").all():
        summary.press("Enter")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert told == []
    page.close()


def test_names_are_shown_as_they_are_and_never_run(report: ModelReport) -> None:
    page = page_of(report)

    assert "<Voss>" not in page
    assert "Bergen & <Voss>" in unescape(page)
