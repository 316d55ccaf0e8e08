"""What is kept about one person, as a page for that person, in English and in Polish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

import msgspec

from opportune.evaluate.pages import Cell, document, table
from opportune.service.export import ExportedDecision, ExportedEntry, Named, PersonExport

__all__ = ["LANGUAGES", "page_of"]

LANGUAGES = ("en", "pl")

_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("What we keep about you", "Co o Tobie przechowujemy"),
    "made": ("As of {}.", "Stan z {}."),
    "identifiers": ("How we know you", "Po czym Cię poznajemy"),
    "profile": ("What we know of you", "Co o Tobie wiemy"),
    "features": ("What we compute from that", "Co z tego wyliczamy"),
    "consents": ("What you allow", "Na co pozwalasz"),
    "memberships": ("Whom you belong to", "Do czego należysz"),
    "decisions": ("What was decided for you, and why", "Co dla Ciebie wybrano i dlaczego"),
    "outcomes": ("What came of it", "Co z tego wynikło"),
    "events": ("What happened", "Co się wydarzyło"),
    "changes": ("What changed in what we know", "Co zmieniło się w tym, co wiemy"),
    "taught": ("What our models learned from", "Na czym uczyły się nasze modele"),
    "nothing": ("Nothing.", "Nic."),
    "name": ("Name", "Nazwa"),
    "value": ("Value", "Wartość"),
    "at": ("When", "Kiedy"),
    "purpose": ("Purpose", "Cel"),
    "channel": ("Channel", "Kanał"),
    "allowed": ("Allowed", "Dozwolone"),
    "source": ("How it was said", "Jak to powiedziano"),
    "text": ("Text", "Treść"),
    "kind": ("What", "Co"),
    "said": ("Details", "Szczegóły"),
    "shown": ("Shown", "Pokazano"),
    "known": ("What was known", "Co było wiadome"),
    "reasons": ("Reasons", "Powody"),
    "action": ("Offer or action", "Oferta lub działanie"),
    "outcome": ("Answer", "Odpowiedź"),
    "inputs": ("Inputs", "Dane wejściowe"),
    "yes": ("yes", "tak"),
    "no": ("no", "nie"),
    "unit": ("Group", "Grupa"),
}
"""Key → words in the order of `LANGUAGES`."""


class _Page:
    """Writes the parts of one page."""

    def __init__(self, language: str) -> None:
        self._place = LANGUAGES.index(language)

    def word(self, key: str) -> str:
        return _WORDS[key][self._place]

    def part(self, key: str, names: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
        """Write one section; of nothing it says so."""
        title = self.word(key)
        if not rows:
            return f"<section><h2>{escape(title)}</h2><p>{escape(self.word('nothing'))}</p></section>"
        written = table(title, [self.word(name) for name in names], rows, len(names))
        return f"<section>{written}</section>"

    def named(self, key: str, values: Sequence[Named]) -> str:
        return self.part(
            key, ("name", "value", "at"), [(one.name, _text(one.value), _moment(one.at)) for one in values]
        )

    def entries(self, key: str, entries: Sequence[ExportedEntry]) -> str:
        rows = [(_moment(one.occurred_at), one.kind, _text({**one.details, **(one.personal or {})})) for one in entries]
        return self.part(key, ("at", "kind", "said"), rows)

    def decisions(self, decisions: Sequence[ExportedDecision]) -> str:
        rows = [
            (_moment(one.at), one.channel, _text(one.shown), _text({**one.facts, **one.context}), _reasons(one))
            for one in decisions
        ]
        return self.part("decisions", ("at", "channel", "shown", "known", "reasons"), rows)

    def allowed(self, is_allowed: bool) -> str:
        return self.word("yes" if is_allowed else "no")


def page_of(found: PersonExport, language: str) -> bytes:
    """Write the page.

    Args:
        language: one of `LANGUAGES`.
    """
    page = _Page(language)
    consents = [
        (one.purpose, one.channel, page.allowed(one.allowed), _moment(one.at), one.source, one.text_version)
        for one in found.consents
    ]
    sections = [
        page.named("identifiers", found.identifiers),
        page.named("profile", found.profile),
        page.part("consents", ("purpose", "channel", "allowed", "at", "source", "text"), consents),
        page.part("memberships", ("unit", "said"), [(name, _text(unit)) for name, unit in found.memberships.items()]),
        page.named("features", found.features),
        page.decisions(found.decisions),
        page.entries("outcomes", found.outcomes),
        page.entries("events", found.events),
        page.entries("changes", found.changes),
        page.part(
            "taught",
            ("at", "action", "outcome", "inputs"),
            [(_moment(one.at), one.action, one.outcome, _text(one.inputs)) for one in found.taught],
        ),
    ]
    made = page.word("made").format(_moment(found.made_at))
    names = ", ".join(str(one.value) for one in found.identifiers)
    return document(language, page.word("title"), names, made, sections).encode()


def _reasons(decision: ExportedDecision) -> str:
    told = [f"{one.action}: {one.reason}" for one in decision.reasons if one.reason]
    return "; ".join(([decision.profiling] if decision.profiling else []) + told)


def _moment(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _text(value: Any) -> str:
    """Write a value on one line; texts as they are."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
