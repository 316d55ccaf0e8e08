"""From the results of all contenders on a task to values with intervals, paired by bootstrap.

Answers are drawn again in runs of 50 that follow each other in the file, because neighbours are alike; all contenders
get the same draws, so that their differences are compared on the same answers. Where a task has several seeds, whole
seeds of the choosing tasks are drawn again too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.learning.measures import Areas, calibration_bins, calibration_by_chance, calibration_error, log_loss
from benchmarks.learning.runs import order_of
from benchmarks.learning.stream import Rounds, Stream
from benchmarks.learning.tasks import Choosing, Predicting

__all__ = ["DRAWS", "Cell", "chosen_cells", "predicted_cells"]

Floats = npt.NDArray[np.float64]
Results = Mapping[str, Sequence[Mapping[str, Any]]]
"""Contender → its results, one per seed."""

DRAWS = 200
RUN = 50
BLOCK = 1_000
WARM_UP, LONG = 2_000, 10_000
"""Calibration of streams of at least LONG answers is told after the first WARM_UP."""


@dataclass
class Cell:
    """One measure on one task.

    Args:
        best_is: "low" or "high".
        values: contender → value, then one value per bootstrap draw.
        in_file_order: contender → value of the first seed alone.
        chance: contender → calibration error that it would show if it were perfectly right; mean, 95th percentile.
    """

    measure: str
    best_is: str
    values: dict[str, Floats] = field(default_factory=dict)
    in_file_order: dict[str, float] = field(default_factory=dict)
    chance: dict[str, tuple[float, float]] = field(default_factory=dict)

    def best(self, rivals: Sequence[str]) -> str:
        """Name the best of those."""
        return self.ranked(rivals)[0]

    def ranked(self, rivals: Sequence[str]) -> list[str]:
        """Order those from the best."""
        sign = 1.0 if self.best_is == "low" else -1.0
        return sorted((r for r in rivals if r in self.values), key=lambda r: sign * self.values[r][0])

    def level(self, contender: str, other: str) -> bool:
        """Whether the 95 % interval of the difference holds 0, or the contender is the better one."""
        sign = 1.0 if self.best_is == "low" else -1.0
        worse = sign * (self.values[contender] - self.values[other])
        return bool(worse[0] <= 0.0 or np.quantile(worse[1:], 0.025) <= 0.0)

    def half_width(self, contender: str) -> float:
        """Half of the 95 % interval of the value itself."""
        low, high = np.quantile(self.values[contender][1:], [0.025, 0.975])
        return float(high - low) / 2.0


def _weights(size: int, draws: int, seed: int = 5) -> Floats:
    """Give one weight per answer and draw, float64 [1 + draws, size]; the first draw is the data themselves."""
    random = np.random.default_rng(seed)
    runs = -(-size // RUN)
    found = np.ones((1 + draws, size))
    for draw in range(1, 1 + draws):
        counts = np.bincount(random.integers(0, runs, runs), minlength=runs)
        found[draw] = np.repeat(counts, RUN)[:size]
    return found


def predicted_cells(task: Predicting, data: Stream, results: Results, draws: int = DRAWS) -> list[Cell]:
    """Compare predictions."""
    weights = _weights(len(data.answers), draws)
    cells: dict[str, Cell] = {}
    for name, seeds in results.items():
        found: dict[str, list[Floats]] = {}
        for seed, result in enumerate(seeds):
            order = order_of(data, seed)
            p = np.clip(np.array(result["predictions"]), 1e-9, 1.0 - 1e-9)
            for measure, of in _measures(task, data, order, p).items():
                drawn = np.array([of(w[order]) for w in weights])
                found.setdefault(measure, []).append(drawn)
            if seed == 0 and not task.horizons:
                cell = cells.setdefault(CALIBRATION, Cell(CALIBRATION, "low"))
                cell.chance[name] = calibration_by_chance(p[_after_warm_up(len(p)) :])
        for measure, values in found.items():
            cell = cells.setdefault(measure, Cell(measure, "high" if "AUC" in measure else "low"))
            cell.values[name] = np.mean(values, axis=0)
            cell.in_file_order[name] = float(values[0][0])
    # The calibration cell was made first; it belongs last.
    return sorted(cells.values(), key=lambda cell: cell.measure == CALIBRATION)


CALIBRATION = "calibration error"
Measure = Callable[[Floats], float]


def _after_warm_up(size: int) -> int:
    return WARM_UP if size >= LONG else 0


def _measures(task: Predicting, data: Stream, order: npt.NDArray[np.intp], p: Floats) -> dict[str, Measure]:
    y, shown = data.happened[order], data.shown[order]
    losses = log_loss(p, y)
    if task.horizons:
        parts = {h: _counted(data, order, shown, h) for h in task.horizons}
        return {f"log loss, first {h}": _mean(losses, counted) for h, counted in parts.items() if counted.any()}
    everywhere = np.zeros(len(p), dtype=np.intp)
    found: dict[str, Measure] = {
        "log loss": _mean(losses, np.ones(len(p), dtype=np.bool_)),
        "AUC": Areas(p, y, everywhere).of,
    }
    if len(data.candidates) > 1:
        found["AUC within action"] = Areas(p, y, shown).of
    if data.drifts:
        found["AUC within 1,000 rows"] = Areas(p, y, np.arange(len(p)) // BLOCK).of
    begin = _after_warm_up(len(p))
    bins = calibration_bins(p[begin:])
    found[CALIBRATION] = lambda w: calibration_error(p[begin:], y[begin:], w[begin:], bins)
    return found


def _counted(data: Stream, order: Any, shown: Any, horizon: int) -> npt.NDArray[np.bool_]:
    """Of the counted answers, the first so many of each action."""
    assert data.counted is not None
    counted: npt.NDArray[np.bool_] = data.counted[order].copy()
    for candidate in np.unique(shown):
        places = np.flatnonzero(counted & (shown == candidate))
        counted[places[horizon:]] = False
    return counted


def _mean(losses: Floats, counted: npt.NDArray[np.bool_]) -> Measure:
    return lambda w: float(np.sum(losses * w * counted) / max(1e-12, float(np.sum(w * counted))))


def chosen_cells(task: Choosing, data: Rounds, results: Results, draws: int = DRAWS) -> list[Cell]:
    """Compare what choices earned, or where answers are rare how often they were right."""
    size = task.rounds or len(data.facts)
    seeds = max(map(len, results.values()), default=0)
    weights = np.array([_weights(size, draws, seed) for seed in range(seeds)])
    random = np.random.default_rng(6)
    picked = np.array([range(seeds), *(random.integers(0, seeds, seeds) for _ in range(draws))])
    best = float(np.nanmax(data.rewards))
    word = "right choices" if task.rare else "reward"
    shortest = min(len(run["rounds"]) for runs in results.values() for run in runs)
    cells = {mark: Cell(f"{word}, first {mark:,}", "high") for mark in task.marks if mark <= shortest}
    cells[0] = Cell(f"{word}, all", "high")
    for name, runs in results.items():
        for mark, cell in cells.items():
            means = []
            for seed, run in enumerate(runs):
                rounds = np.array(run["rounds"][: mark or None], dtype=np.intp)
                worth = np.array(run["worth"][: mark or None], dtype=np.float64)
                if task.rare:
                    worth = (worth >= best - 1e-6).astype(np.float64)
                w = weights[seed][:, rounds]
                means.append((w @ worth) / np.maximum(1e-12, w.sum(axis=1)))
            by_seed = np.array(means)
            cell.in_file_order[name] = float(by_seed[0, 0])
            cell.values[name] = by_seed[picked[:, : len(runs)].T % len(runs), np.arange(1 + draws)].mean(axis=0)
    return list(cells.values())
