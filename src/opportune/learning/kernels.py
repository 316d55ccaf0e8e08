"""Which compiled form of the numeric work runs: NumPy alone, or Numba where the extra "fast" is installed."""

from __future__ import annotations

import functools
import importlib.util
from typing import Literal

__all__ = ["Kernel", "resolve_kernel", "warm_up"]

Kernel = Literal["numpy", "numba"]


@functools.cache
def _has_numba() -> bool:
    return importlib.util.find_spec("numba") is not None


def resolve_kernel(kernel: str) -> Kernel:
    """Turn "auto" into the fastest installed kernel.

    Raises:
        ValueError: the name is unknown, or "numba" is asked for and not installed.
    """
    if kernel == "auto":
        return "numba" if _has_numba() else "numpy"
    if kernel == "numpy":
        return "numpy"
    if kernel == "numba":
        if not _has_numba():
            raise ValueError("kernel 'numba' is not installed; install opportune[fast] or use kernel 'numpy'")
        return "numba"
    raise ValueError("kernel: expected 'auto', 'numpy' or 'numba'")


def warm_up(kernel: str) -> Kernel:
    """Compile, or load from the compiler's cache, all that the first request would otherwise wait for."""
    resolved = resolve_kernel(kernel)
    if resolved == "numba":
        from opportune.learning import bayes_numba, encoding_numba, exploration_numba

        bayes_numba.warm_up()
        encoding_numba.warm_up()
        exploration_numba.warm_up()
    return resolved
