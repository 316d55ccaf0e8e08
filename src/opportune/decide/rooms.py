"""Of whom only so many may stand in one answer: exclusivity groups, and quotas of the strategy or of the moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opportune.decide.limits.quota import Quota
from opportune.decide.plan import Booleans, Plan
from opportune.decide.slate import Most
from opportune.records import Stage

__all__ = ["Rooms", "rooms_of"]


class Rooms(NamedTuple):
    """What room an answer has left.

    Args:
        members: bool [R, C].
        left: intp [R], how many of them may still stand there; filling places changes it.
        closes: uint8 [R], stage of the others once nothing is left.
    """

    members: Booleans
    left: npt.NDArray[np.intp]
    closes: npt.NDArray[np.uint8]


def rooms_of(plan: Plan, quotas: Sequence[Quota | Most], taken: Sequence[int]) -> Rooms:
    """Say what room is left beside the candidates `taken`."""
    groups = len(plan.exclusion)
    if not groups and not quotas:
        return _ENDLESS
    members = plan.exclusion
    if quotas:
        # In bytes: NumPy would let another thread go first, in the middle of a decision.
        rows = b"".join([members.tobytes(), *(quota.members.tobytes() for quota in quotas)])
        members = np.frombuffer(rows, dtype=np.bool_).reshape(-1, len(plan.candidates))
    left, closes = np.ones(len(members), dtype=np.intp), np.full(len(members), Stage.EXCLUSIVE, dtype=np.uint8)
    if quotas:
        left[groups:], closes[groups:] = [quota.most for quota in quotas], Stage.LINKED
    if taken:
        left -= np.count_nonzero(members[:, taken], axis=1)
    return Rooms(members, left, closes)


_ENDLESS = Rooms(np.zeros((0, 0), dtype=np.bool_), np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.uint8))
