"""What more of a goal costs, as one HTML page with pictures."""

from __future__ import annotations

from html import escape
from math import isfinite

from opportune.evaluate.goals.asked import Asked
from opportune.evaluate.goals.tradeoff import PRESENT, Exchange, Tradeoff
from opportune.evaluate.goals.words import WORDS
from opportune.evaluate.off_policy import Interval
from opportune.evaluate.pages import Cell, document, pictured, table
from opportune.evaluate.pictures import Line, chart
from opportune.evaluate.speech import Language, Words
from opportune.evaluate.told import reason_said

__all__ = ["tradeoff_page"]


def tradeoff_page(asked: Asked, curve: Tradeoff, language: Language = "en") -> str:
    """Write the curve for people who would rather look than read."""
    words = WORDS[language]
    made = words.say(
        "made",
        goal=curve.goal,
        source=words.say(asked.source, contacts=curve.contacts),
        persons=curve.persons,
        weights=len(curve.points),
        model=asked.model,
        position=asked.position,
    )
    others = [name for name in curve.units if name != curve.goal]
    pictures = [_picture(curve, other, words, number) for number, other in enumerate(others)]
    sections = [
        _summary(asked, curve, words),
        f"<section>{pictured(pictures)}</section>" if pictures else "",
        _amounts(curve, words),
        _steps(curve, words),
        _sources(curve, words),
    ]
    return document(language, words["title"], asked.project, made, sections)


def _summary(asked: Asked, curve: Tradeoff, words: Words) -> str:
    told = words.say(f"exchange {curve.direction}", goal=curve.goal, unit=curve.units[curve.goal])
    items = "".join(f"<li>{escape(_exchanged(one, curve, words))}</li>" for one in curve.present)
    parts = [f"<p>{escape(told)}</p><ul>{items}</ul>"] if items else []
    if asked.left_out + curve.refused:
        parts.append(f"<p>{escape(words.say('left out', number=asked.left_out + curve.refused))}</p>")
    return f'<section class="well">{"".join(parts)}</section>'


def _exchanged(one: Exchange, curve: Tradeoff, words: Words) -> str:
    if not isfinite(one.each.value):
        return words.say("no exchange", goal=one.goal, own=curve.goal)
    return words.say(
        "each" if isfinite(one.each.low) else "each of few",
        goal=one.goal,
        own=curve.goal,
        value=one.each.value,
        unit=curve.units[one.goal],
        low=one.each.low,
        high=one.each.high,
        less=one.low,
        more=one.high,
    )


def _picture(curve: Tradeoff, other: str, words: Words, number: int) -> str:
    """Draw one goal against another, a point for each weight."""
    points = [(point.amounts[curve.goal].value, point.amounts[other].value) for point in curve.points]
    now = next(place for place, point in zip(points, curve.points, strict=True) if point.factor == PRESENT)
    left, low = min(x for x, _ in points), min(y for _, y in points)
    names = {"own": curve.goal, "other": other}
    text = words.say("picture text", **names, low=curve.points[0].factor, high=curve.points[-1].factor)
    lines = [
        Line(words["weights"], points, dots=True),
        Line(words["now"], [(left, now[1]), now, (now[0], low)], dashed=True),
    ]
    across, up = (f"{name}, {curve.units[name]}" for name in (curve.goal, other))
    return chart(words.say("picture", **names), text, across, up, lines, f"-{number}", words.language)


def _amounts(curve: Tradeoff, words: Words) -> str:
    names = [words["factor"], words["weight"], words["changed"]]
    for goal, unit in curve.units.items():
        names += [f"{goal}, {unit}", words["interval"]]
    rows: list[list[Cell]] = []
    for point in curve.points:
        mark = f" ({words['now']})" if point.factor == PRESENT else ""
        row: list[Cell] = [f"{words.figure(point.factor, 'g')}{mark}", point.weight, point.changed]
        for found in point.amounts.values():
            row += [found.value, _range(found, words)]
        rows.append(row)
    return f"<section>{table(words['curve'], names, rows, text=1, language=words.language)}</section>"


def _steps(curve: Tradeoff, words: Words) -> str:
    rows: list[list[Cell]] = [
        [
            one.goal,
            curve.units[one.goal],
            words.figure(one.low, "g"),
            words.figure(one.high, "g"),
            one.each.value if isfinite(one.each.value) else None,
            _range(one.each, words),
        ]
        for one in curve.exchanges
    ]
    names = [words[name] for name in ("goal", "unit", "from", "to", "change", "interval")]
    return f"<section>{table(words['steps'], names, rows, text=2, language=words.language)}</section>" if rows else ""


def _sources(curve: Tradeoff, words: Words) -> str:
    rows: list[list[Cell]] = [
        [goal, words[told], "; ".join(reason_said(one, words.language) for one in curve.remarks.get(goal, ()))]
        for goal, told in curve.told_by.items()
    ]
    names = [words[name] for name in ("goal", "told by", "remarks")]
    return f"<section>{table(words['sources'], names, rows, text=3, language=words.language)}</section>"


def _range(found: Interval, words: Words) -> str:
    return words.figure(found.low, ".4f") + " – " + words.figure(found.high, ".4f") if isfinite(found.low) else "–"
