"""`opportune export-person`: all that is kept about one person, as one readable file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.markup import escape

from opportune.cli.identity import CustomerArgument, read_identifier
from opportune.cli.output import JsonOption, count, fail, failures, out, print_json
from opportune.errors import InputError
from opportune.service.course import Course
from opportune.service.export import PersonExport
from opportune.service.export import export_person as collected
from opportune.service.export_page import LANGUAGES, page_of
from opportune.service.publishing import current
from opportune.storage import open_storage

__all__ = ["export_person"]


def export_person(
    customer: CustomerArgument,
    store: Annotated[str, typer.Option(help="File of the store, or its URL.")] = "opportune.db",
    to: Annotated[Path | None, typer.Option("--out", help="File to write: .json, or .html for people.")] = None,
    language: Annotated[str, typer.Option(help="Language of the page: en or pl.")] = "en",
    as_json: JsonOption = False,
) -> None:
    """Write down all that is kept about one person.

    Identifiers, profile, consents, memberships, events, decisions with their reasons, outcomes, features, and what
    models learned from. Works beside a running service.
    """
    with failures(as_json):
        if language not in LANGUAGES:
            fail(f"--language: expected {' or '.join(LANGUAGES)}")
        if to is not None and to.suffix not in (".json", ".html"):
            fail("--out: expected a name that ends in .json or .html")
        with open_storage(store, read_only=True) as opened, opened.snapshot() as storage:
            course = Course(storage)
            step = current(course)
            if step is None:
                raise InputError.of("store", "it has no revision that can be used", "publish a strategy")
            strategy = course.strategies.of(step.hash)
            one = read_identifier(strategy.registries.identifiers, customer)
            found = collected(storage, course, strategy, datetime.now(UTC), one.value, one.kind)
    if to is None:
        print_json(found)
        return
    with failures(as_json):
        to.write_bytes(page_of(found, language, strategy.project) if to.suffix == ".html" else _written(found))
    if as_json:
        print_json({"file": str(to)})
        return
    entries = len(found.decisions) + len(found.outcomes) + len(found.events) + len(found.changes)
    out.print(escape(f"{count(entries, 'entry', 'entries')} of one person written to {to}."))


def _written(found: PersonExport) -> bytes:
    return msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"
