"""Tables and counts as text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.learning.compare import CALIBRATION, Cell
from benchmarks.learning.contenders import DEFAULT
from benchmarks.learning.contenders.base import Contender
from benchmarks.learning.prototype import PROTOTYPE
from benchmarks.learning.tasks import TASKS

__all__ = ["Count", "acceptance", "counted", "everybody", "prototype_table", "rivals_of", "table"]

Tables = Mapping[str, Sequence[Cell]]
"""Task → its cells."""


def _digits(cell: Cell) -> int:
    return 4 if "loss" in cell.measure or cell.measure == CALIBRATION else 3


def rivals_of(rows: Sequence[Contender], default: str = DEFAULT) -> list[str]:
    """Name whom the default is compared with: peers and itself."""
    return [row.name for row in rows if row.role == "peer" or row.name == default]


def everybody(rows: Sequence[Contender], default: str = DEFAULT) -> list[str]:
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
    """Count the cells where the default is best or level, and those in the lower half; name what is behind."""
    lines = []
    for title, choose in (("the peers", rivals_of), ("the peers and our other models", everybody)):
        count = counted(tables, rows, choose, default)
        if count.cells:
            share = f"{count.good} of {count.cells} cells, {count.good / count.cells:.0%}"
            lines.append(f"- `{default}` beside {title}: best or level with the best in {share}.")
            lines.append(f"  Behind the best: {', '.join(count.behind) or 'nowhere'}.")
            lines.append(f"  In the lower half: {', '.join(count.low) or 'nowhere'}.")
    early = {name: [cell for cell in cells if cell.measure in EARLY] for name, cells in tables.items()}
    first = counted(early, rows, rivals_of, default)
    if first.cells:
        lines.append(
            f"- Rewards of the first 300 and 1,000 rounds: best or level in {first.good} of {first.cells} cells."
        )
    above = [
        f"{name} {cell.in_file_order[default] - cell.chance[default][0]:+.4f}"
        for name, cells in tables.items()
        for cell in cells
        if default in cell.chance
    ]
    if above:
        lines.append(f"- Calibration error of `{default}` above what chance leaves: {', '.join(above)}.")
    return "\n".join(lines)


EARLY = ("reward, first 300", "reward, first 1,000")


@dataclass
class Count:
    """In how many cells the default is best or level, where it is behind the best, and where in the lower half."""

    cells: int = 0
    good: int = 0
    behind: list[str] = field(default_factory=list)
    low: list[str] = field(default_factory=list)


def counted(
    tables: Tables,
    rows: Mapping[str, Sequence[Contender]],
    choose: Callable[[Sequence[Contender], str], list[str]],
    default: str,
) -> Count:
    """Count cells in which somebody else is there.

    Args:
        choose: whom the default is compared with.
    """
    count = Count()
    for name, cells in tables.items():
        rivals = choose(rows[name], default)
        for cell in cells:
            ranked = cell.ranked(rivals)
            if default not in ranked or len(ranked) == 1:
                continue
            count.cells += 1
            place = ranked.index(default) + 1
            where = f"{name} {cell.measure}"
            if cell.level(default, ranked[0]):
                count.good += 1
            else:
                count.behind.append(f"{where} ({ranked[0]})")
            if place > -(-len(ranked) // 2):
                count.low.append(f"{where} ({place} of {len(ranked)})")
    return count


def prototype_table(tables: Tables, default: str = DEFAULT) -> str:
    """Put the default beside the prototype, both in the order of the file."""
    lines = ["| task | measure | prototype | ours | |", "|---|---|---:|---:|---|"]
    for name, cells in tables.items():
        for cell in cells:
            before = PROTOTYPE.get((name, cell.measure))
            if before is None or default not in cell.values:
                continue
            now, digits = cell.in_file_order[default], _digits(cell)
            ahead = now <= before if cell.best_is == "low" else now >= before
            within = abs(now - before) <= cell.half_width(default)
            word = "at or above" if ahead else "below, within the interval" if within else "below"
            lines.append(f"| `{name}` | {cell.measure} | {before:.{digits}f} | {now:.{digits}f} | {word} |")
    return "\n".join(lines)
