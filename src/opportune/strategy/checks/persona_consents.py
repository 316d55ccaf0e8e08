"""Do persona tests assume consents that can be?"""

from __future__ import annotations

from opportune.strategy.checks.contact_policies import check_length, item_place
from opportune.strategy.checks.notes import Notes
from opportune.strategy.sections.personas import Persona
from opportune.strategy.wording import suggest

__all__ = ["check_persona_consents"]


def check_persona_consents(notes: Notes, persona: Persona, file: str, index: int) -> None:
    """Check what a persona test says of consents: known purposes, their channels and their texts."""
    project = notes.project
    purposes = {**notes.gaps.purposes, **project.purposes}
    for purpose, said in persona.consents.items():
        path: list[str | int] = [index, "consents", purpose]
        if not notes.expect_name(purpose, purposes, "consents.yaml", "purpose", file, path, key=True):
            continue
        texts = purposes[purpose].texts
        for position, one in enumerate(said):
            place = item_place(notes, file, path, position)
            if one.channel is not None:
                notes.expect_name(one.channel, project.channels, "channels.yaml", "channel", file, [*place, "channel"])
            if one.text and texts and one.text not in texts:
                message = f"unknown text '{one.text}' of purpose '{purpose}'"
                notes.report(file, [*place, "text"], message, suggest(one.text, texts, "known texts"), "unknown-text")
            check_length(notes, file, [*place, "ago"], one.ago)
