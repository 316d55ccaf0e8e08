"""Does project.yaml name what exists?"""

from __future__ import annotations

from opportune.strategy.checks.notes import Notes
from opportune.strategy.codes import LANGUAGES, is_language, zones
from opportune.strategy.wording import suggest

__all__ = ["check_settings"]

FILE = "project.yaml"


def check_settings(notes: Notes) -> None:
    """Check time zone and languages."""
    if FILE in notes.gaps.files:
        return
    settings = notes.project.settings
    if settings.time_zone not in zones():
        message = f"unknown time zone '{settings.time_zone[:60]}'"
        notes.report(FILE, ["time_zone"], message, _zone_remedy(settings.time_zone), "unknown-zone")
    before = len(notes.problems)
    for index, code in enumerate(settings.languages):
        if not is_language(code):
            message = f"unknown language '{code[:40]}'"
            notes.report(FILE, ["languages", index], message, _language_remedy(code), "unknown-language")
    if len(notes.problems) > before:
        notes.doubt(FILE, "languages")


def _zone_remedy(zone: str) -> str:
    cities = {name.rsplit("/", 1)[-1].lower(): name for name in sorted(zones()) if "/" in name}
    city = cities.get(zone.rsplit("/", 1)[-1].strip().lower().replace(" ", "_"))
    if city:
        return f"did you mean '{city}'?"
    remedy = suggest(zone, zones())
    return remedy if remedy.startswith("did") else "use a name of the IANA list, such as Europe/Warsaw"


def _language_remedy(code: str) -> str:
    first, _, rest = code.replace("_", "-").partition("-")
    proposal = f"{first.lower()}-{rest.upper()}" if rest else first.lower()
    if is_language(proposal):
        return f"did you mean '{proposal}'?"
    if first.lower()[:2] in LANGUAGES and not rest and len(first) > 3:
        return f"use a code, such as '{first.lower()[:2]}'"
    return "use a code such as en, pl or pt-BR"
