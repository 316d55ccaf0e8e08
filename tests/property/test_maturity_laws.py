"""Laws of ramp-up, floor and ceiling, whatever the method."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opportune.learning import Selection, select
from opportune.learning.maturity import shares

KERNELS = ["numpy", "numba"]
SLACK = 1e-9
METHODS = ["thompson", "igw", "greedy"]


class Case(NamedTuple):
    """A place to fill: `free` says who is held back by nobody."""

    mean: npt.NDArray[np.float32]
    spread: npt.NDArray[np.float32]
    alive: npt.NDArray[np.bool_]
    share: npt.NDArray[np.float64]
    action_of: npt.NDArray[np.intp]
    u: float
    options: dict[str, Any]

    @property
    def free(self) -> npt.NDArray[np.bool_]:
        """Alive candidates that are not held back; all where that is nobody."""
        free = self.alive & (self.share >= 1.0)
        return free if free.any() else self.alive


@st.composite
def cases(draw: st.DrawFn, most: int = 30) -> Case:
    size = draw(st.integers(1, most))

    def some(numbers: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(numbers, min_size=size, max_size=size))

    mean = some(st.floats(-1e6, 1e6, width=32) | st.floats(-1.0, 1.0, width=32) | st.just(0.5) | st.just(0.0))
    spread = some(st.floats(0.0, 1e3, width=32) | st.floats(0.0, 1.0, width=32) | st.just(0.25))
    alive = np.array(some(st.booleans()))
    alive[draw(st.integers(0, size - 1))] = True
    action_of = np.cumsum(some(st.sampled_from([0, 1, 1]))).astype(np.intp)
    levels = draw(st.lists(st.sampled_from([1.0, 1.0, 0.02, 0.3, 1e-6]), min_size=size + 1, max_size=size + 1))
    floor = draw(st.sampled_from([0.0, 0.02, 0.5]))
    options = {
        "method": draw(st.sampled_from(METHODS)),
        "floor": floor,
        "ceiling": max(floor, draw(st.sampled_from([0.0, 0.02, 0.3, 1.0]))),
        "gamma": draw(st.sampled_from([0.0, 10.0, 1e6])),
        "scale": draw(st.sampled_from([0.0, 0.2, 1.0])),
    }
    return Case(
        np.array(mean, dtype=np.float32),
        np.array(spread, dtype=np.float32),
        alive,
        np.array(levels)[action_of],
        action_of,
        draw(st.floats(0.0, 1.0, exclude_max=True)),
        options,
    )


def drawn(case: Case, kernel: str, **changes: Any) -> tuple[Selection, npt.NDArray[np.float64]]:
    """Draw the place; give the selection and the probability of everybody."""
    options = {**case.options, "share": case.share, "action_of": case.action_of, **changes}
    selection = select(case.mean, case.spread, case.alive, case.u, kernel=kernel, **options)
    p = np.where(case.alive, selection.rest, 0.0)
    p[selection.contenders] = selection.probabilities
    return selection, p


@pytest.mark.parametrize("kernel", KERNELS)
@given(case=cases())
def test_probabilities_sum_to_one_and_the_chosen_carries_its_own(kernel: str, case: Case) -> None:
    pytest.importorskip(kernel)
    selection, p = drawn(case, kernel)

    assert abs(p.sum() - 1.0) < SLACK
    assert p.min() >= 0.0
    assert p[~case.alive].sum() == 0.0
    assert case.alive[selection.chosen]
    assert selection.probability == p[selection.chosen] > 0.0


@given(case=cases())
def test_an_action_in_ramp_up_takes_at_most_its_share(case: Case) -> None:
    _, p = drawn(case, "numpy")

    for action in set(case.action_of[case.alive & ~case.free].tolist()):
        own = case.action_of == action
        assert p[own].sum() <= case.share[own][0] + SLACK


@given(case=cases())
def test_the_floor_is_kept_but_for_actions_in_ramp_up(case: Case) -> None:
    _, p = drawn(case, "numpy")

    assert (p[case.free] >= case.options["floor"] / case.alive.sum() - SLACK).all()


@given(case=cases())
def test_the_ceiling_is_kept(case: Case) -> None:
    _, p = drawn(case, "numpy")

    best = case.free & (case.mean == case.mean[case.free].max())
    assert p[case.alive & ~best].sum() <= case.options["ceiling"] + SLACK


@given(case=cases())
def test_without_limits_nothing_changes(case: Case) -> None:
    _, p = drawn(case, "numpy", share=np.ones(len(case.mean)), ceiling=1.0)
    _, plain = drawn(case, "numpy", share=None, ceiling=1.0)

    assert np.abs(p - plain).max() < SLACK


@settings(max_examples=300)
@given(case=cases(most=12), which=st.integers(0, 11), more=st.sampled_from([1.2, 5.0, 1e9]))
def test_more_evidence_never_lowers_the_chance_of_an_action(case: Case, which: int, more: float) -> None:
    action = int(case.action_of[np.flatnonzero(case.alive)[which % case.alive.sum()]])
    own = case.action_of == action
    grown = np.where(own, np.minimum(1.0, case.share * more), case.share)

    _, before = drawn(case, "numpy")
    _, after = drawn(case, "numpy", share=grown)

    assert after[own].sum() >= before[own].sum() - 1e-7


@given(case=cases())
def test_kernels_agree_and_bit_by_bit_where_nothing_is_integrated(case: Case) -> None:
    pytest.importorskip("numba")
    one, of_one = drawn(case, "numpy")
    other, of_other = drawn(case, "numba")

    if case.options["method"] == "thompson" and case.options["scale"] > 0.0:
        # The chances that they begin with agree within 0.0001, and what is freed is given by them again.
        assert np.abs(of_one - of_other).max() < 4e-4
    else:
        assert of_one.tobytes() == of_other.tobytes()
        assert one.chosen == other.chosen


@given(
    start=st.floats(0.001, 1.0),
    full_after=st.integers(1, 10_000),
    answers=st.lists(st.floats(0, 20_000), min_size=2, max_size=2),
)
def test_a_share_grows_with_the_answers_from_its_start_to_one(
    start: float, full_after: int, answers: list[float]
) -> None:
    few, many = sorted(answers)
    given_start, given_end = np.full(3, start), np.full(3, float(full_after))

    at_first, less, more = shares(given_start, given_end, np.array([0.0, few, many]))

    assert at_first == start
    assert start <= less <= more <= 1.0
    assert (more == 1.0) or many < full_after
