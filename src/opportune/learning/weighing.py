"""Weight of evidence in layers, from counts.

Formulas: docs/concepts/learning-experts.md, "Weights".

Notation:
    L  leaves (candidates that learned anything), sorted so that groups, and in them actions, stand together
    B  bins
    n, o  float64 [L, B], answers and those where the outcome happened
    odds  float64 [L], odds of the leaf whatever the bin
    m  float64 [L, B], factor by which a bin moves these odds
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["PRECISIONS", "layer"]

Doubles = npt.NDArray[np.float64]
Starts = npt.NDArray[np.int64]

PRECISIONS = (2.0, 16.0, 16.0, 64.0)
"""Precision (1 / variance) of a weight before any answer, given the layer above: all, group, action, candidate."""


def layer(n: Doubles, o: Doubles, odds: Doubles, m: Doubles, starts: Starts, precision: float) -> Doubles:
    """Give the factors [nodes, B] of one layer over those of the layer above.

    Args:
        m: factors of the layer above, by leaf.
        starts: first leaf of each node.
    """
    up = odds[:, None] * m
    expected = n * (up / (1.0 + up))
    answers = np.add.reduceat(n, starts, axis=0)
    happened = np.add.reduceat(o, starts, axis=0)
    rate = np.add.reduceat(expected, starts, axis=0) / np.maximum(answers, 1e-300)
    known = answers > 0.0
    rate = np.where(known, rate, 0.5)
    prior = precision / (rate * (1.0 - rate))
    found = (happened + prior * rate) / (answers - happened + prior * (1.0 - rate))
    factors: Doubles = np.where(known, found * (1.0 - rate) / rate, 1.0)
    return factors
