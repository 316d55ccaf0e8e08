"""Laws of the draw of one place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opportune.learning import Race, Selection, select

KERNELS = ["numpy", "numba"]
Case = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.bool_], float, float]


@st.composite
def cases(draw: st.DrawFn, most: int = 60) -> Case:
    size = draw(st.integers(1, most))
    numbers = st.floats(-1e6, 1e6, width=32) | st.floats(-1.0, 1.0, width=32) | st.just(0.5)
    spreads = st.floats(0.0, 1e3, width=32) | st.floats(0.0, 1.0, width=32) | st.just(0.25)
    mean = np.array(draw(st.lists(numbers, min_size=size, max_size=size)), dtype=np.float32)
    spread = np.array(draw(st.lists(spreads, min_size=size, max_size=size)), dtype=np.float32)
    alive = np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    alive[draw(st.integers(0, size - 1))] = True
    u = draw(st.floats(0.0, 1.0, exclude_max=True))
    return mean, spread, alive, u, draw(st.sampled_from([0.0, 0.02, 0.5]))


def everybody(selection: Selection, alive: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    p = np.where(alive, selection.rest, 0.0)
    p[selection.contenders] = selection.probabilities
    return p


@pytest.mark.parametrize("kernel", KERNELS)
@given(case=cases(), scale=st.sampled_from([0.0, 0.1, 1.0]))
def test_probabilities_sum_to_one_and_the_chosen_is_alive(kernel: str, case: Case, scale: float) -> None:
    mean, spread, alive, u, floor = case

    selection = select(mean, spread, alive, u, scale=scale, floor=floor, kernel=kernel)

    p = everybody(selection, alive)
    assert abs(p.sum() - 1.0) < 1e-9
    assert (p[alive] >= floor / alive.sum()).all()
    assert p[~alive].sum() == 0.0
    assert alive[selection.chosen]
    assert selection.probability == p[selection.chosen] > 0.0
    assert selection.alive == alive.sum()


@given(case=cases())
def test_kernels_agree(case: Case) -> None:
    pytest.importorskip("numba")
    mean, spread, alive, u, floor = case

    one = select(mean, spread, alive, u, scale=0.3, floor=floor, kernel="numpy")
    other = select(mean, spread, alive, u, scale=0.3, floor=floor, kernel="numba")

    # Single precision, other order of products: the stated tolerance of the two kernels.
    assert np.abs(everybody(one, alive) - everybody(other, alive)).max() < 1e-4


@given(case=cases(most=12), rise=st.floats(0.001, 2.0), place=st.integers(0, 11))
def test_raising_a_mean_never_lowers_its_probability(case: Case, rise: float, place: int) -> None:
    mean, spread, alive, u, floor = case
    candidate = int(np.flatnonzero(alive)[place % alive.sum()])
    raised = mean.copy()
    raised[candidate] += np.float32(rise * max(float(spread[candidate]), 0.1))

    before = select(mean, spread, alive, u, scale=1.0, floor=floor).probability_of(candidate)
    after = select(raised, spread, alive, u, scale=1.0, floor=floor).probability_of(candidate)

    # The grid moves with the means; its error is below .01.
    assert after >= before - 0.01


@given(case=cases(most=20), seed=st.integers(0, 9))
def test_the_order_of_candidates_does_not_matter_to_their_chances(case: Case, seed: int) -> None:
    mean, spread, alive, u, floor = case
    order = np.random.default_rng(seed).permutation(len(mean))

    one = everybody(select(mean, spread, alive, u, scale=0.5, floor=floor), alive)
    other = everybody(select(mean[order], spread[order], alive[order], u, scale=0.5, floor=floor), alive[order])

    assert np.abs(one[order] - other).max() < 0.01


@given(case=cases(), scale=st.sampled_from([0.1, 1.0]), closing=st.lists(st.integers(0, 59), max_size=3))
def test_places_of_one_race_agree_between_kernels_and_with_places_drawn_alone(
    case: Case, scale: float, closing: list[int]
) -> None:
    mean, spread, alive, u, floor = case
    pytest.importorskip("numba")
    races = {kernel: Race(mean, spread, places=4, scale=scale, floor=floor, kernel=kernel) for kernel in KERNELS}
    alive = alive.copy()
    while alive.any() and closing:
        drawn = {kernel: everybody(race.draw(alive, u), alive) for kernel, race in races.items()}
        alone = everybody(select(mean, spread, alive, u, scale=scale, floor=floor), alive)

        assert np.abs(drawn["numba"] - drawn["numpy"]).max() < 1e-4
        assert np.abs(drawn["numpy"] - alone).max() < 0.03
        assert drawn["numpy"].sum() == pytest.approx(1.0)
        alive[int(np.argmax(drawn["numpy"]))] = False
        alive[closing.pop() % len(alive)] = False


@given(st.integers(0, 2_000), st.integers(1, 60), st.integers(0, 3), st.integers(0, 99))
def test_the_highest_are_found_in_falling_order_with_ties_in_order(
    size: int, count: int, digits: int, seed: int
) -> None:
    compiled = pytest.importorskip("opportune.learning.selection_numba")
    values = np.random.default_rng(seed).normal(size=size).round(digits)

    assert compiled.highest(values, count).tolist() == np.argsort(-values, kind="stable")[:count].tolist()
