"""Sums of rows, NumPy form: one row after the other, so that both kernels give the same bits. Notation: pairs.py."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["add_rows"]

Floats = npt.NDArray[np.float32]


def add_rows(table: Floats, rows: npt.NDArray[np.int64], values: Floats, total: Floats) -> None:
    """Add value × row of a table [rows, A] to total [A]."""
    for row, value in zip(rows.tolist(), values, strict=True):
        total += value * table[row]
