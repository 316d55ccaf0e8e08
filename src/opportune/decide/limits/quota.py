"""At most so many of some candidates in one answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Quota"]


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `most` of the candidates of `members`, bool [C], may stand in one answer, over all its placements."""

    members: npt.NDArray[np.bool_]
    most: int
