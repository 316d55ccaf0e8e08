"""Tables and counts as text."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from benchmarks.learning.compare import CALIBRATION, Cell
from benchmarks.learning.contenders import DEFAULT
from benchmarks.learning.contenders.base import Contender
from benchmarks.learning.prototype import PROTOTYPE
from benchmarks.learning.tasks import TASKS

__all__ = ["acceptance", "prototype_table", "table"]

Tables = Mapping[str, Sequence[Cell]]
"""Task → its cells."""


def _digits(cell: Cell) -> int:
    return 4 if "loss" in cell.measure or cell.measure == CALIBRATION else 3


def rivals_of(rows: Sequence[Contender], default: str = DEFAULT) -> list[str]:
    """Name whom the default is compared with: peers and itself."""
    return [row.name for row in rows if row.role == "peer" or row.name == default]


def everybody(rows: Sequence[Contender]) -> list[str]:
    """Name all that learn from predictors, our other models too."""
    return [row.name for row in rows if row.role != "floor"]


def table(
    name: str,
    cells: Sequence[Cell],
    rows: Sequence[Contender],
    seconds: Mapping[str, float],
    earlier: Collection[str] = (),
) -> str:
    """Give one table: ** the best, = who is level with it, by the 95 % interval of the paired difference.

    Args:
        seconds: contender → CPU time of one seed.
        earlier: whose figures are those of earlier code.
    """
    task = TASKS[name]
    lines = [f"### {task.title}", ""]
    if task.about:
        lines += [task.about, ""]
    heads = [cell.measure for cell in cells]
    by_chance = any(cell.chance for cell in cells)
    lines.append(f"| `{name}` | {' | '.join(heads)} |{' by chance |' if by_chance else ''} s |")
    lines.append("|---" + "|---:" * (len(heads) + by_chance + 1) + "|")
    rivals = everybody(rows)
    for row in rows:
        if not any(row.name in cell.values for cell in cells):
            continue
        texts = [_text(cell, row.name, rivals) for cell in cells]
        if by_chance:
            mean, high = next(cell.chance[row.name] for cell in cells if cell.chance)
            texts.append(f"{mean:.4f} (≤ {high:.4f})")
        title = {"ours": f"**Opportune, `{row.name}`**", "floor": f"*{row.name}*"}.get(row.role, row.name)
        title += " (earlier code)" if row.name in earlier else ""
        lines.append(f"| {title} | {' | '.join(texts)} | {seconds.get(row.name, 0.0):.0f} |")
    return "\n".join(lines)


def _text(cell: Cell, name: str, rivals: Sequence[str]) -> str:
    digits = _digits(cell)
    text = f"{cell.values[name][0]:.{digits}f} ± {cell.half_width(name):.{digits}f}"
    if name not in rivals:
        return text
    best = cell.best(rivals)
    if name == best:
        return f"**{text}**"
    return f"{text} =" if cell.level(name, best) else text


def acceptance(tables: Tables, rows: Mapping[str, Sequence[Contender]], default: str = DEFAULT) -> str:
    """Count the cells where the default is best or level, those in the lower half, and name both."""
    lines = []
    for title, choose in (("the peers", rivals_of), ("the peers and our other models", everybody)):
        total, good, behind, low = 0, 0, [], []
        for name, cells in tables.items():
            rivals = choose(rows[name])
            for cell in cells:
                if default not in cell.values:
                    continue
                total += 1
                ranked = cell.ranked(rivals)
                if cell.level(default, ranked[0]):
                    good += 1
                else:
                    behind.append(f"{name} {cell.measure} ({ranked[0]})")
                if ranked.index(default) + 1 > -(-len(ranked) // 2):
                    low.append(f"{name} {cell.measure} ({ranked.index(default) + 1} of {len(ranked)})")
        if total:
            lines.append(f"`{default}` beside {title}: best or level in {good} of {total} cells = {good / total:.0%}.")
            lines.append(f"- behind the best: {', '.join(behind) or 'nowhere'}.")
            lines.append(f"- in the lower half: {', '.join(low) or 'nowhere'}.")
    return "\n".join(lines)


def prototype_table(tables: Tables, default: str = DEFAULT) -> str:
    """Put the default beside the prototype; the figure of the first seed is that of the file's order, ours of all."""
    lines = ["| task | measure | prototype | ours | |", "|---|---|---:|---:|---|"]
    for name, cells in tables.items():
        for cell in cells:
            before = PROTOTYPE.get((name, cell.measure))
            if before is None or default not in cell.values:
                continue
            now, half = float(cell.values[default][0]), cell.half_width(default)
            ahead = now <= before if cell.best_is == "low" else now >= before
            word = "at or above" if ahead else ("within the interval" if abs(now - before) <= half else "below")
            digits = _digits(cell)
            lines.append(
                f"| {name} | {cell.measure} | {before:.{digits}f} | {now:.{digits}f} ± {half:.{digits}f} | {word} |"
            )
    return "\n".join(lines)
