"""What is kept about one person, as a page for that person, in English and in Polish."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from opportune.evaluate.pages import Cell, document, table
from opportune.service.consents import ConsentLine
from opportune.service.export import ExportedDecision, ExportedEntry, Named, PersonExport, Reason, Taught
from opportune.service.export_said import Speaker
from opportune.service.export_words import LANGUAGES, Words
from opportune.strategy.project import Project

__all__ = ["LANGUAGES", "page_of"]


def page_of(found: PersonExport, language: str, project: Project) -> bytes:
    """Write the page.

    Args:
        language: one of `LANGUAGES`.
        project: the one in use, whose titles are read in place of names.
    """
    words = Words(language)
    page = _Page(words, Speaker(project, words))
    sections = [
        page.named("identifiers", found.identifiers, ""),
        page.named("profile", found.profile, "customer."),
        page.consents(found.consents),
        page.memberships(found.memberships),
        page.named("features", found.features, "feature."),
        page.decisions(found.decisions),
        page.entries("outcomes", found.outcomes),
        page.entries("events", found.events),
        page.entries("changes", found.changes),
        page.taught(found.taught),
    ]
    made = words("made").format(page.say.moment(found.made_at))
    names = ", ".join(str(one.value) for one in found.identifiers)
    return document(language, words("title"), names, made, sections).encode()


class _Page:
    """Writes the parts of one page."""

    def __init__(self, words: Words, say: Speaker) -> None:
        self.words, self.say = words, say

    def part(self, key: str, names: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
        """Write one section; of nothing it says so."""
        return self._section(key, self._table(self.words(key), names, rows) if rows else "")

    def named(self, key: str, values: Sequence[Named], prefix: str) -> str:
        """Write values by their names.

        Args:
            prefix: of their keys; "" where they are identifiers.
        """
        say = self.say
        rows = [
            (
                say.input(prefix + one.name) if prefix else say.identifier(one.name),
                say.value(one.value, prefix + one.name),
                say.moment(one.at),
            )
            for one in values
        ]
        dated = 3 if any(one.at for one in values) else 2
        return self.part(key, ("name", "value", "at")[:dated], [row[:dated] for row in rows])

    def consents(self, lines: Sequence[ConsentLine]) -> str:
        """Write how consents stand."""
        say = self.say
        rows = [
            (
                say.purpose(one.purpose),
                say.channel(one.channel),
                say.value(one.allowed),
                say.moment(one.at),
                one.source,
                one.text_version,
            )
            for one in lines
        ]
        return self.part("consents", ("purpose", "channel", "allowed", "at", "source", "text"), rows)

    def memberships(self, units: dict[str, Any]) -> str:
        """Write whom the person belongs to, and what is known of that."""
        rows = [
            (
                self.say.level(level),
                self.say.pairs({f"{level}.{name}": value for name, value in unit.get("attributes", {}).items()}),
            )
            for level, unit in units.items()
        ]
        return self.part("memberships", ("unit", "said"), rows)

    def decisions(self, decisions: Sequence[ExportedDecision]) -> str:
        """Write every decision with short tables of what was shown, known and why."""
        return self._section("decisions", "".join(map(self._decision, decisions)))

    def entries(self, key: str, entries: Sequence[ExportedEntry]) -> str:
        """Write entries of the journal."""
        rows = [(self.say.moment(one.occurred_at), *self._entry(one)) for one in entries]
        return self.part(key, ("at", "kind", "said"), rows)

    def taught(self, rows: Sequence[Taught]) -> str:
        """Write what models learned from."""
        say = self.say
        told = [(say.moment(one.at), say.action(one.action), say.outcome(one.outcome), say.pairs(one.inputs))
                for one in rows]  # fmt: skip
        return self.part("taught", ("at", "action", "outcome", "inputs"), told)

    def _decision(self, one: ExportedDecision) -> str:
        words, say = self.words, self.say
        title = f"{say.moment(one.at)}, {say.channel(one.channel)}"
        told = [
            words(key)
            for key, holds in (
                ("erased", one.erased),
                ("unprofiled", bool(one.profiling)),
                ("degraded", one.degraded is not None),
            )
            if holds
        ]
        shown = [
            (say.action(shown["action"]), "; ".join(shown.get("content", {}).values()))
            for place in one.shown.values()
            for shown in place
        ]
        named = [(say.identifier(kind), value) for kind, value in sorted(one.identifiers.items())]
        known = named + say.inputs({**one.facts, **{f"context.{name}": value for name, value in one.context.items()}})
        why = [(say.action(reason.action), self._reason(reason, one.erased)) for reason in one.reasons]
        tables = [
            self._table(words(key), names, rows)
            for key, names, rows in (
                ("shown", ("action", "text"), shown),
                ("known", ("name", "value"), known),
                ("reasons", ("action", "reason"), why),
            )
            if rows
        ]
        notes = f"<p>{escape(' '.join(told))}</p>" if told else ""
        return f"<h3>{escape(title)}</h3>{notes}{''.join(tables)}"

    def _reason(self, one: Reason, is_erased: bool) -> str:
        told = [self.words(f"stage {one.stage}"), *one.because]
        if one.values and not is_erased:
            told.append(self.words("decided by").format(self.say.pairs(one.values)))
        return "; ".join(told)

    def _entry(self, one: ExportedEntry) -> tuple[str, str]:
        """Say what an entry is, and what it says of the person."""
        say, words, details, own = self.say, self.words, one.details, one.personal or {}
        kind = words.or_plain(f"kind {one.kind}", one.kind)
        match one.kind:
            case "event":
                return say.event(details["type"]), say.pairs(
                    {f"event.{name}": value for name, value in own.get("attributes", {}).items()}
                )
            case "outcome":
                return say.outcome(details["outcome"]) or words("withdrawn"), self._outcome(details)
            case "profile":
                values = {f"customer.{name}": value for name, value in own.get("attributes", {}).items()}
                removed = ", ".join(say.input(f"customer.{name}") for name in own.get("removed", ()))
                return kind, "; ".join(filter(None, (say.pairs(values), removed and f"{words('removed')}: {removed}")))
            case "consent":
                told = (say.purpose(details["purpose"]), say.channel(details["channel"]), own.get("source", ""))
                return kind, ", ".join(filter(None, told)) + f": {say.value(details['given'])}"
            case "member":
                return kind, f"{say.level(details['level'])}: {own.get('unit') or words('leaves')}"
            case _:
                names = [(own.get(f"{side}_kind"), own.get(side)) for side in ("identifier", "other")]
                return kind, "; ".join(f"{say.identifier(name)}: {value}" for name, value in names if name)

    def _outcome(self, details: dict[str, Any]) -> str:
        told = [self.say.action(details["action"])]
        if details.get("amount") is not None:
            told.append(self.say.value(details["amount"]))
        if details.get("expiry"):
            told.append(self.words("silence"))
        return ", ".join(told)

    def _section(self, key: str, content: str) -> str:
        if content and key != "decisions":
            return f"<section>{content}</section>"
        nothing = f"<p>{escape(self.words('nothing'))}</p>"
        return f"<section><h2>{escape(self.words(key))}</h2>{content or nothing}</section>"

    def _table(self, title: str, names: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
        return table(title, [self.words(name) for name in names], rows, len(names))
