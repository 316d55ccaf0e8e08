"""What a contact imagines beside its attributes, as a persona test does: consents, events, units, and what is said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from opportune.errors import InputError
from opportune.strategy.checks.notes import Notes
from opportune.strategy.checks.persona_consents import check_persona_consents
from opportune.strategy.checks.persona_events import check_persona_events
from opportune.strategy.checks.persona_texts import check_persona_texts
from opportune.strategy.checks.persona_units import check_persona_units
from opportune.strategy.load import Gaps
from opportune.strategy.project import Project
from opportune.strategy.read import read_section
from opportune.strategy.sections.personas import Persona
from opportune.strategy.source import parse

__all__ = ["KEYS", "imagined"]

KEYS = ("consents", "events", "text", "units")
"""Keys of a persona test that a contact may have."""
_REST = {"name": "contact", "channel": "none", "placement": "none"}


def imagined(project: Project, given: Mapping[str, Any], at: datetime) -> Persona:
    """Read what a contact imagines, and check it as the checks of persona tests do.

    Args:
        given: values of `KEYS`, as JSON has them; others are left alone.
        at: moment of the contact.

    Returns:
        a persona of which nothing else is meant.

    Raises:
        InputError: with all that is wrong.
    """
    own = {name: given[name] for name in KEYS if name in given}
    persona, problems = read_section(Persona, parse(json.dumps({**_REST, "at": at.isoformat(), **own})), "")
    if persona is not None:
        notes = Notes(project, Gaps())
        check_persona_consents(notes, persona, "", 0)
        check_persona_events(notes, persona, "", 0)
        check_persona_texts(notes, persona, "", 0)
        check_persona_units(notes, persona, "", 0)
        problems += notes.problems
    if problems or persona is None:
        raise InputError([replace(problem, file="", line=0, column=0) for problem in problems])
    return persona
