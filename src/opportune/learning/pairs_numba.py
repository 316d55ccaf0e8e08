"""Sums of rows and gains of pairs, compiled: the same steps as pairs_numpy.py."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from opportune.learning import pairs_numpy

__all__ = ["add_rows", "note", "warm_up"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

CAUTION = pairs_numpy.CAUTION


def _add_rows(table: Floats, rows: npt.NDArray[np.int64], values: Floats, total: Floats) -> None:
    for i in range(len(rows)):
        row, value = table[rows[i]], values[i]
        for a in range(len(total)):
            total[a] += value * row[a]


def _note(
    errors: Floats,
    chances: Floats,
    place: npt.NDArray[np.int64],
    gains: Doubles,
    cells: Doubles,
    error: float,
    chance: float,
) -> None:
    size = len(place)
    sums = np.empty((2, size))
    for w in range(size):
        sum_error, sum_chance = np.float64(errors[place[w]]), np.float64(chances[place[w]])
        if sum_chance == 0.0:
            cells[w] += 1.0
        before = (sum_error * sum_error - sum_chance) / (sum_chance + CAUTION)
        sum_error += error
        sum_chance += chance
        gains[w] += (sum_error * sum_error - sum_chance) / (sum_chance + CAUTION) - before
        sums[0, w], sums[1, w] = sum_error, sum_chance
    for w in range(size):
        errors[place[w]] = sums[0, w]
        chances[place[w]] = sums[1, w]


add_rows = njit(cache=True)(_add_rows)
note = njit(cache=True)(_note)


def warm_up() -> None:
    """Compile, or load from the compiler's cache."""
    table = np.zeros((1, 8), dtype=np.float32)
    add_rows(table, np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.float32), table[0].copy())
    sums = np.zeros(1)
    note(table[0].copy(), table[0].copy(), np.zeros(1, dtype=np.int64), sums, sums.copy(), 0.0, 0.0)
