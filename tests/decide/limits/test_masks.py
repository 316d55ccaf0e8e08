"""Marking who is kept out: both forms alike, and no earlier stage is overwritten."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opportune.decide import steps_numpy
from opportune.decide.steps import steps_of
from opportune.learning.kernels import resolve_kernel
from opportune.records import Stage

FORMS = sorted({"numpy", resolve_kernel("auto")})


@pytest.mark.parametrize("form", [steps_of(kernel) for kernel in FORMS], ids=FORMS)
@given(
    candidates=st.lists(
        st.tuples(st.sampled_from([*map(int, Stage), steps_numpy.OPEN]), st.booleans()), min_size=1, max_size=20
    ),
    ends=st.tuples(st.integers(0, 20), st.integers(0, 20)),
)
def test_members_that_stand_later_are_limited(
    form: ModuleType, candidates: list[tuple[int, bool]], ends: tuple[int, int]
) -> None:
    size = len(candidates)
    begin, end = sorted(min(size, one) for one in ends)
    stages = np.array([stage for stage, _ in candidates], dtype=np.uint8)

    form.limit(stages, np.array([is_member for _, is_member in candidates]), begin, end)

    for place, (stage, is_member) in enumerate(candidates):
        is_held = is_member and begin <= place < end
        assert stages[place] == (min(stage, Stage.LIMITED) if is_held else stage)
