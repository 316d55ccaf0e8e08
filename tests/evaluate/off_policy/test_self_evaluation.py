"""A policy judged by its own log earns what the log earned, if the logged probabilities are those it drew from.

Every choice is drawn again with an independent number. Where the twin agrees, the choice counts 1 / probability, else
0: the mean over the log is right only if every logged probability is.
"""

import numpy as np
import pytest

from opportune.evaluate.off_policy import ESTIMATORS, Bootstrap, Sample
from opportune.learning import select

ACTIONS = 12
KINDS = 40
"""Different contacts; each has its own means and spreads."""


def twins(count, scale_told=0.3, seed=5):
    """Draw every choice twice; the log tells the probability under `scale_told`."""
    rng = np.random.default_rng(seed)
    mean = rng.uniform(0.1, 0.5, (KINDS, ACTIONS)).astype(np.float32)
    spread = rng.uniform(0.05, 0.6, (KINDS, ACTIONS)).astype(np.float32)
    alive = rng.random((KINDS, ACTIONS)) < 0.8
    alive[:, 0] = True
    kind = rng.integers(0, KINDS, count)
    draws = rng.random((count, 2))
    chosen = np.empty((count, 2), dtype=np.int64)
    told = np.empty(count)
    for n in range(count):
        k = kind[n]
        for twin in (0, 1):
            drawn = select(mean[k], spread[k], alive[k], float(draws[n, twin]), scale=0.3, floor=0.1, kernel="numpy")
            chosen[n, twin] = drawn.chosen
            if twin == 0:
                told[n] = drawn.probability
        if scale_told != 0.3:
            other = select(mean[k], spread[k], alive[k], 0.5, scale=scale_told, floor=0.1, kernel="numpy")
            told[n] = other.probability_of(int(chosen[n, 0]))
    reward = (rng.random(count) < mean[kind, chosen[:, 0]]).astype(float)
    return Sample(
        reward=reward,
        logged=told,
        wanted=(chosen[:, 0] == chosen[:, 1]).astype(float),
        person=np.arange(count),
        predicted=np.zeros(count),
        expected=np.zeros(count),
        beyond=np.zeros(count),
    )


def off(sample):
    """How far the IPS estimate is from what was earned, as a part of that."""
    over, under = ESTIMATORS["ips"](sample)
    return over.sum() / under.sum() / sample.reward.mean() - 1


def error(sample):
    """Standard error of that, from the bootstrap of both."""
    bootstrap = Bootstrap(sample.person)
    _, earned = bootstrap.ratios(sample.reward, np.ones(len(sample)))
    _, foretold = bootstrap.ratios(*ESTIMATORS["ips"](sample))
    return float((foretold / earned).std())


def test_the_log_judges_its_own_policy_right():
    sample = twins(6_000)

    assert abs(off(sample)) < 4 * error(sample)
    assert error(sample) < 0.05


def test_wrong_probabilities_are_noticed():
    sample = twins(6_000, scale_told=1.0)

    assert abs(off(sample)) > 4 * error(sample)


@pytest.mark.full
def test_over_200000_choices_the_estimate_is_within_2_percent():
    sample = twins(200_000)

    assert abs(off(sample)) < 0.02
    assert error(sample) < 0.01
