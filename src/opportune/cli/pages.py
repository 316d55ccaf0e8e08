"""Writing a page with pictures beside what a command prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opportune.cli.output import fail
from opportune.evaluate.speech import LANGUAGES, Language

__all__ = ["HtmlOption", "LanguageOption", "language_of", "write_page"]

HtmlOption = Annotated[Path | None, typer.Option(help="Write the page with pictures to this file.")]
LanguageOption = Annotated[str, typer.Option(help="Language of the page: en or pl.")]


def language_of(text: str) -> Language:
    """Give the language that an option names; refuse one that pages are not written in."""
    return next((one for one in LANGUAGES if one == text), None) or fail(
        f"--language: expected {' or '.join(LANGUAGES)}"
    )


def write_page(path: Path, page: str) -> None:
    """Write a page, or say why it cannot be."""
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        fail(f"--html {path}: it cannot be written ({error.strerror or type(error).__name__})")
