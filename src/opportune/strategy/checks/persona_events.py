"""Can what a persona test lets happen be, by the project's event types?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from opportune.strategy.checks.contact_policies import check_length
from opportune.strategy.checks.notes import Notes
from opportune.strategy.registries import registry
from opportune.strategy.sections.personas import Persona, PersonaEvent

__all__ = ["check_persona_events"]

SOURCE = "events.yaml"


def check_persona_events(notes: Notes, persona: Persona, file: str, index: int) -> None:
    """Check the events of a test and of its turns."""
    _check(notes, persona.events, file, [index, "events"])
    for number, turn in enumerate(persona.turns):
        _check(notes, turn.events, file, [index, "turns", number, "events"])


def _check(notes: Notes, events: Sequence[PersonaEvent], file: str, above: list[str | int]) -> None:
    known = notes.project.events
    for number, one in enumerate(events):
        path = [*above, number]
        if one.ago is not None:
            check_length(notes, file, [*path, "ago"], one.ago)
        if not notes.expect_name(one.event, known, SOURCE, "event type", file, [*path, "event"]):
            continue
        attributes = known[one.event].attributes
        reader = registry(attributes, "event.")
        for name, value in one.attributes.items():
            here = [*path, "attributes", name]
            if not notes.expect_name(name, attributes, SOURCE, "attribute", file, here, key=True):
                continue
            notes.fitting(partial(reader.typed, {name: value}, missing_allowed=False), file, here)
