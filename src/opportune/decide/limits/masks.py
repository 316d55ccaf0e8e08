"""What holds mean for the candidates: who is kept out, and who shares a quota."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from opportune.decide.limits.limits import Limits
from opportune.decide.limits.quota import Quota
from opportune.decide.steps import steps_of
from opportune.records import Hold

__all__ = ["mark_limited", "quotas_of"]


def mark_limited(
    limits: Limits, holds: Sequence[Hold], stages: npt.NDArray[np.uint8], kernel: str = "numpy"
) -> npt.NDArray[np.uint8]:
    """Say LIMITED of the candidates that a hold keeps out and that no earlier stage dropped.

    Args:
        stages: uint8 [C], a stage or OPEN; what stands later than LIMITED is overwritten.
        kernel: "numpy" or "numba"; they differ in speed alone.
    """
    marked, steps = None, steps_of(kernel)
    for hold in holds:
        if hold.left:
            continue
        if marked is None:
            # Other ways to copy let another thread go first.
            marked = np.frombuffer(bytearray(stages), dtype=np.uint8)
        # Candidates of a group or an action lie together: most holds touch only a few.
        own, cover = limits.place(hold.part), limits.cover(hold.limit)
        if cover is None or (hold.part and hold.kind in ("stock", "consent", "minor", "identity")):
            cover = limits.members(hold.limit, hold.part)
        steps.limit(marked, cover, own.start, own.stop)
    return stages if marked is None else marked


def quotas_of(limits: Limits, holds: Sequence[Hold]) -> tuple[Quota, ...]:
    """Give how many of which candidates the answer may hold."""
    return tuple(Quota(limits.members(hold.limit, hold.part), hold.left) for hold in holds if hold.left)
