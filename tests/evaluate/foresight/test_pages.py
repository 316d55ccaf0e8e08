"""The pages of plans and funnels: opened in a browser, with their figures, and open to everybody."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from opportune.evaluate.foresight import funnel_of, outlook
from opportune.evaluate.foresight.funnel_page import funnel_page
from opportune.evaluate.foresight.outlook import Effect
from opportune.evaluate.foresight.outlook_page import outlook_page
from opportune.evaluate.foresight.proposal import Proposal, Threshold
from opportune.evaluate.foresight.words import WORDS
from opportune.evaluate.off_policy import Interval
from opportune.service.foreseeing import side_of, sides_of
from tests.browser import chromium
from tests.evaluate.foresight.examples import EDITS, edited, example, people


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from chromium()


@pytest.fixture(scope="module")
def proposal() -> Proposal:
    edit = EDITS[1]
    seen = outlook(sides_of(example("telecom"), edited(edit), None, None, "numpy"), people("telecom", 40))
    gain = Interval(0.5, 0.1, 0.9)
    effect = Effect(goal="profit", unit="USD", told_by="journal", before=1.0, after=1.5, gain=gain, remarks=("few",))
    return Proposal(
        project="Bergen & <Voss>",
        before="main",
        after="telecom",
        differences=("goal 'retention', weight: 0.5 → 3",),
        source="imagined",
        left_out=2,
        seed=1,
        thresholds=(Threshold(name="changed", most=0.01, found=seen.changed_share),),
        outlook=msgspec.structs.replace(seen, effects=(effect,), refused_after=1),
    )


@pytest.fixture(scope="module")
def funnel():
    return funnel_of(side_of(example("telecom"), None, None, "numpy"), people("telecom", 40))


@pytest.mark.parametrize(("kind", "language"), [("plan", "en"), ("plan", "pl"), ("funnel", "pl")])
def test_a_page_opens_in_a_browser_without_faults(proposal, funnel, browser, tmp_path, language, kind):
    path = tmp_path / "page.html"
    text = outlook_page(proposal, language) if kind == "plan" else funnel_page(funnel, "telecom", language)
    path.write_text(text, encoding="utf-8")
    page = browser.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(path.as_uri())

    assert page.title().startswith(WORDS[language][kind])
    assert page.locator("svg").count() >= 2
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert told == []
    page.close()


def test_the_pages_have_the_figures_of_the_data(proposal, funnel):
    page, seen = outlook_page(proposal), proposal.outlook

    for one in seen.actions:
        if one.gained or one.lost:
            assert f">{one.action}</th>" in page
            assert f"<td>{one.gained:,}</td><td>{one.lost:,}</td>" in page
    for change in seen.changes:
        assert change.name in page
    other = funnel_page(funnel, "telecom")
    for stage in funnel.stages:
        assert f"<td>{stage.dropped:,}</td>" in other


def test_names_are_shown_as_they_are_and_never_run(proposal):
    page = outlook_page(proposal)

    assert "<Voss>" not in page
    assert "Bergen & <Voss>" in unescape(page)
