"""`opportune data`: the quality of what decisions know."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import typer
from rich.markup import escape

from opportune.cli.output import JsonOption, count, fail, failures, out, print_figures, print_json
from opportune.cli.pages import HtmlOption, LanguageOption, language_of, write_page
from opportune.cli.releases import StoreOption, UrlOption, expect_one, opened, service
from opportune.evaluate.data_report import DataReport, page_of
from opportune.evaluate.data_report.words import WORDS, counted_said, said
from opportune.service.course import Course
from opportune.service.publishing import current
from opportune.service.quality import recorded

__all__ = ["data"]

ROWS = 25
"""Inputs that the terminal shows; the page and --json have all."""

data = typer.Typer(help="Judge what decisions know.", no_args_is_help=True, rich_markup_mode=None)


@data.callback()
def _data() -> None:
    """Judge what decisions know."""


@data.command()
def report(
    store: StoreOption = "",
    url: UrlOption = "",
    html: HtmlOption = None,
    language: LanguageOption = "en",
    as_json: JsonOption = False,
) -> None:
    """Judge the inputs of decisions: missing, stale, late, unfit, never seen before, drifting.

    With --url the running processes tell what they counted; with --store the journal's newest decisions do.
    """
    with failures(as_json):
        spoken = language_of(language)
        expect_one(store, url)
        found = _of_service(url) if url else _of_store(store)
        if html is not None:
            write_page(html, page_of(found, spoken))
    if as_json:
        print_json(found)
        return
    _print(found)
    if html is not None:
        out.print(escape(f"The page is {html}."))


def _of_service(url: str) -> DataReport:
    with service(url) as client:
        return msgspec.convert(client.data_report(), DataReport)


def _of_store(store: str) -> DataReport:
    with opened(store, read_only=True) as kept, kept.snapshot() as storage:
        course = Course(storage)
        now = current(course)
        if now is None:
            fail("the store has no revision that can be used; publish one first")
        return recorded(storage, course.strategies.of(now.hash), datetime.now(UTC))


def _print(found: DataReport) -> None:
    words = WORDS["en"]
    if found.concerns:
        out.print(f"{words['look']}:")
    for concern in found.concerns:
        out.print(escape(f"  {said(concern, 'en')}"))
    if not found.concerns:
        out.print(words["well"])
    out.print(escape(counted_said(found, "en")))
    out.print(words.say("compared", now=found.decisions_now, before=found.decisions_before))
    names = ("input", "missing", "stale", "late", "unfit", "refused", "unseen", "drift")
    rows = [
        (
            one.input,
            *(_share(share) for share in (one.missing, one.stale, one.late, one.unfit)),
            f"{one.refused:,}",
            _share(one.unseen),
            "-" if one.drift is None else f"{one.drift:.3f}",
        )
        for one in found.inputs[:ROWS]
    ]
    print_figures(words["inputs"], [words[name] for name in names], rows)
    if len(found.inputs) > ROWS:
        out.print(f"  ... and {count(len(found.inputs) - ROWS, 'input')} more; --html and --json have all.")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
