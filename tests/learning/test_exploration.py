"""The draw of one place."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import chi2

from opportune.learning import Method, Race, Selection, select
from opportune.learning.exploration import GAMMA_SCALE, gamma_of

Select = Callable[..., Selection]


@pytest.fixture(params=["numpy", "numba"])
def draw(request: pytest.FixtureRequest) -> Select:
    """`select` by one kernel, with lists in place of arrays."""
    if request.param == "numba":
        pytest.importorskip("numba")

    def by_kernel(mean: object, spread: object, alive: object = None, u: float = 0.5, **options: object) -> Selection:
        means = np.array(mean, dtype=np.float32)
        here = np.ones(len(means), dtype=bool) if alive is None else np.array(alive, dtype=bool)
        return select(means, np.array(spread, dtype=np.float32), here, u, kernel=request.param, **options)  # type: ignore[arg-type]

    return by_kernel


def everybody(selection: Selection, alive: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    p = np.where(alive, selection.rest, 0.0)
    p[selection.contenders] = selection.probabilities
    return p


@pytest.mark.parametrize("seed", range(12))
def test_chances_match_a_monte_carlo_of_the_draws(draw: Select, seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 60))
    mean = rng.normal(size=size).astype(np.float32) * (0.0 if seed % 4 == 0 else 1.0)
    spread = np.exp(rng.normal(-1.0, 1.2, size)).astype(np.float32)

    selection = draw(mean, spread, scale=1.0, floor=0.0)

    draws = rng.normal(mean, spread, size=(100_000, size)).argmax(axis=1)
    oracle = np.bincount(draws, minlength=size) / 100_000
    assert np.abs(everybody(selection, np.ones(size, dtype=bool)) - oracle).max() < 0.01


def test_two_candidates_have_the_chances_of_the_closed_form(draw: Select) -> None:
    selection = draw([1.0, 0.0], [1.0, 2.0], scale=1.0, floor=0.0)

    assert selection.probabilities[0] == pytest.approx(
        0.5 * math.erfc(-1.0 / math.sqrt(5.0) / math.sqrt(2.0)), abs=2e-3
    )


def test_draws_follow_the_probabilities(draw: Select) -> None:
    rng = np.random.default_rng(5)
    mean, spread = rng.normal(size=40), np.exp(rng.normal(-1, 1, 40))
    alive = rng.random(40) < 0.8
    count = 20_000

    selections = [draw(mean, spread, alive, u, scale=0.5, floor=0.1) for u in rng.random(count).tolist()]

    expected = everybody(selections[0], alive) * count
    found = np.bincount([s.chosen for s in selections], minlength=40)
    used = expected > 0
    statistic = float(((found - expected)[used] ** 2 / expected[used]).sum())
    assert found[~used].sum() == 0
    assert chi2.sf(statistic, used.sum() - 1) > 0.001


def test_every_chosen_candidate_carries_its_own_probability(draw: Select) -> None:
    for u in np.linspace(0.0, 1.0, 301, endpoint=False).tolist():
        selection = draw([1.0, 0.9, -5.0, -5.0], [0.3, 0.3, 0.1, 0.1], u=u, scale=1.0, floor=0.2)

        assert selection.probability == selection.probability_of(selection.chosen)


def test_many_equals_share_evenly(draw: Select) -> None:
    selection = draw(np.zeros(1000), np.ones(1000), scale=1.0)

    assert len(selection.contenders) == 1000
    assert np.allclose(selection.probabilities, 0.001, rtol=0.01)


def test_kernels_agree_where_thousands_are_pooled() -> None:
    pytest.importorskip("numba")
    rng = np.random.default_rng(2)
    mean, spread = rng.normal(1.0, 0.05, 5_000), rng.uniform(0.9, 1.1, 5_000)
    alive = np.ones(5_000, dtype=bool)

    def chances(kernel: str, factor: float) -> npt.NDArray[np.float64]:
        means = (mean * factor).astype(np.float32)
        selection = select(means, spread.astype(np.float32), alive, 0.5, scale=1.0, floor=0.0, kernel=kernel)
        return everybody(selection, alive)

    # Models of the two kernels differ by the last bit.
    one, other = chances("numpy", 1.0), chances("numba", 1.0 + 2e-7)

    assert np.abs(one - other).max() < 1e-4
    assert one[one.argsort()[:-24]].sum() == pytest.approx(other[other.argsort()[:-24]].sum(), abs=1e-3)


def test_unsure_candidates_far_behind_do_not_take_the_rows_of_the_best(draw: Select) -> None:
    best, behind = np.full(10, 10.0), np.linspace(-2.0, 2.0, 60)
    mean, spread = np.append(behind, best + np.linspace(0.0, 0.9, 10)), np.append(np.full(60, 3.5), np.full(10, 0.5))

    selection = draw(mean, spread, scale=1.0, floor=0.0)

    draws = np.random.default_rng(1).normal(mean, spread, size=(100_000, 70)).argmax(axis=1)
    oracle = np.bincount(draws, minlength=70) / 100_000
    assert np.abs(everybody(selection, np.ones(70, dtype=bool)) - oracle).max() < 0.015


def test_it_draws_nobody_where_nobody_is_alive(draw: Select) -> None:
    for method in ("thompson", "greedy", "uniform", "igw"):
        selection = draw([1.0, 2.0], [1.0, 1.0], [False, False], method=method)

        assert (selection.chosen, selection.probability, selection.alive) == (-1, 0.0, 0)
        assert len(selection.contenders) == 0


def test_the_only_one_alive_is_certain(draw: Select) -> None:
    for method in ("thompson", "greedy", "uniform", "igw"):
        for u in (0.0, 0.5, math.nextafter(1.0, 0.0)):
            selection = draw([1.0, 9.0, 2.0], [1.0, 1.0, 0.0], [False, False, True], u, method=method)

            assert (selection.chosen, selection.probability) == (2, pytest.approx(1.0, abs=1e-12))


def test_greedy_ties_go_to_the_lowest_index(draw: Select) -> None:
    selection = draw([0.0, 2.0, 2.0, 1.0], [1.0, 1.0, 5.0, 1.0], u=0.0, method="greedy", floor=0.04)

    assert selection.chosen == 1
    assert selection.contenders.tolist() == [1]
    assert selection.probability == pytest.approx(0.97)
    assert selection.rest == pytest.approx(0.01)


def test_thompson_without_scale_is_greedy(draw: Select) -> None:
    assert draw([0.0, 2.0, 1.0], [1.0, 1.0, 1.0], scale=0.0).contenders.tolist() == [1]


def test_thompson_without_spread_shares_among_equals(draw: Select) -> None:
    selection = draw([3.0, 3.0, 1.0], [0.0, 0.0, 0.0], scale=1.0, floor=0.0)

    assert selection.contenders.tolist() == [0, 1]
    assert np.allclose(selection.probabilities, 0.5, atol=1e-3)


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_sharp_candidates_far_apart_take_their_places_in_order(kernel: str) -> None:
    mean = np.array([0.0, 2.0, 16.0], dtype=np.float32)
    race = Race(mean, np.zeros(3, dtype=np.float32), places=3, scale=0.1, floor=0.0, kernel=kernel)
    alive = np.ones(3, dtype=bool)

    for expected in (2, 1, 0):
        drawn = race.draw(alive, 0.5)
        alive[drawn.chosen] = False

        assert drawn.chosen == expected
        assert drawn.probability > 0.999


MEANS, SPREADS = [1.2, 1.1, 1.0], [0.5, 0.3, 0.4]


@pytest.mark.parametrize("far", [-1e6, -1e10, -1e20])
def test_a_candidate_far_below_does_not_change_the_chances_of_the_others(draw: Select, far: float) -> None:
    plain = draw(MEANS, SPREADS, scale=0.2, floor=0.0)

    beside = draw([*MEANS, far], [*SPREADS, 1.0], scale=0.2, floor=0.0)

    expected = everybody(plain, np.ones(3, dtype=bool))
    assert np.abs(everybody(beside, np.ones(4, dtype=bool)) - [*expected, 0.0]).max() < 0.01


@pytest.mark.parametrize("far", [1e6, 1e10, 1e20])
@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_a_candidate_far_above_does_not_change_the_chances_of_those_after_it(kernel: str, far: float) -> None:
    pytest.importorskip(kernel)
    mean, spread = np.array([*MEANS, far], dtype=np.float32), np.array([*SPREADS, 1.0], dtype=np.float32)
    race = Race(mean, spread, places=2, scale=0.2, floor=0.0, kernel=kernel)
    alive = np.ones(4, dtype=bool)

    first = race.draw(alive, 0.5)
    alive[3] = False
    second = race.draw(alive, 0.5)

    plain = select(mean[:3], spread[:3], alive[:3], 0.5, scale=0.2, floor=0.0, kernel=kernel)  # type: ignore[arg-type]
    assert first.chosen == 3
    assert np.abs(everybody(second, alive)[:3] - everybody(plain, alive[:3])).max() < 0.01


def test_uniform_gives_everybody_the_same(draw: Select) -> None:
    alive = [True, False, True, True]
    chosen = [draw([9.0, 9.0, 0.0, 0.0], [0.0] * 4, alive, u, method="uniform").chosen for u in (0.0, 0.34, 0.99)]

    assert chosen == [0, 2, 3]
    assert draw([9.0, 9.0, 0.0, 0.0], [0.0] * 4, alive, method="uniform").probability_of(2) == 1 / 3


def test_a_floor_of_one_is_uniform(draw: Select) -> None:
    selection = draw([9.0, 0.0], [0.1, 0.1], floor=1.0)

    assert everybody(selection, np.ones(2, dtype=bool)).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("method", ["thompson", "greedy", "igw"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_it_refuses_numbers_that_are_not_finite_among_the_alive(draw: Select, method: Method, bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        draw([0.0, bad], [1.0, 1.0], method=method)
    with pytest.raises(ValueError, match="finite"):
        draw([0.0, 1.0], [1.0, bad], method=method)
    assert draw([0.0, bad], [1.0, bad], [True, False], method=method).chosen == 0


def test_inverse_gap_weighting_follows_its_formula(draw: Select) -> None:
    selection = draw([2.0, 1.0, 2.0, -2.0], [0.1] * 4, method="igw", gamma=6.0, floor=0.1)

    chances = np.array([0.0, 1 / (4 + 6 * 0.5), 1 / 4, 1 / (4 + 6 * 2)])
    chances[0] = 1 - chances.sum()
    assert selection.contenders.tolist() == [0, 1, 2, 3]
    assert np.allclose(selection.probabilities, 0.9 * chances + 0.1 / 4, atol=1e-12)


def test_inverse_gap_weighting_without_gamma_is_uniform(draw: Select) -> None:
    assert np.allclose(draw([5.0, 1.0, 0.0], [0.0] * 3, method="igw", gamma=0.0, floor=0.0).probabilities, 1 / 3)


def test_inverse_gap_weighting_where_the_best_is_worth_nothing(draw: Select) -> None:
    selection = draw([0.0, -1.0, 0.0], [0.0] * 3, method="igw", gamma=10.0, floor=0.0)

    assert np.allclose(selection.probabilities, [2 / 3, 0.0, 1 / 3], atol=1e-6)


def test_gamma_grows_with_the_evidence() -> None:
    found = [gamma_of(answers) for answers in (0.0, 1.0, 100.0, 10_000.0)]

    assert found == [0.0, GAMMA_SCALE, 10 * GAMMA_SCALE, 100 * GAMMA_SCALE]


def test_what_an_action_in_ramp_up_may_not_take_goes_to_the_others_by_the_method(draw: Select) -> None:
    share = np.array([0.1, 1.0, 1.0, 1.0])
    mean, spread = [9.0, 1.0, 1.2, 0.0], [0.1, 0.3, 0.3, 0.0]

    selection = draw(mean, spread, scale=1.0, floor=0.0, share=share)

    among_others = draw(mean, spread, [False, True, True, True], scale=1.0, floor=0.0)
    assert selection.probability_of(0) == pytest.approx(0.1)
    for other in (1, 2, 3):
        assert selection.probability_of(other) == pytest.approx(0.9 * among_others.probability_of(other), abs=1e-6)


def test_the_best_of_all_gives_way_to_the_next_where_only_the_best_is_taken(draw: Select) -> None:
    selection = draw([9.0, 1.0, 2.0], [0.0] * 3, method="greedy", floor=0.0, share=np.array([0.25, 1.0, 1.0]))

    assert [selection.probability_of(c) for c in range(3)] == [0.25, 0.0, 0.75]


def test_treatments_of_one_action_share_its_ramp_up(draw: Select) -> None:
    share, action_of = np.array([0.1, 0.1, 1.0]), np.array([0, 0, 1])

    selection = draw([1.0, 1.0, 0.0], [0.1] * 3, method="igw", gamma=0.0, floor=0.0, share=share, action_of=action_of)

    assert np.allclose(selection.probabilities, [0.05, 0.05, 0.9])


def test_nobody_is_held_back_where_all_are_in_ramp_up(draw: Select) -> None:
    held = draw([1.0, 0.9], [0.3, 0.3], scale=1.0, share=np.array([0.02, 0.02]))
    plain = draw([1.0, 0.9], [0.3, 0.3], scale=1.0)

    assert np.allclose(held.probabilities, plain.probabilities)


def test_a_ceiling_leaves_the_rest_to_the_best(draw: Select) -> None:
    mean, spread = [1.0, 0.99, 0.98, -5.0], [0.3] * 4

    selection = draw(mean, spread, scale=1.0, floor=0.04, ceiling=0.2)

    chances = selection.probabilities
    assert chances[0] == pytest.approx(0.8)
    assert chances[3] == pytest.approx(0.01, abs=1e-6)
    assert chances[1] > chances[2] > 0.05


def test_equals_are_the_best_together(draw: Select) -> None:
    selection = draw([1.0, 1.0, 0.5], [0.3] * 3, scale=1.0, floor=0.0, ceiling=0.0)

    assert np.allclose(selection.probabilities, [0.5, 0.5, 0.0], atol=1e-3)


@pytest.mark.parametrize(
    "options",
    [{"ceiling": 0.01}, {"ceiling": 1.1}, {"gamma": -1.0}, {"share": np.zeros(2)}, {"share": np.ones(3)}],
)
def test_it_refuses_limits_out_of_range(draw: Select, options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        draw([0.0, 1.0], [1.0, 1.0], **options)


@pytest.mark.parametrize(
    "options", [{"u": 1.0}, {"u": -0.1}, {"u": math.nan}, {"scale": -1.0}, {"floor": 1.1}, {"method": "best"}]
)
def test_it_refuses_options_out_of_range(draw: Select, options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        draw([0.0, 1.0], [1.0, 1.0], **options)


def test_it_refuses_arrays_of_different_lengths(draw: Select) -> None:
    with pytest.raises(ValueError, match="equal length"):
        draw([0.0, 1.0], [1.0])
    with pytest.raises(ValueError, match="finite"):
        draw([0.0, 1.0], [1.0, -1.0])


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_layout_and_write_protection_of_the_arrays_do_not_matter(kernel: str) -> None:
    pytest.importorskip("numba")
    mean = np.arange(12, dtype=np.float32).reshape(6, 2)
    mean.flags.writeable = False
    alive = np.ones(6, dtype=bool)

    strided = select(mean[:, 0], mean[:, 1], alive, 0.3, scale=1, floor=0, kernel=kernel)
    plain = select(mean[:, 0].copy(), mean[:, 1].copy(), alive, 0.3, scale=1.0, floor=0.0, kernel=kernel)

    assert strided.probabilities.tolist() == plain.probabilities.tolist()
