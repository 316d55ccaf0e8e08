"""Numbers in 16 bits: both kernels read and write the same ones, with and without help of the processor."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opportune.learning.narrow_numpy import HALF_MAX, coarse, halved

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="needs numba")
singles = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(singles, min_size=1))
def test_a_mean_is_off_by_a_part_in_2048_at_most(numbers):
    exact = np.clip(np.array(numbers, dtype=np.float32), -HALF_MAX, HALF_MAX)

    off = np.abs(halved(exact) - exact)

    assert (off <= np.maximum(np.abs(exact) / 2_048, 2.0**-25)).all()


@given(st.lists(st.floats(2.0**-100, 2.0**100, width=32), min_size=1))
def test_a_variance_is_off_by_a_part_in_256_at_most(numbers):
    exact = np.array(numbers, dtype=np.float32)

    assert (np.abs(coarse(exact) - exact) <= exact / 256).all()


@needs_numba
def test_every_number_in_half_precision_is_read_as_it_is():
    from numba import njit, types
    from numba.extending import intrinsic

    from opportune.learning import narrow_numba

    read = intrinsic(
        lambda _typing, _half: (
            types.float32(types.uint16),
            lambda _context, builder, _signature, arguments: narrow_numba.read_half(builder, arguments[0]),
        )
    )
    halves = np.arange(1 << 16, dtype=np.uint16)
    finite = halves[np.isfinite(halves.view(np.float16))]
    expected = finite.view(np.float16).astype(np.float32)

    for form in (read, narrow_numba.from_half):

        @njit
        def all_of(halves, form=form):
            return np.array([form(half) for half in halves])

        assert all_of(finite).tobytes() == expected.tobytes()


@needs_numba
@given(st.lists(singles | st.floats(-(2.0**-13), 2.0**-13, width=32), min_size=1))
def test_what_is_learned_is_written_as_what_is_restored(numbers):
    from opportune.learning import bayes_numba, narrow_numba

    exact = np.array(numbers, dtype=np.float32)

    assert [narrow_numba.to_half(number) for number in exact] == bayes_numba.halved(exact).tolist()


@needs_numba
def test_ties_between_two_numbers_in_half_precision_go_to_the_even_one():
    from opportune.learning import bayes_numba, narrow_numba

    halves = np.arange(0x7BFF, dtype=np.uint16)
    low, high = halves.view(np.float16).astype(np.float32), (halves + 1).astype(np.uint16).view(np.float16)
    between = (low + high.astype(np.float32)) / 2

    assert [narrow_numba.to_half(number) for number in between] == bayes_numba.halved(between).tolist()
