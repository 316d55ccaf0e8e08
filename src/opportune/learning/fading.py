"""How fast what was learned fades: more slowly where more is known, so that one answer moves little of it.

Formulas: docs/concepts/learning.md, "One answer".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["SETTLED", "faded"]

SETTLED = 2_000
"""Answers behind which a weight forgets more slowly."""


def faded(
    forgetting: float, answers: npt.NDArray[np.int64], haste: float = 1.0, settled: int = SETTLED
) -> npt.NDArray[np.float64]:
    """Give the part of the way back to their first variance that weights go with an answer, at most a half.

    Args:
        forgetting: of weights with few answers.
        answers: that weights have learned.
        haste: times the usual, where the world has changed.
    """
    found: npt.NDArray[np.float64] = np.minimum(1.0, settled / np.maximum(answers, 1))
    return np.minimum(found * (forgetting * haste), 0.5)
