"""`opportune texts`: models that read the topic or the mood of a free text."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from time import process_time
from typing import Annotated, Any

import typer
from rich.markup import escape

from opportune.cli.output import FOUND, JsonOption, bar, count, err, fail, failures, out, print_json
from opportune.customers.texts import (
    BUNDLED,
    SUFFIX,
    Origin,
    Sample,
    TextModel,
    Trained,
    bundled_model,
    from_bytes,
    has_scikit_learn,
    read_samples,
    to_bytes,
    train,
)
from opportune.service.revisions import strategy_from_folder
from opportune.strategy.texts import text_reader

__all__ = ["texts"]

TIMED_TEXTS = 500
SHOWN_LABELS = 5

texts = typer.Typer(
    help="Train and try readers of topic and mood of free texts.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help=f"File of a model, or one that comes along: {', '.join(BUNDLED)}.")
]


@texts.command("train")
def train_model(
    data: Annotated[Path, typer.Option(help="CSV with one text per row, packed by gzip if it ends in .gz.")],
    language: Annotated[str, typer.Option(help="Language of the texts, such as en or pl.")],
    to: Annotated[Path, typer.Option("--out", help=f"File to write, such as models/topics{SUFFIX}.")],
    text: Annotated[str, typer.Option("--text", help="Column of the text.")] = "text",
    labels: Annotated[str, typer.Option("--labels", help="Column of the label or labels.")] = "label",
    several: Annotated[bool, typer.Option("--several", help="A text may have several labels, or none.")] = False,
    separator: Annotated[str, typer.Option(help="What stands between several labels.")] = ",",
    rename: Annotated[list[str] | None, typer.Option(help="OLD=NEW: what a label of the file is called.")] = None,
    at_least: Annotated[
        float | None, typer.Option(min=0.01, max=1.0, help="Chance from which on a label counts; chosen if left out.")
    ] = None,
    source: Annotated[str, typer.Option(help="What the texts are and who made them; kept in the model.")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the texts; kept in the model.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Train a model on texts with labels, and say how well it reads those that it was not trained on.

    A fifth of the texts is held back, which of them their hash says. The same file gives the same model.
    """
    with failures(as_json):
        if not has_scikit_learn():
            fail("training needs scikit-learn, which is not installed; install opportune[texts]")
        if to.suffix != SUFFIX:
            fail(f"--out: expected a name that ends in {SUFFIX}, found {to.name}")
        if not to.parent.is_dir():
            fail(f"--out: there is no folder {to.parent}; make it, or name another")
        if several and not separator:
            fail("--separator: expected what stands between several labels, found nothing")
        samples = read_samples(data, text, labels, several, separator, _names(rename or []))
        with bar("Training", as_json) as told:
            origin = Origin(language.lower(), source or data.name, licence)
            trained = train(samples.rows, several, origin, at_least, told)
        content = to_bytes(trained.model)
        _write(to, content)
    milliseconds = _milliseconds(trained.model, samples.rows)
    if as_json:
        print_json({**_told(trained), "bytes": len(content), "ms_per_text": milliseconds, "file": str(to)})
        return
    if samples.passed_over:
        err.print(f"{count(samples.passed_over, 'row')} without a text or a label left out.")
    _print_quality(trained)
    out.print(escape(f"{to}: {len(content):,} bytes, {milliseconds:.2f} ms of one core per text."))


@texts.command("read")
def read(
    text: Annotated[str, typer.Argument(help="The text; - takes it from standard input.")],
    model: Annotated[str, typer.Option(help=f"File of a model, or one that comes along: {', '.join(BUNDLED)}.")] = "",
    project: Annotated[
        Path | None, typer.Option(help="Folder of a strategy, whose texts.yaml says what is read.")
    ] = None,
    language: Annotated[str, typer.Option(help="Language of the text; with --project alone.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Read one text: its likeliest labels and what in it spoke for them, or what a strategy takes from it."""
    with failures(as_json):
        if bool(model) == (project is not None):
            fail("expected either --model or --project")
        if model and language:
            fail("--language goes with --project; a model has its own")
        given = sys.stdin.buffer.read().decode("utf-8", "replace") if text == "-" else text
        if project is None:
            _print_reading(_model(model), given, as_json)
        else:
            _print_found(project, given, language, as_json)


@texts.command("show")
def show(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Say what a model was trained on, which labels it has and how well it reads."""
    with failures(as_json):
        found = _model(model)
    about = found.about
    if as_json:
        print_json({"digest": found.digest, "about": about})
        return
    kind = "several labels a text" if about.several else "one label a text"
    out.print(escape(f"{model}: {kind}, language {about.language}, digest {found.digest}"))
    out.print(escape(f"trained on {count(about.rows, 'row')}: {about.data or 'not said'}"))
    out.print(escape(f"licence of the texts: {about.licence or 'not said'}"))
    out.print(escape("held back: " + ", ".join(f"{name} {value:g}" for name, value in about.quality.items())))
    out.print(f"a label counts from a chance of {about.at_least:g} on")
    out.print(escape(f"{count(len(about.labels), 'label')}: {', '.join(about.labels)}"))


def _names(renamed: Sequence[str]) -> dict[str, str]:
    names = {}
    for one in renamed:
        old, equals, new = one.partition("=")
        if not (old and equals and new):
            fail(f"--rename: expected OLD=NEW, found {one}")
        names[old] = new
    return names


def _write(file: Path, content: bytes) -> None:
    """Write a file as a whole or not at all: a strategy may be reading the one before."""
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _model(name: str) -> TextModel:
    if name in BUNDLED:
        return bundled_model(name)
    file = Path(name)
    if not file.is_file():
        fail(f"{name}: No such file, and no model of this name comes along; known: {', '.join(BUNDLED)}", FOUND)
    try:
        return from_bytes(file.read_bytes())
    except ValueError as fault:
        fail(f"{name}: {fault}", FOUND)


def _milliseconds(model: TextModel, rows: Sequence[Sample]) -> float:
    texts = [sample.text for sample in rows[:TIMED_TEXTS]]
    began = process_time()
    for one in texts:
        model.read(one)
    return (process_time() - began) / len(texts) * 1_000


def _told(trained: Trained) -> dict[str, Any]:
    about = trained.model.about
    return {
        "rows": about.rows,
        "held_back": trained.quality.texts,
        "labels": about.labels,
        "at_least": about.at_least,
        "figures": trained.quality.figures,
        "confusions": trained.quality.confusions,
    }


def _print_quality(trained: Trained) -> None:
    about, quality = trained.model.about, trained.quality
    out.print(
        f"trained on {count(about.rows, 'row')}, {count(len(about.labels), 'label')}; a label counts from "
        f"a chance of {about.at_least:g} on"
    )
    out.print(f"read of {count(quality.texts, 'text')} held back:")
    for name, value in quality.figures.items():
        out.print(f"  {name.replace('_', ' '):<24} {value:.4f}")
    if quality.confusions:
        out.print("most often taken for another:")
    for one in quality.confusions:
        out.print(escape(f"  {one.truth} for {one.said}: {count(one.texts, 'text')}"))


def _print_reading(model: TextModel, text: str, as_json: bool) -> None:
    reading = model.read(text)
    sure = reading.sure(model.about.at_least)
    likeliest = list(reading.chances.items())[: max(SHOWN_LABELS, len(sure))]
    spoken = {label: model.spoken(text, label) for label, _ in likeliest[: max(1, len(sure))]}
    if as_json:
        print_json({"sure": sure, "chances": dict(likeliest), "spoken": spoken})
        return
    if not sure:
        out.print(f"no label has a chance of {model.about.at_least:g}")
    for label, chance in likeliest:
        out.print(escape(f"{chance:.3f}  {label}"))
    for label, pieces in spoken.items():
        if pieces:
            words = ", ".join(f"{one.piece} {one.weight:+.2f}" for one in pieces)
            out.print(escape(f"for {label}: {words}"))


def _print_found(project: Path, text: str, language: str, as_json: bool) -> None:
    reader = text_reader(strategy_from_folder(project).project)
    if reader is None:
        fail(f"{project}: the strategy reads nothing out of texts; see texts.yaml", FOUND)
    found = reader.read(text, language or None)
    if as_json:
        print_json({"facts": found.facts, "doubts": found.doubts})
        return
    for name, value in found.facts.items():
        out.print(escape(f"{name}: {', '.join(value) if isinstance(value, list) else value}"))
    for doubt in found.doubts:
        out.print(escape(doubt))
