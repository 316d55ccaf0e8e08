"""What a change will do as one HTML page with pictures."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from opportune.evaluate.bars import Bar, bars
from opportune.evaluate.foresight.differences import difference_said
from opportune.evaluate.foresight.funnel_page import conflict_section, funnel_sections, want_section
from opportune.evaluate.foresight.outlook import Outlook
from opportune.evaluate.foresight.proposal import Proposal
from opportune.evaluate.foresight.words import WORDS
from opportune.evaluate.pages import Cell, document, pictured, table
from opportune.evaluate.speech import Language, Words
from opportune.evaluate.told import name_said, reason_said

__all__ = ["outlook_page"]

PICTURED = 20
"""Actions in the picture."""
ROWS = 100
"""Contacts and actions in the tables; --json has all."""


def outlook_page(proposal: Proposal, language: Language = "en") -> str:
    """Write what a change will do for people who would rather look than read."""
    words, seen = WORDS[language], proposal.outlook
    made = words.say(
        "made",
        before=name_said(proposal.before, language),
        after=name_said(proposal.after, language),
        source=words.say(proposal.source, contacts=seen.contacts),
        persons=seen.persons,
    )
    sections = [
        _summary(proposal, words),
        _differences(proposal, words),
        _kinds(seen, words),
        _actions(seen, words),
        _effects(seen, words),
        _segments(seen, words),
        want_section(words["emptied"], seen.wants, language),
        want_section(words["wants"], seen.funnel_after.wants, language),
        *funnel_sections(seen.funnel_after, language),
        conflict_section(seen.funnel_after.conflicts, language),
        _changes(seen, words),
    ]
    return document(language, words["plan"], proposal.project, made, sections)


def _summary(proposal: Proposal, words: Words) -> str:
    seen = proposal.outlook
    told = [
        words.say("changed", changed=seen.changed, persons=seen.changed_persons, share=seen.changed_share),
        words.say(
            "empty", before=seen.empty_before, after=seen.empty_after, share=seen.empty_share, emptied=seen.emptied
        ),
    ]
    if seen.refused_before or seen.refused_after:
        told.append(words.say("refused", before=seen.refused_before, after=seen.refused_after))
    if proposal.left_out:
        told.append(words.say("left out", number=proposal.left_out))
    parts = [f"<p>{escape(one)}</p>" for one in told]
    for one in proposal.thresholds:
        said = words.say(f"threshold {one.name}", found=one.found, most=one.most)
        parts.append(f"<p>{'✗' if one.is_passed else '✓'} {escape(said)}</p>")
    is_passed = any(one.is_passed for one in proposal.thresholds)
    return f'<section class="{"look" if is_passed else "well"}">{"".join(parts)}</section>'


def _differences(proposal: Proposal, words: Words) -> str:
    items = "".join(f"<li>{escape(difference_said(one, words.language))}</li>" for one in proposal.differences)
    told = f"<ul>{items}</ul>" if items else f"<p>{escape(words['no difference'])}</p>"
    return f"<section><h2>{escape(words['differences'])}</h2>{told}</section>"


def _kinds(seen: Outlook, words: Words) -> str:
    if not seen.kinds:
        return ""
    rows: list[list[Cell]] = [
        [words["refused kind" if kind == "refused" else kind], number, words.figure(number / seen.contacts, ".2%")]
        for kind, number in seen.kinds.items()
    ]
    names = [words[name] for name in ("kind", "contacts", "share")]
    return f"<section>{table(words['kinds'], names, rows, 1, words.language)}</section>"


def _actions(seen: Outlook, words: Words) -> str:
    moved = [one for one in seen.actions if one.gained or one.lost]
    if not moved:
        return ""
    drawn = [
        Bar(one.action, [one.before, one.after], f"{words.figure(one.before)} → {words.figure(one.after)}")
        for one in moved[:PICTURED]
    ]
    series = [words["before"], words["after"]]
    picture = bars(words["actions picture"], words["actions text"], series, drawn, "-actions")
    rows: list[list[Cell]] = [
        [
            one.action,
            one.group,
            one.before,
            one.after,
            one.gained,
            one.lost,
            words.figure(one.share_before, ".2%"),
            words.figure(one.share_after, ".2%"),
        ]
        for one in moved[:ROWS]
    ]
    names = [words[name] for name in ("action", "group", "before", "after", "gained", "lost")]
    names += [f"{words['share']}, {words[name]}" for name in ("before", "after")]
    flows: list[list[Cell]] = [
        [one.before or words["nothing"], one.after or words["nothing"], one.contacts] for one in seen.flows
    ]
    parts = pictured([picture]) + table(words["moved"], names, rows, 2, words.language)
    if flows:
        parts += table(words["flows"], [words["before"], words["after"], words["contacts"]], flows, 2, words.language)
    return f"<section><h2>{escape(words['moved'])}</h2>{parts}</section>"


def _effects(seen: Outlook, words: Words) -> str:
    if seen.effects is None:
        return f"<section><h2>{escape(words['effects'])}</h2><p>{escape(words['no effects'])}</p></section>"
    rows: list[list[Cell]] = [
        [
            one.goal,
            one.unit,
            words[f"by {one.told_by}"],
            "; ".join(reason_said(remark, words.language) for remark in one.remarks),
            one.before,
            one.after,
            one.gain.value,
            f"{words.figure(one.gain.low, '.4f')} – {words.figure(one.gain.high, '.4f')}",
        ]
        for one in seen.effects
    ]
    names = ["goal", "unit", "told by", "remarks", "before", "after", "gain", "interval"]
    return f"<section>{table(words['effects'], [words[name] for name in names], rows, 4, words.language)}</section>"


def _segments(seen: Outlook, words: Words) -> str:
    if not seen.segments:
        return ""
    rows: list[list[Cell]] = [
        [one.segment, one.contacts, one.changed, words.figure(one.changed / (one.contacts or 1), ".2%")]
        for one in seen.segments
    ]
    names = [words["segment"], words["contacts"], words["changing"], words["share"]]
    return f"<section>{table(words['segments'], names, rows, 1, words.language)}</section>"


def _changes(seen: Outlook, words: Words) -> str:
    rows: list[list[Cell]] = [
        [
            name_said(one.name, words.language),
            words["refused kind" if one.kind == "refused" else one.kind],
            "; ".join(one.before) or words["nothing"],
            "; ".join(one.after) or words["nothing"],
        ]
        for one in seen.changes[:ROWS]
    ]
    if not rows:
        return ""
    names = [words[name] for name in ("contact", "kind", "before", "after")]
    return "".join(_with_rest(table(words["changes"], names, rows, 4, words.language), len(seen.changes), words))


def _with_rest(part: str, number: int, words: Words) -> Iterator[str]:
    yield f"<section><h2>{escape(words['changes'])}</h2>{part}"
    if number > ROWS:
        yield f"<p>{escape(words.say('more', number=number - ROWS))}</p>"
    yield "</section>"
