"""Handwritten digits as rounds of choices: 64 numbers, ten actions without relatives, one of them right.

E. Alpaydin, C. Kaynak (1998), UCI "Optical Recognition of Handwritten Digits", CC BY 4.0.
"""

from __future__ import annotations

import numpy as np

from benchmarks.learning.sets.folder import facts_of, find, predictors_of, table
from benchmarks.learning.stream import Rounds, key
from opportune.records import ValueType

__all__ = ["read"]

TYPES = {f"x{i}": ValueType.NUMBER for i in range(64)}


def read() -> Rounds:
    """Read all digits; choosing the right one is accepted for certain, a wrong one never."""
    rows = list(table(find("multiclass_bandit", "optdigits.csv.gz")))
    labels = np.array([int(row["label"]) for row in rows])
    facts = [facts_of(row, TYPES, {}) for row in rows]
    candidates = tuple(key(f"digit {digit}", f"digit {digit}") for digit in range(10))
    return Rounds(predictors_of(TYPES), candidates, facts, (labels[:, None] == np.arange(10)).astype(np.float32))
