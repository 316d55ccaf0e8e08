"""Sums of weights of evidence, compiled: the same whole numbers as evidence_numpy.py."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["total", "warm_up"]

Whole = npt.NDArray[np.int64]


def _total(sheet: npt.NDArray[np.int16], rows: Whole, factors: Whole, found: Whole) -> None:
    size = len(found)
    # 128 products of 15 and 9 bits fit 32.
    part = np.empty(size, dtype=np.int32)
    for k in range(size):
        found[k] = 0
    for first in range(0, len(rows), 128):
        last = min(first + 128, len(rows))
        for k in range(size):
            part[k] = 0
        eights = first + (last - first) // 4 * 4
        for i in range(first, eights, 4):
            a, b, c, d = sheet[rows[i]], sheet[rows[i + 1]], sheet[rows[i + 2]], sheet[rows[i + 3]]
            s, t = np.int32(factors[i]), np.int32(factors[i + 1])
            u, v = np.int32(factors[i + 2]), np.int32(factors[i + 3])
            for k in range(size):
                part[k] += np.int32(s * np.int32(a[k]) + t * np.int32(b[k])) + np.int32(
                    u * np.int32(c[k]) + v * np.int32(d[k])
                )
        for i in range(eights, last):
            a, s = sheet[rows[i]], np.int32(factors[i])
            for k in range(size):
                part[k] += np.int32(s * np.int32(a[k]))
        for k in range(size):
            found[k] += part[k]


total = njit(cache=True)(_total)


def warm_up() -> None:
    """Compile, or load from the compiler's cache."""
    rows = np.zeros(1, dtype=np.int64)
    total(np.zeros((1, 8), dtype=np.int16), rows, rows, np.zeros(8, dtype=np.int64))
