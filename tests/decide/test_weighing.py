"""The array step that makes priorities, by both kernels."""

from __future__ import annotations

import numpy as np
import pytest

from opportune.decide.steps import steps_of


@pytest.mark.parametrize("outcomes", [1, 2])
@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_great_values_have_finite_priorities_and_spreads(kernel: str, outcomes: int) -> None:
    pytest.importorskip(kernel)
    chance = np.full((outcomes, 3), 0.25, dtype=np.float32)
    log_odds_spread = np.full((outcomes, 3), 0.5, dtype=np.float32)
    values = np.array([[1e22, 1.0, -1e22], [1e22, 1.0, 1e22]], dtype=np.float32)[:outcomes]
    none, ones = np.zeros(3, dtype=np.float32), np.ones(3, dtype=np.float32)

    priority, spread = steps_of(kernel).weigh(chance, log_odds_spread, values, none, ones)

    one = 0.75 * 0.5 * 0.25 * np.array([1e22, 1.0, 1e22])
    assert np.isfinite(priority).all()
    assert spread == pytest.approx(one * np.sqrt(outcomes), rel=1e-5)
