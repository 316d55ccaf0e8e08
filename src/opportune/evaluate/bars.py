"""Horizontal bars as SVG: one row per thing, one bar per series; the name and the figures stand as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from opportune.evaluate.pictures import COLOURS

__all__ = ["Bar", "bars"]

WIDTH = 640
NAMES, FIGURES = 230, 120
"""Room for the names at the left, and for the figures at the right."""
TOP, ROW, THICK = 60, 14, 10
LETTERS = 34
"""Letters of a name that have room; pointing at it shows all."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One thing: what it is called, how long its bar is in each series (at least 0), and its figures in words."""

    name: str
    lengths: Sequence[float]
    figures: str


def bars(title: str, description: str, series: Sequence[str], all_: Sequence[Bar], mark: str = "") -> str:
    """Draw bars from a common line.

    Args:
        description: what the picture says, in words, for those who cannot see it.
        series: what the bars of one thing are; nothing is written where there is one.
        mark: tells the pictures of one page apart; letters, digits and "-".
    """
    step = ROW * len(series) + 12
    height = TOP + step * max(1, len(all_)) + 10
    longest = max((length for bar in all_ for length in bar.lengths), default=0.0) or 1.0
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-labelledby="t{mark} d{mark}" font-family="sans-serif" font-size="13">',
        f'<title id="t{mark}">{escape(title)}</title><desc id="d{mark}">{escape(description)}</desc>',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="14" y="22" font-size="15" font-weight="bold" fill="#1a1a1a">{escape(title)}</text>',
    ]
    if len(series) > 1:
        parts += [part for number, name in enumerate(series) for part in _key(name, number)]
    for number, bar in enumerate(all_):
        parts += _row(bar, TOP + number * step, step, (WIDTH - NAMES - FIGURES) / longest)
    return "\n".join([*parts, "</svg>\n"])


def _key(name: str, number: int) -> list[str]:
    x = 14 + number * 160
    return [
        f'<rect x="{x}" y="34" width="12" height="12" fill="{COLOURS[number]}"/>',
        f'<text x="{x + 18}" y="45" fill="#333333">{escape(name)}</text>',
    ]


def _row(bar: Bar, top: int, step: int, scale: float) -> list[str]:
    middle = top + (step - 12 - (ROW - THICK)) / 2 - 1
    name = bar.name if len(bar.name) <= LETTERS else f"{bar.name[: LETTERS - 1]}…"
    parts = [
        f'<text x="{NAMES - 8}" y="{middle:.1f}" text-anchor="end" font-size="12" fill="#1a1a1a">{escape(name)}'
        f"<title>{escape(bar.name)}</title></text>"
    ]
    # Beside the name and the figures also where only some series have anything.
    drawn = [(number, length) for number, length in enumerate(bar.lengths) if length]
    first = top - 5 + (len(bar.lengths) - len(drawn)) * ROW / 2
    for place, (number, length) in enumerate(drawn):
        parts.append(
            f'<rect x="{NAMES}" y="{first + place * ROW:.1f}" width="{length * scale:.1f}" height="{THICK}" '
            f'fill="{COLOURS[number % len(COLOURS)]}"/>'
        )
    end = NAMES + max(bar.lengths, default=0.0) * scale + 6
    parts.append(f'<text x="{end:.1f}" y="{middle:.1f}" font-size="12" fill="#333333">{escape(bar.figures)}</text>')
    return parts
