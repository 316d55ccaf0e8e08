"""The fallback, and what of it is published: whatever cannot be told keeps an action out."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opportune.decide import Reason, fallback, standing_answers
from opportune.records import DecisionRequest, PlacementRequest
from opportune.service.revisions import Strategy, strategy_from_files
from opportune.service.revisions import strategy_from_folder as from_folder

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
FILES = {
    "project.yaml": "name: shop\ntime_zone: UTC\nlanguages: [en]\n",
    "attributes.yaml": "age: {type: integer, range: [0, 120]}\nconsent: {type: boolean}\n",
    "context.yaml": "weather: {type: text, values: [sunny, rainy]}\n",
    "goals.yaml": "profit: {unit: EUR, currency: EUR}\n",
    "outcomes.yaml": "accept: {sign: positive}\n",
    "channels.yaml": (
        "web:\n  outcomes: [accept]\n  placements:\n"
        "    top: {size: 2, fallback: [plain, other]}\n    side: {size: 2, fallback: [plain, other]}\n"
    ),
    "actions/all/group.yaml": "title: All\n",
}


def action(**keys: str) -> str:
    lines = {"kind": "service", "title": "A thing", "values": "{profit: {accept: 1}}", **keys}
    return "".join(f"{key}: {value}\n" for key, value in lines.items()) + (
        "treatments:\n  web:\n    card: {content: {en: {title: A thing}}}\n"
    )


def shop(**keys: str) -> Strategy:
    """A strategy with a plain action and another one as fallback."""
    actions = {"actions/all/plain.yaml": action(), "actions/all/other.yaml": action(**keys)}
    return strategy_from_files({**FILES, **actions})[0]


def published(strategy: Strategy) -> dict[str, list[list[str]]]:
    answers = standing_answers(strategy.plan, NOW)
    return {key: [[one.action for one in placement.actions] for placement in answer] for key, answer in answers.items()}


def test_per_channel_no_action_stands_twice_and_a_placement_alone_has_its_own_answer() -> None:
    assert published(shop()) == {
        "web": [["plain", "other"], []],
        "web/top": [["plain", "other"]],
        "web/side": [["plain", "other"]],
    }


@pytest.mark.parametrize("valid", ["{from: 2027-01-01}", "{until: 2026-12-31}"])
def test_what_may_not_be_shown_for_ever_is_not_published(valid: str) -> None:
    assert published(shop(valid=valid))["web/top"] == [["plain"]]


def test_the_examples_publish_something_for_each_placement() -> None:
    for folder in ("examples/coupons", "examples/telecom"):
        plan = from_folder(ROOT / folder).plan
        keys = set(plan.channels) | {
            f"{channel.name}/{name}" for channel in plan.channels.values() for name in channel.placements
        }

        assert set(standing_answers(plan, NOW)) == keys


def test_a_fallback_names_its_reason() -> None:
    plan = shop().plan
    request = DecisionRequest(id="r", channel="web", placements=(PlacementRequest(name="top", size=1),))

    for reason in Reason:
        decision = fallback(plan, request, {"now": NOW, "zone": "UTC"}, NOW, reason)

        assert decision.degraded == reason.value
        assert [one.action for one in decision.placements[0].actions] == ["plain"]


def test_the_reference_lists_all_reasons_and_no_other() -> None:
    page = (ROOT / "docs" / "reference" / "http.md").read_text(encoding="utf-8")
    table = page.partition("Reasons of degradation:")[2].partition("\n\n")[2].partition("\n\n")[0]

    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.M) == [reason.value for reason in Reason]


def test_of_who_is_named_by_a_claim_nothing_is_used() -> None:
    asked = DecisionRequest(
        id="r-1", identifiers={"email": "a@b.pl"}, channel="web", placements=(PlacementRequest(name="top"),)
    )
    for unproven in (False, True):
        known = {"customer.age": 40, "now": NOW}
        answer = fallback(shop().plan, asked, known, NOW, Reason.STORE_SLOW, unproven=unproven)
        assert [one.action for one in answer.placements[0].actions] == ["plain", "other"]
        assert ("customer.age" in answer.facts) is not unproven
        assert [hold.kind for hold in answer.holds] == ["identity"] * unproven
