"""What a change will do as one HTML page with pictures."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from opportune.evaluate.bars import Bar, bars
from opportune.evaluate.foresight.funnel_page import conflict_section, funnel_sections, want_section
from opportune.evaluate.foresight.outlook import Outlook
from opportune.evaluate.foresight.proposal import Proposal
from opportune.evaluate.foresight.sentences import Language
from opportune.evaluate.foresight.words import WORDS
from opportune.evaluate.pages import Cell, document, pictured, table

__all__ = ["outlook_page"]

PICTURED = 20
"""Actions in the picture."""
ROWS = 100
"""Contacts and actions in the tables; --json has all."""


def outlook_page(proposal: Proposal, language: Language = "en") -> str:
    """Write what a change will do for people who would rather look than read."""
    words, seen = WORDS[language], proposal.outlook
    made = words["made"].format(
        before=proposal.before,
        after=proposal.after,
        contacts=f"{seen.contacts:,}",
        source=words[proposal.source],
        persons=f"{seen.persons:,}",
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


def _summary(proposal: Proposal, words: dict[str, str]) -> str:
    seen = proposal.outlook
    told = [
        words["changed"].format(
            changed=f"{seen.changed:,}", persons=f"{seen.changed_persons:,}", share=f"{seen.changed_share:.1%}"
        ),
        words["empty"].format(
            before=f"{seen.empty_before:,}",
            after=f"{seen.empty_after:,}",
            share=f"{seen.empty_share:.1%}",
            emptied=f"{seen.emptied:,}",
        ),
    ]
    if seen.refused_before or seen.refused_after:
        told.append(words["refused"].format(before=f"{seen.refused_before:,}", after=f"{seen.refused_after:,}"))
    if proposal.left_out:
        told.append(words["left out"].format(number=f"{proposal.left_out:,}"))
    parts = [f"<p>{escape(one)}</p>" for one in told]
    for one in proposal.thresholds:
        said = words[f"threshold {one.name}"].format(found=f"{one.found:.2%}", most=f"{one.most:.2%}")
        parts.append(f"<p>{'✗' if one.is_passed else '✓'} {escape(said)}</p>")
    is_passed = any(one.is_passed for one in proposal.thresholds)
    return f'<section class="{"look" if is_passed else "well"}">{"".join(parts)}</section>'


def _differences(proposal: Proposal, words: dict[str, str]) -> str:
    items = "".join(f"<li>{escape(one)}</li>" for one in proposal.differences)
    told = f"<ul>{items}</ul>" if items else f"<p>{escape(words['no difference'])}</p>"
    return f"<section><h2>{escape(words['differences'])}</h2>{told}</section>"


def _kinds(seen: Outlook, words: dict[str, str]) -> str:
    if not seen.kinds:
        return ""
    rows: list[list[Cell]] = [
        [words["refused kind" if kind == "refused" else kind], number, f"{number / seen.contacts:.2%}"]
        for kind, number in seen.kinds.items()
    ]
    names = [words[name] for name in ("kind", "contacts", "share")]
    return f"<section>{table(words['kinds'], names, rows, text=1)}</section>"


def _actions(seen: Outlook, words: dict[str, str]) -> str:
    moved = [one for one in seen.actions if one.gained or one.lost]
    if not moved:
        return ""
    drawn = [Bar(one.action, [one.before, one.after], f"{one.before:,} → {one.after:,}") for one in moved[:PICTURED]]
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
            f"{one.share_before:.2%}",
            f"{one.share_after:.2%}",
        ]
        for one in moved[:ROWS]
    ]
    names = [words[name] for name in ("action", "group", "before", "after", "gained", "lost")]
    names += [f"{words['share']}, {words[name]}" for name in ("before", "after")]
    flows: list[list[Cell]] = [
        [one.before or words["nothing"], one.after or words["nothing"], one.contacts] for one in seen.flows
    ]
    parts = pictured([picture]) + table(words["moved"], names, rows, text=2)
    if flows:
        parts += table(words["flows"], [words["before"], words["after"], words["contacts"]], flows, text=2)
    return f"<section><h2>{escape(words['moved'])}</h2>{parts}</section>"


def _effects(seen: Outlook, words: dict[str, str]) -> str:
    if seen.effects is None:
        return f"<section><h2>{escape(words['effects'])}</h2><p>{escape(words['no effects'])}</p></section>"
    rows: list[list[Cell]] = [
        [
            one.goal,
            one.unit,
            words[f"by {one.told_by}"],
            "; ".join(one.remarks),
            one.before,
            one.after,
            one.gain.value,
            f"{one.gain.low:.4f} – {one.gain.high:.4f}",
        ]
        for one in seen.effects
    ]
    names = ["goal", "unit", "told by", "remarks", "before", "after", "gain", "interval"]
    return f"<section>{table(words['effects'], [words[name] for name in names], rows, text=4)}</section>"


def _segments(seen: Outlook, words: dict[str, str]) -> str:
    if not seen.segments:
        return ""
    rows: list[list[Cell]] = [
        [one.segment, one.contacts, one.changed, f"{one.changed / (one.contacts or 1):.2%}"] for one in seen.segments
    ]
    names = [words["segment"], words["contacts"], words["changing"], words["share"]]
    return f"<section>{table(words['segments'], names, rows, text=1)}</section>"


def _changes(seen: Outlook, words: dict[str, str]) -> str:
    rows: list[list[Cell]] = [
        [
            one.name,
            words["refused kind" if one.kind == "refused" else one.kind],
            "; ".join(one.before) or words["nothing"],
            "; ".join(one.after) or words["nothing"],
        ]
        for one in seen.changes[:ROWS]
    ]
    if not rows:
        return ""
    names = [words[name] for name in ("contact", "kind", "before", "after")]
    return "".join(_with_rest(table(words["changes"], names, rows, text=4), len(seen.changes), words))


def _with_rest(part: str, number: int, words: dict[str, str]) -> Iterator[str]:
    yield f"<section><h2>{escape(words['changes'])}</h2>{part}"
    if number > ROWS:
        yield f"<p>{escape(words['more'].format(number=f'{number - ROWS:,}'))}</p>"
    yield "</section>"
