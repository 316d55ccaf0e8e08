"""A funnel as one HTML page with pictures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from opportune.evaluate.bars import Bar, bars
from opportune.evaluate.foresight.funnel import Conflict, Funnel, StageFall, Want
from opportune.evaluate.foresight.sentences import (
    conflict_said,
    policies_said,
    policy_said,
    stage_said,
)
from opportune.evaluate.foresight.words import WORDS
from opportune.evaluate.pages import Cell, document, pictured, table
from opportune.evaluate.speech import Language, Words
from opportune.evaluate.told import name_said

__all__ = ["conflict_section", "funnel_page", "funnel_sections", "want_section"]

ROWS = 100
"""Rows of a table; --json has all."""


def funnel_page(funnel: Funnel, subject: str, language: Language = "en") -> str:
    """Write a funnel for people who would rather look than read.

    Args:
        subject: the strategy, or the file of the rows.
    """
    words = WORDS[language]
    made = words.say(
        "made funnel",
        contacts=funnel.contacts,
        persons=funnel.persons,
        candidates=funnel.candidates,
        returned=funnel.returned,
    )
    sections = [
        *funnel_sections(funnel, language),
        want_section(words["wants funnel"], funnel.wants, language),
        conflict_section(funnel.conflicts, language),
    ]
    return document(language, words["funnel"], subject, f"{subject}: {made}", sections)


def funnel_sections(funnel: Funnel, language: Language) -> list[str]:
    """Write stages, policies, actions and who is under-served."""
    words = WORDS[language]
    pictures = [_stage_bars(funnel, language), *_left_bars(funnel, words)]
    return [
        f"<section><h2>{escape(words['stages'])}</h2>{pictured(pictures)}{_stages(funnel, language)}</section>",
        _policies(funnel, language),
        _actions(funnel, language),
        _served(funnel, language),
    ]


def _stage_bars(funnel: Funnel, language: Language) -> str:
    words = WORDS[language]
    found = [
        Bar(stage_said(one.stage, language), [one.dropped], words.figure(one.dropped))
        for one in funnel.stages
        if one.dropped
    ]
    found.append(Bar(words["shown"], [funnel.returned], words.figure(funnel.returned)))
    return bars(words["stages picture"], words["stages text"], [words["dropped"]], found, "-stages")


def _left_bars(funnel: Funnel, words: Words) -> list[str]:
    pictures = []
    for number, one in enumerate(funnel.served):
        if one.left:
            last = len(one.left) - 1
            found = [
                Bar(f"{left}+" if left == last else str(left), [contacts], words.figure(contacts))
                for left, contacts in enumerate(one.left)
            ]
            title = f"{words['served picture']}: {one.placement}"
            pictures.append(bars(title, words["served text"], [words["contacts"]], found, f"-left-{number}"))
    return pictures


def _stages(funnel: Funnel, language: Language) -> str:
    words = WORDS[language]
    all_ = funnel.candidates or 1
    rows: list[list[Cell]] = [
        [_stage(one, language), one.dropped, words.figure(one.dropped / all_, ".2%"), one.left] for one in funnel.stages
    ]
    rows.append([words["shown"], funnel.returned, words.figure(funnel.returned / all_, ".2%"), None])
    names = [words[name] for name in ("stage", "candidates", "share", "left")]
    return table(words["stages"], names, rows, 1, language)


def _stage(one: StageFall, language: Language) -> str:
    told = stage_said(one.stage, language)
    return f"{told} ({one.part_of})" if one.part_of else told


def _policies(funnel: Funnel, language: Language) -> str:
    words = WORDS[language]
    found = [one for one in funnel.policies if one.dropped]
    if not found:
        return ""
    rows: list[list[Cell]] = [[policy_said(one.policy, language), one.dropped, one.alone] for one in found[:ROWS]]
    names = [words[name] for name in ("policy", "dropped", "alone")]
    return f"<section>{table(words['drop'], names, rows, 1, language)}{_rest(len(found), words)}</section>"


def _actions(funnel: Funnel, language: Language) -> str:
    words = WORDS[language]
    rows: list[list[Cell]] = [
        [
            one.action,
            one.group,
            "" if one.most is None else policy_said(one.most, language),
            one.most_dropped,
            one.candidates,
            one.passed,
            one.shown,
        ]
        for one in funnel.actions[:ROWS]
    ]
    names = [words[name] for name in ("action", "group", "most", "dropped", "candidates", "passed", "shown")]
    return f"<section>{table(words['actions'], names, rows, 3, language)}{_rest(len(funnel.actions), words)}</section>"


def _served(funnel: Funnel, language: Language) -> str:
    words = WORDS[language]
    rows: list[list[Cell]] = [
        [one.placement, one.contacts, one.nothing, words.figure(one.nothing / (one.contacts or 1), ".2%"), one.few]
        for one in funnel.served
    ]
    names = [words[name] for name in ("placement", "contacts", "none left", "share", "few left")]
    parts = table(words["served"], names, rows, 1, language)
    if funnel.furthest:
        reached: list[list[Cell]] = [[stage_said(stage, language), number] for stage, number in funnel.furthest]
        parts += table(words["furthest"], [words["stage"], words["contacts"]], reached, 1, language)
    return f"<section><h2>{escape(words['served'])}</h2>{parts}</section>"


def want_section(title: str, wants: Sequence[Want], language: Language) -> str:
    """Write which policies leave contacts with nothing; "" where none is left so."""
    if not wants:
        return ""
    words = WORDS[language]
    rows: list[list[Cell]] = [
        [
            policies_said(one.policies, language),
            ", ".join(name_said(name, language) for name in one.names[:3]),
            one.contacts,
            one.persons,
        ]
        for one in wants[:ROWS]
    ]
    names = [words[name] for name in ("policies", "examples", "contacts", "persons")]
    told = f"<p>{escape(words['wants text'])}</p>{table(title, names, rows, 2, language)}{_rest(len(wants), words)}"
    return f"<section><h2>{escape(title)}</h2>{told}</section>"


def conflict_section(found: Sequence[Conflict], language: Language) -> str:
    """Write conflicts: those that follow from the strategy, and those that were seen."""
    words = WORDS[language]
    parts = [f"<h2>{escape(words['conflicts'])}</h2>"]
    for name, certain in (("conflicts text", True), ("seen text", False)):
        some = [one for one in found if one.certain is certain]
        if some:
            items = "".join(f"<li>{escape(conflict_said(one, language))}</li>" for one in some[:ROWS])
            parts.append(f"<p>{escape(words[name])}</p><ul>{items}</ul>{_rest(len(some), words)}")
    if not found:
        parts.append(f"<p>{escape(words['no conflicts'])}</p>")
    return f"<section>{''.join(parts)}</section>"


def _rest(number: int, words: Words) -> str:
    return f"<p>{escape(words.say('more', number=number - ROWS))}</p>" if number > ROWS else ""
