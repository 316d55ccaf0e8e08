"""Refusals of ids and names that are wrong."""

from __future__ import annotations

from collections.abc import Iterable

from opportune.errors import Problem, suggest
from opportune.storage import id_fault

__all__ = ["id_problem", "unknown_name"]


def id_problem(where: str, text: str) -> Problem | None:
    """Say what is wrong with an id or identifier, if anything."""
    fault = id_fault(text)
    return Problem("", 0, 0, where, fault, "", "invalid-request") if fault else None


def unknown_name(where: str, noun: str, name: str, known: Iterable[str], code: str) -> Problem:
    """Say that the strategy has no such name, and which one may be meant."""
    names = sorted(known)
    remedy = suggest(name, names, f"known: {', '.join(names[:20]) or 'none'}")
    return Problem("", 0, 0, where, f"the strategy has no such {noun}", remedy, code)
