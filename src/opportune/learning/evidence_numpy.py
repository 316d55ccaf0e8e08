"""Sums of weights of evidence, NumPy form. Notation: evidence.py.

All terms are whole numbers, so that sums are exact in any order and both kernels give the same bits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["total"]

Whole = npt.NDArray[np.int64]


def total(sheet: npt.NDArray[np.int16], rows: Whole, factors: Whole, found: Whole) -> None:
    """Fill found [Cp] with the sum of factor × row of the sheet [R, Cp]."""
    # Doubles hold whole numbers to 2^53 exactly, and their product with a matrix is fast.
    found[:] = factors.astype(np.float64) @ sheet.take(rows, axis=0).astype(np.float64)
