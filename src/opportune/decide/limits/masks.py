"""What holds mean for the candidates: who is kept out, and who shares a quota."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from opportune.decide.limits.limits import Limits
from opportune.decide.limits.quota import Quota
from opportune.records import Hold, Stage

__all__ = ["mark_limited", "quotas_of"]


def mark_limited(limits: Limits, holds: Sequence[Hold], stages: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Say LIMITED of the candidates that a hold keeps out and that no earlier stage dropped.

    Args:
        stages: uint8 [C], a stage or OPEN; what stands later than LIMITED is overwritten.
    """
    held = None
    for hold in holds:
        if hold.left:
            continue
        if held is None:
            held = np.zeros(len(stages), dtype=bool)
        if hold.part and hold.kind in ("stock", "consent", "minor", "identity"):
            held |= limits.members(hold.limit, hold.part)
            continue
        # Candidates of a group or an action lie together: most holds touch only a few.
        own, cover = limits.place(hold.part), limits.cover(hold.limit)
        held[own] |= True if cover is None else cover[own]
    return stages if held is None else np.minimum(stages, np.where(held, _LIMITED, _OPEN))


def quotas_of(limits: Limits, holds: Sequence[Hold]) -> tuple[Quota, ...]:
    """Give how many of which candidates the answer may hold."""
    return tuple(Quota(limits.members(hold.limit, hold.part), hold.left) for hold in holds if hold.left)


_LIMITED = np.uint8(Stage.LIMITED)
_OPEN = np.uint8(255)
"""As `opportune.decide.gate.OPEN`: no stage dropped it."""
