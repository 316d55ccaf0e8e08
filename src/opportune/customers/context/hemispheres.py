"""On which half of the Earth a time zone lies, by the place that the zone database gives for it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

__all__ = ["is_southern"]


@cache
def is_southern(zone: str) -> bool:
    """Say whether the principal place of a zone lies south of the equator; zones without a place count as northern."""
    return _targets().get(zone, zone) in _southern() or zone in _southern()


@cache
def _southern() -> frozenset[str]:
    """Zones whose coordinates begin with a minus sign, such as -3352+15113."""
    lines = _read("zone.tab").splitlines()
    rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return frozenset(row[2] for row in rows if row[1].startswith("-"))


@cache
def _targets() -> dict[str, str]:
    """Other names of zones → the name that has a place."""
    rows = (line.split() for line in _read("tzdata.zi").splitlines() if line.startswith("L "))
    return {row[2]: row[1] for row in rows}


def _read(name: str) -> str:
    return (files("tzdata") / "zoneinfo" / name).read_text(encoding="utf-8")
