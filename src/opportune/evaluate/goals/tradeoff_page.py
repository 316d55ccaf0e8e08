"""What more of a goal costs, as one HTML page with pictures."""

from __future__ import annotations

from html import escape
from math import isfinite

from opportune.evaluate.foresight.sentences import Language
from opportune.evaluate.goals.asked import Asked
from opportune.evaluate.goals.tradeoff import PRESENT, Exchange, Tradeoff
from opportune.evaluate.goals.words import WORDS
from opportune.evaluate.off_policy import Interval
from opportune.evaluate.pages import Cell, document, pictured, table
from opportune.evaluate.pictures import Line, chart

__all__ = ["tradeoff_page"]


def tradeoff_page(asked: Asked, curve: Tradeoff, language: Language = "en") -> str:
    """Write the curve for people who would rather look than read."""
    words = WORDS[language]
    made = words["made"].format(
        goal=curve.goal,
        contacts=f"{curve.contacts:,}",
        source=words[asked.source],
        persons=f"{curve.persons:,}",
        weights=len(curve.points),
        model=asked.model,
        position=f"{asked.position:,}",
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


def _summary(asked: Asked, curve: Tradeoff, words: dict[str, str]) -> str:
    told = words[f"exchange {curve.direction}"].format(goal=curve.goal, unit=curve.units[curve.goal])
    items = "".join(f"<li>{escape(_exchanged(one, curve, words))}</li>" for one in curve.present)
    parts = [f"<p>{escape(told)}</p><ul>{items}</ul>"] if items else []
    if asked.left_out + curve.refused:
        parts.append(f"<p>{escape(words['left out'].format(number=f'{asked.left_out + curve.refused:,}'))}</p>")
    return f'<section class="well">{"".join(parts)}</section>'


def _exchanged(one: Exchange, curve: Tradeoff, words: dict[str, str]) -> str:
    if not isfinite(one.each.value):
        return words["no exchange"].format(goal=one.goal, own=curve.goal)
    return words["each"].format(
        goal=one.goal,
        value=f"{one.each.value:+.4g}",
        unit=curve.units[one.goal],
        low=f"{one.each.low:+.4g}",
        high=f"{one.each.high:+.4g}",
        less=f"{one.low:g}",
        more=f"{one.high:g}",
    )


def _picture(curve: Tradeoff, other: str, words: dict[str, str], number: int) -> str:
    """Draw one goal against another, a point for each weight."""
    points = [(point.amounts[curve.goal].value, point.amounts[other].value) for point in curve.points]
    now = next(place for place, point in zip(points, curve.points, strict=True) if point.factor == PRESENT)
    left, low = min(x for x, _ in points), min(y for _, y in points)
    names = {"own": curve.goal, "other": other}
    text = words["picture text"].format(**names, low=f"{curve.points[0].factor:g}", high=f"{curve.points[-1].factor:g}")
    lines = [
        Line(words["weights"], points, dots=True),
        Line(words["now"], [(left, now[1]), now, (now[0], low)], dashed=True),
    ]
    across, up = (f"{name}, {curve.units[name]}" for name in (curve.goal, other))
    return chart(words["picture"].format(**names), text, across, up, lines, f"-{number}")


def _amounts(curve: Tradeoff, words: dict[str, str]) -> str:
    names = [words["factor"], words["weight"], words["changed"]]
    for goal, unit in curve.units.items():
        names += [f"{goal}, {unit}", words["interval"]]
    rows: list[list[Cell]] = []
    for point in curve.points:
        mark = f" ({words['now']})" if point.factor == PRESENT else ""
        row: list[Cell] = [f"{point.factor:g}{mark}", point.weight, point.changed]
        for found in point.amounts.values():
            row += [found.value, _range(found)]
        rows.append(row)
    return f"<section>{table(words['curve'], names, rows, text=1)}</section>"


def _steps(curve: Tradeoff, words: dict[str, str]) -> str:
    rows: list[list[Cell]] = [
        [
            one.goal,
            curve.units[one.goal],
            f"{one.low:g}",
            f"{one.high:g}",
            one.each.value if isfinite(one.each.value) else None,
            _range(one.each),
        ]
        for one in curve.exchanges
    ]
    names = [words[name] for name in ("goal", "unit", "from", "to", "change", "interval")]
    return f"<section>{table(words['steps'], names, rows, text=2)}</section>" if rows else ""


def _sources(curve: Tradeoff, words: dict[str, str]) -> str:
    rows: list[list[Cell]] = [
        [goal, words[told], "; ".join(curve.remarks.get(goal, ()))] for goal, told in curve.told_by.items()
    ]
    names = [words[name] for name in ("goal", "told by", "remarks")]
    return f"<section>{table(words['sources'], names, rows, text=3)}</section>"


def _range(found: Interval) -> str:
    return f"{found.low:.4f} – {found.high:.4f}" if isfinite(found.low) else "–"
