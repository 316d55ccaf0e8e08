"""Measures against slow, obvious versions and published properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opportune.evaluate import auc, calibration, log_loss, running_rate, within

answers = st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.booleans()), min_size=2, max_size=40)


def arrays(pairs):
    return np.array([p for p, _ in pairs]), np.array([y for _, y in pairs])


@settings(max_examples=200, deadline=None)
@given(answers)
def test_auc_equals_the_share_of_ordered_pairs(pairs):
    p, y = arrays(pairs)
    wins = [(a > b) + 0.5 * (a == b) for a in p[y] for b in p[~y]]

    assert auc(p, y) == pytest.approx(np.mean(wins) if wins else np.nan, nan_ok=True)


def test_within_ignores_what_only_tells_groups_apart():
    p = np.array([0.9, 0.9, 0.1, 0.1])
    y = np.array([True, False, True, False])

    assert within(p, y, ["a", "a", "b", "b"]) == 0.5


def test_log_loss_of_a_coin_is_ln_2():
    assert log_loss(np.full(10, 0.5), np.arange(10) % 2 == 0) == pytest.approx(np.log(2))


def test_log_loss_of_a_sure_mistake_is_finite():
    assert np.isfinite(log_loss(np.array([0.0, 1.0]), np.array([True, False])))


def test_running_rate_never_looks_ahead():
    y = np.array([True, True, False, True])

    assert running_rate(y).tolist() == [1 / 2, 2 / 3, 3 / 4, 3 / 5]
    assert running_rate(y, ["a", "b", "a", "b"]).tolist() == [1 / 2, 1 / 2, 2 / 3, 2 / 3]


def test_a_calibrated_stream_has_only_the_error_of_chance():
    rng = np.random.default_rng(1)
    p = rng.random(50_000)

    honest = calibration(p, rng.random(50_000) < p)[2]
    boastful = calibration(p, rng.random(50_000) < p**2)[2]

    assert honest < 0.02
    assert boastful > 0.1
