"""Kinds of sources of the context: which keys each takes, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opportune.customers.context.clock import PARTS_OF_DAY, SEASONS
from opportune.customers.context.devices import FAMILIES, SYSTEMS
from opportune.records import ValueType
from opportune.strategy.project import Project
from opportune.strategy.sections.context import ContextSource

__all__ = ["BUILT_IN", "FILED", "KEYS", "REQUIRED", "SHARED_KEYS", "What", "gives"]

BUILT_IN = ("time", "channel")
"""Sources that need no section in sources.yaml."""
FILED = ("places", "weather", "calendar")
"""Kinds that read a file; what they give may be a column of it."""
SHARED_KEYS = frozenset({"kind", "title"})
KEYS: Mapping[str, frozenset[str]] = {
    "holidays": frozenset({"country", "subdivision", "language"}),
    "anniversary": frozenset({"of"}),
    "places": frozenset({"file", "position", "place", "where", "within_km"}),
    "weather": frozenset({"file", "place", "time_zone"}),
    "calendar": frozenset({"file", "position", "where", "within_km", "time_zone"}),
    "device": frozenset({"of"}),
    "http": frozenset({"url", "values", "discloses", "decimals", "timeout_ms", "fresh_minutes", "calls_at_once"}),
}
"""Kind -> the keys that mean something for it."""
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "holidays": ("country",),
    "anniversary": ("of",),
    "places": ("file",),
    "weather": ("file",),
    "calendar": ("file",),
    "device": ("of",),
    "http": ("url", "values", "timeout_ms"),
}
"""Kind -> the keys without which it cannot be asked."""


@dataclass(frozen=True, slots=True)
class What:
    """One thing that a source gives.

    Args:
        type: None where the attribute decides: what a file or a service holds is read as the attribute's type.
        texts: the only ones that come; None where there may be others.
        range: least and greatest number; None where there is no bound.
    """

    type: ValueType | None = None
    texts: tuple[str, ...] | None = None
    range: tuple[float, float] | None = None


_FLAG, _TEXT = What(ValueType.BOOLEAN), What(ValueType.TEXT)
_COUNT, _NUMBER = What(ValueType.INTEGER), What(ValueType.NUMBER)


def _between(low: float, high: float) -> What:
    return What(ValueType.INTEGER, range=(low, high))


_GIVEN: Mapping[str, Mapping[str, What]] = {
    "time": {
        "hour": _between(0, 23),
        "weekday": _between(1, 7),
        "weekend": _FLAG,
        "day": _between(1, 31),
        "month": _between(1, 12),
        "season": What(ValueType.TEXT, SEASONS),
        "part_of_day": What(ValueType.TEXT, PARTS_OF_DAY),
        "session_minutes": _NUMBER,
    },
    "holidays": {
        "is_today": _FLAG,
        "name": _TEXT,
        "days_until": _COUNT,
        "next_name": _TEXT,
        "is_day_before": _FLAG,
        "is_day_after": _FLAG,
    },
    "anniversary": {"is_today": _FLAG, "days_until": _COUNT, "years": _COUNT},
    "places": {"name": What(), "km": _NUMBER, "is_within": _FLAG},
    "weather": {},
    "calendar": {"is_now": _FLAG, "name": What(), "days_until": _COUNT, "next_name": What()},
    "device": {"family": What(ValueType.TEXT, FAMILIES), "system": What(ValueType.TEXT, SYSTEMS)},
}


def gives(project: Project, kind: str, section: ContextSource | None) -> Mapping[str, What]:
    """List what a source gives, beside the columns of its file.

    Args:
        kind: of the section, or a built-in source.
    """
    if kind == "channel":
        directions = ("inbound", "outbound")
        return {"name": What(ValueType.TEXT, tuple(project.channels)), "direction": What(ValueType.TEXT, directions)}
    if kind == "http" and section is not None:
        return dict.fromkeys(section.values or (), What())
    return _GIVEN[kind]
