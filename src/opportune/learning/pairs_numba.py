"""Sums of rows, compiled: the same steps as pairs_numpy.py."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["add_rows", "warm_up"]

Floats = npt.NDArray[np.float32]


def _add_rows(table: Floats, rows: npt.NDArray[np.int64], values: Floats, total: Floats) -> None:
    for i in range(len(rows)):
        row, value = table[rows[i]], values[i]
        for a in range(len(total)):
            total[a] += value * row[a]


add_rows = njit(cache=True)(_add_rows)


def warm_up() -> None:
    """Compile, or load from the compiler's cache."""
    table = np.zeros((1, 8), dtype=np.float32)
    add_rows(table, np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.float32), table[0].copy())
