"""Does a persona test say of its units what can be known of them?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from opportune.strategy.checks.notes import Notes, Path
from opportune.strategy.registries import registry
from opportune.strategy.sections.personas import Persona

__all__ = ["check_persona_units"]

LEVELS = "levels.yaml"


def check_persona_units(notes: Notes, persona: Persona, file: str, index: int) -> None:
    """Check what a persona test says of units: known levels, their attributes, and values that fit."""
    for level, values in persona.units.items():
        path: list[str | int] = [index, "units", level]
        if notes.expect_name(level, notes.project.levels, LEVELS, "level", file, path, key=True):
            _check(notes, level, values, file, path)


def _check(notes: Notes, level: str, values: Mapping[str, Any], file: str, path: Path) -> None:
    attributes = notes.project.levels[level].attributes
    reader = registry(attributes, f"{level}.")
    for name, value in values.items():
        here = [*path, name]
        if not notes.expect_name(name, attributes, LEVELS, "attribute", file, here, key=True):
            continue
        if notes.gaps.may_hold(LEVELS, level):
            continue
        notes.fitting(partial(reader.read, {name: value}, missing_allowed=False), file, here)
