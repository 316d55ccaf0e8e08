"""Do the keys of an exploration agree with each other, and does each of them do something?"""

from __future__ import annotations

from collections.abc import Sequence

from opportune.strategy.checks.notes import Notes
from opportune.strategy.sections.exploration import Exploration

__all__ = ["check_exploration"]

FILE = "project.yaml"
OWNERS = {"scale": "thompson", "gamma": "igw"}
"""Key -> the only method that reads it."""


def check_exploration(notes: Notes) -> None:
    """Check the project's exploration and those of placements."""
    project = notes.project
    methods: set[str] = set()
    is_unclear = notes.gaps.may_hold(FILE, "exploration")
    for channel, section in project.channels.items():
        for placement, slot in section.placements.items():
            if slot.exploration is not None and is_unclear and "method" not in slot.exploration.model_fields_set:
                continue
            whole = project.exploration(channel, placement)
            if slot.exploration is None or "method" not in slot.exploration.model_fields_set:
                methods.add(whole.method)
            if slot.exploration is not None:
                path = [channel, "placements", placement, "exploration"]
                _check_keys(notes, "channels.yaml", path, slot.exploration, [whole.method])
                _check_ceiling(notes, "channels.yaml", path, slot.exploration, whole)
    if is_unclear:
        return
    own = project.settings.exploration
    if project.channels and notes.all_channels_known():
        _check_keys(notes, FILE, ["exploration"], own, sorted(methods | {own.method}))
    _check_ceiling(notes, FILE, ["exploration"], own, own)


def _check_keys(notes: Notes, file: str, path: Sequence[str], own: Exploration, methods: Sequence[str]) -> None:
    """Report a key that no method reads for which it counts."""
    for key, owner in OWNERS.items():
        if key in own.model_fields_set and owner not in methods:
            message = f"'{key}' counts for method {owner} alone, found {' and '.join(methods)}"
            notes.report(file, [*path, key], message, f"remove it, or write 'method: {owner}'", "unread-key", key=True)


def _check_ceiling(notes: Notes, file: str, path: Sequence[str], own: Exploration, whole: Exploration) -> None:
    """Report a ceiling below the floor, where one of both is written."""
    written = [key for key in ("ceiling", "floor") if key in own.model_fields_set]
    if written and whole.ceiling < whole.floor:
        message = f"expected a ceiling of at least the floor {whole.floor:g}, found {whole.ceiling:g}"
        notes.report(file, [*path, written[0]], message, "raise the ceiling or lower the floor", "ceiling")
