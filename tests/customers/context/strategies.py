"""Strategies with sources: the corner shop with files more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from opportune.customers.context import NO_ANSWERS, Answers, Gathered, Sources
from opportune.records import DecisionRequest, PlacementRequest, Value
from opportune.strategy import check_files
from opportune.strategy.compile import registries
from tests.service.shop import files as shop

__all__ = ["MAY", "fill", "request", "sources"]

MAY = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
"""A Monday, noon in Warsaw."""
ATTRIBUTES = """
latitude: { type: number, range: [-90, 90] }
longitude: { type: number, range: [-180, 180] }
birth_date: { type: text }
member_since: { type: timestamp }
country: { type: text, values: [PL, US, DE, XX] }
region: { type: text }
"""


def sources(context: str, declared: str = "", **sheets: str) -> Sources:
    """Compile sources.

    Args:
        context: more of context.yaml; declared: sources.yaml.
        sheets: name → text of sources/NAME.csv, or of sources/NAME where the name has an ending.
    """
    files = shop()
    files["attributes.yaml"] += ATTRIBUTES
    files["context.yaml"] += context
    files |= {f"sources/{name if '.' in name else name + '.csv'}": text for name, text in sheets.items()}
    if declared:
        files["sources.yaml"] = declared
    return registries(check_files(files).project).sources


def request(zone: str | None = None, **context: Value) -> DecisionRequest:
    """Give a request of the shop's channel."""
    placements = (PlacementRequest(name="receipt"),)
    return DecisionRequest(id="r-1", channel="till", placements=placements, context=context, zone=zone)


def fill(
    sources: Sources,
    customer: Mapping[str, Value] | None = None,
    now: datetime = MAY,
    zone: str | None = "Europe/Warsaw",
    answers: Answers = NO_ANSWERS,
    **context: Value,
) -> Gathered:
    """Fill the context of one contact."""
    facts = {f"customer.{name}": value for name, value in (customer or {}).items()}
    return sources.fill(facts, request(zone, **context), now, answers)
