"""Charts as SVG: one file, no script, readable by screen readers, legible on light and dark paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from opportune.evaluate.speech import Language, figure

__all__ = ["Bubble", "Line", "bubbles", "chart"]

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 44, 52
TICKS = 5
NAMED = 12
"""Bubbles that are named beside their place, if there is room; all of them say their name when pointed at."""
LETTER, LINE = 7.2, 14.0
"""Width of a letter, which most stay under, and height of a line of text, as they are printed."""

COLOURS = ("#0b5cad", "#b3440a", "#3a7d2c", "#6a3d9a")
"""Each has a contrast of at least 4.5 to 1 on white."""


@dataclass(frozen=True, slots=True)
class Line:
    """One series: points (x, y) in order; dashed lines are references, dots mark measured points."""

    name: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Bubble:
    """One thing among many: where it stands, how large it is (area), and its name."""

    name: str
    x: float
    y: float
    size: float


def chart(
    title: str,
    description: str,
    x_label: str,
    y_label: str,
    lines: Sequence[Line],
    mark: str = "",
    language: Language = "en",
) -> str:
    """Draw lines over common axes.

    Args:
        description: what the picture says, in words, for those who cannot see it.
        mark: tells the pictures of one page apart; letters, digits and "-".
        language: that numbers are written in.
    """
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points]
    frame = _Frame(_span(xs), _span(ys))
    parts = [*_begun(title, description, mark), *frame.axes(x_label, y_label, language)]
    for number, line in enumerate(lines):
        parts += _drawn(line, COLOURS[number % len(COLOURS)], frame)
        parts += _legend(line, COLOURS[number % len(COLOURS)], number)
    return "\n".join([*parts, "</svg>\n"])


def bubbles(
    title: str,
    description: str,
    x_label: str,
    y_label: str,
    all_: Sequence[Bubble],
    mark: str = "",
    language: Language = "en",
) -> str:
    """Draw bubbles over common axes, the largest first, so that none is hidden; the largest ones are named.

    No name covers another one: it stands beside its bubble, and off the other bubbles if it can, or is left out.
    """
    frame = _Frame(_span([one.x for one in all_]), _span([one.y for one in all_]))
    parts = [*_begun(title, description, mark), *frame.axes(x_label, y_label, language)]
    largest = max((one.size for one in all_), default=1.0) or 1.0
    ordered = sorted(all_, key=lambda one: -one.size)
    circles = [(*frame.place(one.x, one.y), 4.0 + 20.0 * math.sqrt(one.size / largest)) for one in ordered]
    taken: list[_Box] = []
    for rank, (one, (x, y, radius)) in enumerate(zip(ordered, circles, strict=True)):
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{COLOURS[0]}" fill-opacity="0.35" '
            f'stroke="{COLOURS[0]}"><title>{escape(one.name)}</title></circle>'
        )
        others = circles[:rank] + circles[rank + 1 :]
        room = _room(one.name, circles[rank], others, taken) if rank < NAMED else None
        if room is not None:
            taken.append(room)
            parts.append(f'<text x="{room.left:.1f}" y="{room.top + 11:.1f}" fill="#1a1a1a">{escape(one.name)}</text>')
    return "\n".join([*parts, "</svg>\n"])


_Circle = tuple[float, float, float]
"""Middle and radius."""


@dataclass(frozen=True, slots=True)
class _Box:
    """Where a name stands."""

    left: float
    top: float
    width: float

    def covers(self, other: _Box) -> bool:
        across = self.left < other.left + other.width and other.left < self.left + self.width
        return across and abs(self.top - other.top) < LINE

    def crosses(self, circle: _Circle) -> bool:
        x, y, radius = circle
        across = max(self.left, min(x, self.left + self.width)) - x
        along = max(self.top, min(y, self.top + LINE)) - y
        return math.hypot(across, along) < radius

    @property
    def is_inside(self) -> bool:
        across = self.left >= LEFT and self.left + self.width <= WIDTH - 2
        return across and TOP <= self.top <= HEIGHT - BOTTOM - LINE


def _room(name: str, own: _Circle, others: Sequence[_Circle], taken: Sequence[_Box]) -> _Box | None:
    """Find where a bubble's name covers no other one, and the fewest bubbles; None where there is no such place."""
    x, y, radius = own
    width = LETTER * len(name)
    middle, centre = y - LINE / 2, max(LEFT, min(x - width / 2, WIDTH - 4 - width))
    sides = (x + radius + 3, x - radius - 3 - width)
    places = (
        *(_Box(side, middle, width) for side in sides),
        *(_Box(centre, top, width) for top in (y - radius - 2 - LINE, y + radius + 2)),
        *(_Box(side, middle + shift, width) for shift in (-LINE, LINE) for side in sides),
    )
    free = [box for box in places if box.is_inside and not any(map(box.covers, taken))]
    return min(free, key=lambda box: sum(map(box.crosses, others)), default=None)


def _begun(title: str, description: str, mark: str) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-labelledby="t{mark} d{mark}" font-family="sans-serif" font-size="13">',
        f'<title id="t{mark}">{escape(title)}</title><desc id="d{mark}">{escape(description)}</desc>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="20" font-size="15" font-weight="bold" fill="#1a1a1a">{escape(title)}</text>',
    ]


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = (high - low) * 0.05 or 0.5
    return low - margin, high + margin


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where values lie on paper."""

    x: tuple[float, float]
    y: tuple[float, float]

    def place(self, x: float, y: float) -> tuple[float, float]:
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    def axes(self, x_label: str, y_label: str, language: Language) -> list[str]:
        middle_x, middle_y = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
        parts = [
            f'<text x="{middle_x}" y="{HEIGHT - 12}" text-anchor="middle" fill="#333333">{escape(x_label)}</text>',
            f'<text x="16" y="{middle_y}" text-anchor="middle" transform="rotate(-90 16 {middle_y})" '
            f'fill="#333333">{escape(y_label)}</text>',
        ]
        for y in _ticks(*self.y):
            py = self.place(self.x[0], y)[1]
            parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{py:.1f}" y2="{py:.1f}" stroke="#dddddd"/>')
            label = figure(y, ",.4g", language)
            parts.append(f'<text x="{LEFT - 6}" y="{py + 4:.1f}" text-anchor="end" fill="#333333">{label}</text>')
        for x in _ticks(*self.x):
            px = self.place(x, self.y[0])[0]
            under = HEIGHT - BOTTOM + 18
            label = figure(x, ",.6g", language)
            parts.append(f'<text x="{px:.1f}" y="{under}" text-anchor="middle" fill="#333333">{label}</text>')
        return parts


def _ticks(low: float, high: float) -> list[float]:
    """Choose round values inside of a range, about TICKS of them."""
    rough = (high - low) / TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = size * min((1, 2, 5, 10), key=lambda factor: abs(factor * size - rough))
    return [round(count * step, 12) for count in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _drawn(line: Line, colour: str, frame: _Frame) -> list[str]:
    places = [frame.place(x, y) for x, y in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dashes = ' stroke-dasharray="6 4"' if line.dashed else ""
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>']
    if line.dots:
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places]
    return parts


def _legend(line: Line, colour: str, number: int) -> list[str]:
    x, y = LEFT + 8 + number * 190, 36
    dashes = ' stroke-dasharray="6 4"' if line.dashed else ""
    return [
        f'<line x1="{x}" x2="{x + 24}" y1="{y - 4}" y2="{y - 4}" stroke="{colour}" stroke-width="2"{dashes}/>',
        f'<text x="{x + 30}" y="{y}" fill="#333333">{escape(line.name)}</text>',
    ]
