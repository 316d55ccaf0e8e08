"""The search of slate_search.py, compiled."""

from __future__ import annotations

from numba import njit, types

from opportune.decide import slate_search
from opportune.decide.slate_shape import Task

__all__ = ["search"]

_TASK: types.Type = types.NamedUniTuple(types.int64[::1], len(Task._fields), Task)  # type: ignore[no-untyped-call]
# One signature, compiled when this module is imported: no request waits for it.
search = njit([(_TASK, *(types.int64,) * 5)], cache=True, error_model="numpy")(slate_search.search)
