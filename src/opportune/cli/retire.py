"""`opportune retire`: let the journal's oldest entries go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from opportune.cli.output import JsonOption, bar, count, fail, failures, out, print_json
from opportune.cli.releases import expect_store
from opportune.errors import InputError
from opportune.service.class_retention import drop_old
from opportune.service.course import Course
from opportune.service.publishing import current
from opportune.storage import open_storage
from opportune.storage import retire as drop_oldest

__all__ = ["retire"]

KEEP_DAYS_MAX = 36_500


def retire(
    store: Annotated[str, typer.Option(help="File of the store, or its URL.")] = "opportune.db",
    keep_days: Annotated[int, typer.Option(help="Keep what was recorded in so many days, at least 30.")] = 0,
    classes: Annotated[
        bool, typer.Option("--classes", help="Drop what events and attributes say longer than their own keep_days.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Drop the oldest entries of the journal.

    All that is personal in them goes too.

    What a running service still needs stays, whatever its age. Profiles, identifiers, revisions, models and counts
    stay. Not beside a running service on SQLite: set retention_days in the strategy there.
    """
    if classes and not keep_days:
        _retire_classes(store, as_json)
        return
    with failures(as_json):
        if classes:
            fail("expected --keep-days or --classes, found both")
        if not 30 <= keep_days <= KEEP_DAYS_MAX:
            fail(f"--keep-days: expected a whole number from 30 to {KEEP_DAYS_MAX:,}")
        expect_store(store)
        with open_storage(store) as storage:
            total = storage.last_sequence()
            before = datetime.now(UTC) - timedelta(days=keep_days)
            with bar("Dropping", as_json) as progress:
                retired = drop_oldest(storage, before, lambda entries: progress(entries, total))
    if as_json:
        print_json(retired)
        return
    out.print(f"{count(retired.entries, 'entry', 'entries')} dropped; the journal begins with {retired.beginning:,}.")
    if retired.held:
        out.print(f"Older ones are kept: {retired.held}.")


def _retire_classes(store: str, as_json: bool) -> None:
    with failures(as_json):
        expect_store(store)
        with open_storage(store) as storage:
            course = Course(storage)
            step = current(course)
            if step is None:
                raise InputError.of("store", "it has no revision that can be used", "publish a strategy")
            dropped = drop_old(storage, course.strategies.of(step.hash).project, datetime.now(UTC))
            storage.compact()
    if as_json:
        print_json(dropped)
        return
    events, changes = count(dropped.events, "event"), count(dropped.changes, "profile change")
    out.print(f"{events} and {changes} say nothing any more; {count(dropped.values, 'value')} gone from profiles.")
