"""How fast what was learned fades: the more answers stand behind it, the less, so that nobody moves much of it.

Formulas: docs/concepts/learning.md, "One answer".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["NEVER", "SETTLED", "counted", "faded", "repeated"]

SETTLED = 2_000
"""Answers behind which a weight forgets more slowly."""
REPEATED = 20_000
"""Answers to an action behind which its predictors are taken to repeat each other."""
TRUSTED = 50_000
"""Answers behind which how far experts are trusted, and corrected, moves less with each."""
NEVER = 1 << 60
"""Answers since the last change of a world that nobody watches."""


def faded(
    forgetting: float, answers: npt.NDArray[np.int64] | int, since: int = NEVER, settled: int = SETTLED
) -> npt.NDArray[np.float64]:
    """Give the part of the way back to their first variance that weights go with an answer, at most a half.

    Args:
        forgetting: of weights with few answers.
        answers: that weights have learned.
        since: answers since the world last changed.
    """
    found: npt.NDArray[np.float64] = np.minimum(1.0, settled / np.maximum(np.minimum(answers, since), 1))
    return np.minimum(found * found * found * forgetting, 0.5)


def repeated(answers: int, since: int = NEVER) -> float:
    """Give how far the features of an answer are taken to say the same, 0 to 1.

    Args:
        answers: to the action.
        since: answers since the world last changed.
    """
    return 1.0 - min(1.0, REPEATED / max(min(answers, since), 1))


def counted(answers: int, since: int = NEVER) -> float:
    """Give how much of an answer counts for trust in those who learn the same answer themselves, 0 to 1.

    Args:
        answers: that trust has learned.
        since: answers since the world last changed.
    """
    found = min(1.0, TRUSTED / max(min(answers, since), 1))
    return found * found
