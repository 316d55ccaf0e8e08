"""The examples with their real customers, and edits that a strategist might make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path

from examples.coupons import data_mapping as coupons
from examples.telecom import data_mapping as telecom
from opportune.evaluate.foresight import Case
from opportune.records import DecisionRequest, PlacementRequest
from opportune.service.revisions import Strategy, strategy_from_files

__all__ = ["EDITS", "Edit", "edited", "example", "people"]

EXAMPLES = Path(__file__).parents[3] / "examples"
AT = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)
TOPICS = ("invoice", "outage", "technical", "contract", "moving", "other")
Files = dict[str, str]


@cache
def files(project: str) -> Files:
    folder = EXAMPLES / project
    texts = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(folder.rglob("*.yaml"))}
    # Tests of the examples are about the examples as they are.
    return {path: text for path, text in texts.items() if not path.startswith("tests/")}


@cache
def example(project: str) -> Strategy:
    return strategy_from_files(files(project))[0]


def people(project: str, count: int) -> list[Case]:
    """Contacts of real customers, spread over all that there are; at least so many."""
    return (_drivers if project == "coupons" else _callers)(count)


def _callers(count: int) -> list[Case]:
    found = []
    for number, customer in enumerate(islice(telecom.rows(), 0, None, 7_043 // count)):
        channel = "app" if number % 3 == 0 else "call_centre"
        placements = ("home", "account") if channel == "app" else ("desk",)
        context = {
            "topic": TOPICS[number % len(TOPICS)],
            "mood": ("calm", "unhappy", "angry")[number % 7 % 3],
            "waiting_minutes": number % 30,
            "agent_skill": "general",
        }
        found.append(_case(customer.id, channel, placements, context, customer.attributes, number))
    return found


def _drivers(count: int) -> list[Case]:
    found = []
    for number, row in enumerate(islice(coupons.rows(), 0, None, 12_684 // count)):
        found.append(_case(f"row {number}", "in_car_screen", ("main",), row.context, row.attributes, number))
    return found


def _case(name, channel, placements, context, attributes, number):
    request = DecisionRequest(
        id=name,
        channel=channel,
        placements=tuple(PlacementRequest(name=one) for one in placements),
        context=dict(context),
    )
    return Case(name, name, request, attributes, AT + timedelta(minutes=number), f"seed {name}")


@dataclass(frozen=True)
class Edit:
    """A change of an example's files."""

    name: str
    project: str
    change: Callable[[Files], Files]


def replacing(path: str, old: str, new: str) -> Callable[[Files], Files]:
    def change(texts: Files) -> Files:
        assert old in texts[path], (path, old)
        return {**texts, path: texts[path].replace(old, new, 1)}

    return change


def without(path: str) -> Callable[[Files], Files]:
    return lambda texts: {name: text for name, text in texts.items() if name != path}


def added(path: str, text: str) -> Callable[[Files], Files]:
    return lambda texts: {**texts, path: text}


def both(first: Callable[[Files], Files], second: Callable[[Files], Files]) -> Callable[[Files], Files]:
    return lambda texts: second(first(texts))


def renamed(old: str, new: str, former: str) -> Callable[[Files], Files]:
    def change(texts: Files) -> Files:
        rest = {name: text for name, text in texts.items() if name != old}
        return {**rest, new: f"renamed_from: {former}\n{texts[old]}"}

    return change


SECURITY = "actions/protection/online_security.yaml"
NEW_ACTION = """\
kind: service
title: Thank a customer of many years
eligibility: {rule: "customer.tenure_months >= 48", because: "Not with us that long"}
values:
  retention: {shown: 4}
treatments:
  call_centre:
    script:
      content:
        en: {title: "Thank you", text: "Thank you for so many years with us."}
        pl: {title: "Dziękujemy", text: "Dziękujemy za tyle lat z nami."}
"""
EDITS = (
    Edit("a lever", "telecom", replacing("actions/retention/group.yaml", "lever: 1.2", "lever: 2.0")),
    Edit("a weight", "telecom", replacing("goals.yaml", "weight: 0.5", "weight: 3.0")),
    Edit(
        "a rule",
        "telecom",
        replacing(SECURITY, "applicability:", 'eligibility: "customer.tenure_months >= 12"\napplicability:'),
    ),
    Edit(
        "a segment",
        "telecom",
        replacing("segments.yaml", "customer.tenure_months <= 12", "customer.tenure_months <= 24"),
    ),
    Edit("a switch", "telecom", replacing("actions/billing/paperless_invoice.yaml", "title:", "active: false\ntitle:")),
    Edit("a new action", "telecom", added("actions/retention/thanks.yaml", NEW_ACTION)),
    Edit("an action less", "telecom", without("actions/entertainment/streaming_tv.yaml")),
    Edit("a size", "telecom", replacing("channels.yaml", "size: 3", "size: 2")),
    Edit(
        "words",
        "telecom",
        replacing("actions/contracts/contract_one_year.yaml", "A year's contract", "One year with us"),
    ),
    Edit(
        "a new name",
        "telecom",
        renamed(SECURITY, "actions/protection/safe_surfing.yaml", "online_security"),
    ),
    Edit("layout alone", "telecom", replacing("goals.yaml", "# All values", "# Every value")),
    Edit("a value", "coupons", replacing("actions/bar/bar_2h.yaml", "1.61 USD", "9.00 USD")),
    Edit("a group", "coupons", replacing("actions/bar/group.yaml", "context.hour >= 12", "context.hour >= 18")),
    Edit(
        "exclusivity",
        "coupons",
        both(
            replacing("actions/bar/bar_1d.yaml", "exclusive: [bar]\n", ""),
            replacing("actions/bar/bar_2h.yaml", "exclusive: [bar]\n", ""),
        ),
    ),
    Edit("a context weight", "coupons", replacing("actions/bar/bar_1d.yaml", "percent: 25", "percent: 250")),
    Edit("a control group", "coupons", replacing("control_groups.yaml", "share: 0.02", "share: 0.3")),
)


def edited(edit: Edit) -> Strategy:
    return strategy_from_files(edit.change(files(edit.project)))[0]
