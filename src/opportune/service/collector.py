"""How seldom Python's collector of cycles runs beside decisions."""

from __future__ import annotations

import gc

__all__ = ["quiet_collector"]

COLLECT_AFTER = (10_000, 10, 100)
"""Thresholds of `gc`: new objects, then collections of each generation."""


def quiet_collector() -> None:
    """Let the collector pass over everything that exists now, and come seldom.

    Requests leave few cycles behind; measured, that is worth a fifth of the time of a decision.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
