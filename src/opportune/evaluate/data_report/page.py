"""The data report as one HTML page: no script, nothing loaded, readable aloud and on paper."""

from __future__ import annotations

from html import escape

from opportune.evaluate.bars import Bar, bars
from opportune.evaluate.data_report.parts import DataReport, InputQuality
from opportune.evaluate.data_report.words import WORDS, counted_said, said
from opportune.evaluate.pages import Cell, document, pictured, table
from opportune.evaluate.speech import Language, Words
from opportune.evaluate.told import group_said, type_said

__all__ = ["page_of"]

WORST = 20
"""Inputs that a picture shows."""
_FAULTS = ("missing", "stale", "late", "unfit")


def page_of(report: DataReport, language: Language = "en") -> str:
    """Write the report for people who would rather look than read."""
    words = WORDS[language]
    made = words.say(
        "made", project=report.project, revision=report.revision[:12], at=report.at.strftime("%Y-%m-%d %H:%M UTC")
    )
    sections = [_concerns(report, language), _pictures(report, words), _inputs(report, language)]
    return document(language, words["title"], report.project, made, list(filter(None, sections)))


def _concerns(report: DataReport, language: Language) -> str:
    words = WORDS[language]
    if not report.concerns:
        return f'<section class="well"><p>{escape(words["well"])}</p></section>'
    items = "".join(f"<li>{escape(said(one, language))}</li>" for one in report.concerns)
    return f'<section class="look"><h2>{escape(words["look"])}</h2><ul>{items}</ul></section>'


def _pictures(report: DataReport, words: Words) -> str:
    lacking = sorted(report.inputs, key=lambda one: (-max(_faults(one)), one.input))[:WORST]
    faulty = [one for one in lacking if any(_faults(one))]
    drifting = sorted((one for one in report.inputs if one.drift), key=lambda one: (-(one.drift or 0.0), one.input))
    pictures = []
    if faulty:
        rows = [Bar(one.input, _faults(one), words.figure(max(_faults(one)), ".1%")) for one in faulty]
        names = [words[fault] for fault in _FAULTS]
        pictures.append(bars(words["faults title"], words["faults text"], names, rows, "-faults"))
    if drifting:
        rows = [Bar(one.input, [one.drift or 0.0], words.figure(one.drift or 0.0, ".3f")) for one in drifting[:WORST]]
        pictures.append(bars(words["drift title"], words["drift text"], [words["drift"]], rows, "-drift"))
    return f"<section>{pictured(pictures)}</section>" if pictures else ""


def _faults(one: InputQuality) -> list[float]:
    return [one.missing or 0.0, one.stale or 0.0, one.late or 0.0, one.unfit or 0.0]


def _inputs(report: DataReport, language: Language) -> str:
    words = WORDS[language]
    told = words.say("compared", now=report.decisions_now, before=report.decisions_before)
    rows: list[list[Cell]] = [
        [
            one.input,
            type_said(one.type, language),
            one.decisions,
            *(_share(share, words) for share in (one.missing, one.stale, one.late, one.unfit)),
            one.refused,
            _share(one.unseen, words),
            one.drift,
        ]
        for one in report.inputs
    ]
    names = ["input", "type", "decisions", "missing", "stale", "late", "unfit", "refused", "unseen", "drift"]
    figures = table(words["inputs"], [words[name] for name in names], rows, text=2, language=language)
    details = "".join(_distribution(one, words) for one in report.inputs if one.groups)
    return (
        f"<section><h2>{escape(words['inputs'])}</h2><p>{escape(counted_said(report, language))}</p>"
        f"<p>{escape(told)}</p>{figures}{details}</section>"
    )


def _share(value: float | None, words: Words) -> str | None:
    """Say a share as pictures and sentences do."""
    return None if value is None else words.figure(value, ".1%")


def _distribution(one: InputQuality, words: Words) -> str:
    rows: list[list[Cell]] = [
        [group_said(label, one.type, words.language), _share(before, words), _share(now, words)]
        for label, before, now in one.groups
    ]
    title = words.say("show", input=one.input)
    figures = table(title, [words["group"], words["before"], words["now"]], rows, text=1)
    return f"<details><summary>{escape(title)}</summary>{figures}</details>"
