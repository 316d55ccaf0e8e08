"""The page of a trade-off: opened in a browser, with its figures, and open to everybody."""

from __future__ import annotations

from collections.abc import Iterator
from math import nan

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from opportune.evaluate.goals import Tradeoff
from opportune.evaluate.goals.asked import Asked
from opportune.evaluate.goals.tradeoff import Exchange, Point
from opportune.evaluate.goals.tradeoff_page import tradeoff_page
from opportune.evaluate.goals.words import WORDS
from opportune.evaluate.off_policy import Interval
from tests.browser import chromium

ASKED = Asked(project="Bergen & <Voss>", source="decisions", model="main", position=1_234, seed=1, left_out=2)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from chromium()


@pytest.fixture(scope="module")
def curve() -> Tradeoff:
    points = tuple(
        Point(
            factor=factor,
            weight=factor * 0.5,
            amounts={"profit": Interval(9 - factor, 8.0, 10.0), "loyalty": Interval(factor, 0.0, 3.0)},
            changed=int(40 * abs(factor - 1)),
        )
        for factor in (0.0, 1.0, 2.0)
    )
    present = Exchange(goal="profit", low=0.0, high=2.0, each=Interval(-1.0, -1.5, -0.5))
    return Tradeoff(
        goal="loyalty",
        direction="more",
        units={"profit": "EUR", "loyalty": "points"},
        contacts=200,
        persons=150,
        refused=1,
        told_by={"profit": "answers", "loyalty": "model"},
        remarks={"profit": ("few answers",)},
        points=points,
        present=(present,),
        exchanges=(present, Exchange(goal="profit", low=1.0, high=2.0, each=Interval(nan, nan, nan))),
    )


@pytest.mark.parametrize("language", ["en", "pl"])
def test_the_page_opens_in_a_browser_without_faults(curve, browser, tmp_path, language):
    path = tmp_path / "page.html"
    path.write_text(tradeoff_page(ASKED, curve, language), encoding="utf-8")
    page = browser.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.goto(path.as_uri())

    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("svg").count() == 1
    assert page.locator("h1").inner_text() == WORDS[language]["title"]
    assert "profit: -1 EUR (" in page.locator("section").first.inner_text()
    assert "few answers" in page.locator("body").inner_text()
    assert page.locator("table").count() == 3
    assert Axe().run(page).violations_count == 0
    assert told == []
    page.close()
