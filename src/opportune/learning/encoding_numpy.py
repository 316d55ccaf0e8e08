"""Scaling of numbers, NumPy form. Formulas: docs/concepts/learning.md, "Encoding"; notation: encoding.py."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["observe", "refresh", "scale"]

Z_MAX = 3.0
CURVE_MEAN = 0.8
"""Mean distance of a normal number from its mean, in standard deviations (the root of 2/pi)."""
MAGNITUDE_MAX = 1e18
"""Larger numbers count as missing: one of them, learned early, would flatten its scale for thousands of answers."""
MEMORY = 10_000.0
"""Answers after which the running mean and variance of a number begin to forget."""
TRUST = 5.0
"""Answers after which a number counts half of its scaled value: early means and variances are guesses."""
OUTLIER_AFTER = 30.0
OUTLIER = 8.0
"""Standard deviations beyond which a number moves its scale no further."""
NOISE = 1e-18
"""A variance below this part of the squared mean is rounding, not variation."""

Doubles = npt.NDArray[np.float64]


def scale(raw: Doubles, mean: Doubles, factor: Doubles, dense: npt.NDArray[np.float32]) -> bool:
    """Fill dense [2 N] from raw [N] and mark in raw by NaN what is missing; return whether anything is."""
    missing = ~(np.abs(raw) <= MAGNITUDE_MAX)
    is_missing = bool(missing.any())
    if is_missing:
        raw[missing] = np.nan
    z = (raw - mean) * factor
    np.minimum(z, Z_MAX, out=z)
    np.maximum(z, -Z_MAX, out=z)
    if is_missing:
        z[missing] = 0.0
    size = len(raw)
    dense[:size] = z
    flat = z == 0.0
    np.abs(z, out=z)
    z -= CURVE_MEAN
    z[flat] = 0.0
    dense[size:] = z
    return is_missing


def observe(raw: Doubles, seen: Doubles, mean: Doubles, variance: Doubles, factor: Doubles) -> None:
    """Move running mean and variance by the numbers that are there."""
    known = np.abs(raw) <= MAGNITUDE_MAX
    seen += known
    weight = known / np.minimum(np.maximum(seen, 1.0), MEMORY)
    delta = np.where(known, raw, mean) - mean
    limit = np.where((seen > OUTLIER_AFTER) & (variance > 0.0), OUTLIER * np.sqrt(variance), np.inf)
    np.minimum(delta, limit, out=delta)
    np.maximum(delta, -limit, out=delta)
    step = delta * weight
    mean += step
    variance += (delta * (delta - step) - variance) * weight
    refresh(seen, mean, variance, factor)


def refresh(seen: Doubles, mean: Doubles, variance: Doubles, factor: Doubles) -> None:
    """Derive what `scale` multiplies with."""
    trust = seen / (seen + TRUST)
    real = (variance > NOISE * mean * mean) & (variance > 0.0)
    factor[:] = np.where(real, trust / np.sqrt(np.where(real, variance, 1.0)), 0.0)
