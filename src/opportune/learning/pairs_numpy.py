"""Sums of rows and gains of pairs, NumPy form. Notation: pairs.py, screening.py.

Rows are added one after the other, so that both kernels give the same bits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["CAUTION", "add_rows", "note"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

CAUTION = 5.0
"""Chances (p (1 - p) each) that a cell is taken to have had without error."""


def add_rows(table: Floats, rows: npt.NDArray[np.int64], values: Floats, total: Floats) -> None:
    """Add value × row of a table [rows, A] to total [A]."""
    for row, value in zip(rows.tolist(), values, strict=True):
        total += value * table[row]


def note(
    errors: Floats,
    chances: Floats,
    place: npt.NDArray[np.int64],
    gains: Doubles,
    cells: Doubles,
    error: float,
    chance: float,
) -> None:
    """Add one answer to the sums at `place` [W], and what it changes to gains [W] and cells [W].

    Where two pairs share a place, the later one's sums stay.
    """
    sum_errors = errors[place].astype(np.float64)
    sum_chances = chances[place].astype(np.float64)
    cells += sum_chances == 0.0
    before = (sum_errors * sum_errors - sum_chances) / (sum_chances + CAUTION)
    sum_errors += error
    sum_chances += chance
    gains += (sum_errors * sum_errors - sum_chances) / (sum_chances + CAUTION) - before
    errors[place] = sum_errors
    chances[place] = sum_chances
