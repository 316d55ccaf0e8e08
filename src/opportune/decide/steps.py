"""Which form of the array steps runs: that of the model's kernel."""

from __future__ import annotations

import functools
from typing import Any

from opportune.decide import steps_numpy

__all__ = ["steps_of"]


@functools.cache
def steps_of(kernel: str) -> Any:
    """Give the module with the steps of kernel "numpy" or "numba"."""
    if kernel != "numba":
        return steps_numpy
    from opportune.decide import steps_numba

    return steps_numba
