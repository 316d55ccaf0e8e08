"""Is there anything that reads what is said in a persona test?"""

from __future__ import annotations

from opportune.strategy.checks.notes import Notes, Path
from opportune.strategy.sections.personas import Persona
from opportune.strategy.wording import suggest

__all__ = ["check_persona_texts"]

READINGS = "texts.yaml"
SETTINGS = "project.yaml"


def check_persona_texts(notes: Notes, persona: Persona, file: str, index: int) -> None:
    """Check the texts of a test and their language."""
    languages = notes.project.settings.languages
    spoken = persona.language
    if spoken is not None and spoken not in languages and not notes.gaps.may_hold(SETTINGS, "languages"):
        remedy = suggest(spoken, languages, "its languages")
        notes.report(file, [index, "language"], f"unknown language '{spoken}'", remedy, "unknown-language")
    if persona.text and persona.turns:
        remedy = "move it to the turn in which it is said"
        notes.report(file, [index, "text"], "found both 'text' and 'turns'", remedy, "contradiction", key=True)
    if notes.project.texts or READINGS in notes.gaps.files or any(path == READINGS for path, _ in notes.gaps.names):
        return
    places: list[Path] = [[index, "text"]] if persona.text else []
    places += [[index, "turns", number, "text"] for number, turn in enumerate(persona.turns) if turn.text]
    for path in places:
        remedy = f"say in {READINGS} what is read out of it, or remove it"
        notes.report(file, path, "nothing reads what is said", remedy, "unread-text", key=True)
