"""Numbers rounded to what 16 bits hold, NumPy form: they stay float32. Notation: narrow_numba.py."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["HALF_MAX", "UPPER_BIT", "coarse", "halved"]

Floats = npt.NDArray[np.float32]

UPPER_BIT, UPPER_BITS = np.uint32(0x8000), np.uint32(0xFFFF0000)
HALF_MAX = np.float32(65_504.0)
"""Largest number in half precision."""


def coarse(numbers: Floats) -> Floats:
    """Round positive numbers to the 8 significant bits of a float32's upper half: right to a part in 256."""
    rounded: Floats = ((numbers.view(np.uint32) + UPPER_BIT) & UPPER_BITS).view(np.float32)
    return rounded


def halved(numbers: Floats) -> Floats:
    """Round to the 11 significant bits of half precision: right to a part in 2,048, or to 3e-8 below 6e-5."""
    return np.clip(numbers, -HALF_MAX, HALF_MAX).astype(np.float16).astype(np.float32)
