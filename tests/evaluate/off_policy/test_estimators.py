"""Estimators against the plain sums of their formulas, and against logs whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opportune.evaluate.off_policy import ESTIMATORS, Bootstrap, Sample, judge
from opportune.evaluate.off_policy.estimators import gain, switch, switch_limit
from tests.evaluate.off_policy.synthetic import synthetic

rows = st.lists(
    st.tuples(
        st.floats(-5, 5),
        st.floats(0.05, 1.0),
        st.floats(0.0, 1.0),
        st.floats(0.0, 1.0),
        st.floats(0.0, 1.0),
    ),
    min_size=1,
    max_size=30,
)


def sample_of(values):
    reward, logged, wanted, predicted, expected = (
        np.array(column, dtype=float) for column in zip(*values, strict=True)
    )
    return Sample(
        reward=reward,
        logged=logged,
        wanted=wanted,
        person=np.arange(len(reward)),
        predicted=predicted,
        expected=expected,
        beyond=np.zeros(len(reward)),
    )


def value(name, sample):
    over, under = ESTIMATORS[name](sample)
    return over.sum() / under.sum()


@given(rows)
def test_estimators_are_the_sums_of_their_formulas(values):
    sample, n = sample_of(values), len(values)

    assert value("ips", sample) == pytest.approx(sum(p / q * r for r, q, p, _, _ in values) / n, abs=1e-12)
    assert value("direct", sample) == pytest.approx(sum(e for *_, e in values) / n, abs=1e-12)
    assert value("dr", sample) == pytest.approx(sum(e + p / q * (r - f) for r, q, p, f, e in values) / n, abs=1e-12)
    if sum(p for _, _, p, _, _ in values) > 1e-6:
        expected = sum(p / q * r for r, q, p, _, _ in values) / sum(p / q for _, q, p, _, _ in values)
        assert value("snips", sample) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(rows)
def test_a_policy_judged_on_its_own_log_earns_what_was_seen(values):
    same = sample_of([(r, q, q, f, f) for r, q, _, f, _ in values])

    for name in ("ips", "snips", "dr"):
        assert value(name, same) == pytest.approx(same.reward.mean(), abs=1e-9)


@given(rows)
def test_a_right_model_makes_dr_right_whatever_the_logged_probabilities(values):
    sure = sample_of([(f, q, p, f, f) for _, q, p, f, _ in values])

    assert value("dr", sure) == pytest.approx(sure.reward.mean(), abs=1e-9)


@given(rows)
def test_the_gain_is_that_of_the_doubly_robust_estimate_but_for_what_averages_out(values):
    plain = sample_of(values)
    told = replace(plain, base=plain.predicted)

    over, _ = gain(told)
    assert over == pytest.approx(ESTIMATORS["dr"](plain).over - plain.reward, abs=1e-9)


@given(rows)
def test_who_chooses_alike_gains_nothing_whatever_the_model_says(values):
    same = sample_of([(r, q, q, f, e) for r, q, _, f, e in values])

    assert gain(replace(same, base=same.expected)).over == pytest.approx(0.0, abs=1e-9)


def test_switch_lets_the_model_speak_alone_where_weights_are_large():
    sample = sample_of([(1.0, 0.05, 1.0, 0.5, 0.5), (1.0, 1.0, 1.0, 0.5, 0.5)])

    over, under = switch(sample, limit=10.0)

    assert over.tolist() == [0.5, 1.0]
    assert under.tolist() == [1.0, 1.0]


def test_switch_keeps_what_a_wrong_model_cannot_replace():
    rng = np.random.default_rng(1)
    values = [(float(rng.random() < 0.9), 0.05, 0.9, 0.1, 0.1) for _ in range(500)]

    assert switch_limit(sample_of(values)) > 10.0


def test_a_sample_refuses_what_is_no_probability():
    for logged, wanted in ((0.0, 0.5), (1.5, 0.5), (0.5, -0.1), (0.5, 1.5), (float("nan"), 0.5)):
        with pytest.raises(ValueError, match="expected"):
            sample_of([(1.0, logged, wanted, 0.0, 0.0)])


def errors(runs, rounds):
    found = {name: [] for name in ESTIMATORS}
    for seed in range(runs):
        sample, truth, _ = synthetic(seed, rounds)
        for name in ESTIMATORS:
            found[name].append(abs(value(name, sample) - truth) / truth)
    return {name: float(np.mean(values)) for name, values in found.items()}


def test_estimators_rank_as_published_on_synthetic_logs():
    # Open Bandit Pipeline, examples/synthetic, 20 runs of 10,000 rounds: direct .074, IPS .0095, SNIPS .0067,
    # DR .0062, switch-DR .0062.
    error = errors(runs=12, rounds=10_000)

    assert error["direct"] > 2 * error["ips"]
    assert error["ips"] > error["snips"] > 0.9 * error["dr"]
    assert error["switch_dr"] == pytest.approx(error["dr"], rel=0.15)
    assert error["dr"] < 0.02


@pytest.mark.full
def test_estimators_rank_as_published_in_many_runs():
    error = errors(runs=60, rounds=10_000)

    assert error["direct"] > 3 * error["ips"]
    assert error["ips"] > error["snips"] > error["dr"]
    assert error["switch_dr"] == pytest.approx(error["dr"], rel=0.1)


def covering(runs, falsify):
    """Share of runs in which the interval of DR covers the truth."""
    hits = 0
    for seed in range(runs):
        sample, truth, _ = synthetic(1_000 + seed, 3_000)
        if falsify:
            sample = sample_of(
                zip(
                    sample.reward, np.full(3_000, 1 / 30), sample.wanted, sample.predicted, sample.expected, strict=True
                )
            )
        found = judge(sample, Bootstrap(sample.person, draws=300)).estimates["ips"]
        hits += found.low <= truth <= found.high
    return hits / runs


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    assert covering(30, falsify=False) >= 0.85


def leaning(sample, part):
    """The sample of a policy that follows the other one in a part of the choices, and the log's own elsewhere."""
    return replace(
        sample,
        wanted=part * sample.wanted + (1 - part) * sample.logged,
        expected=part * sample.expected + (1 - part) * sample.base,
    )


def test_the_gain_of_a_policy_much_alike_is_told_closer_than_by_two_estimates():
    covered, narrower = 0, 0
    for seed in range(20):
        sample, truth, own = synthetic(2_000 + seed, 2_000)
        alike = leaning(sample, 0.05)
        bootstrap = Bootstrap(sample.person, draws=300)
        found = bootstrap.interval(*gain(alike))
        plain = bootstrap.interval(*gain(replace(alike, base=None)))
        covered += found.low <= 0.05 * (truth - own) <= found.high
        narrower += found.high - found.low < 0.7 * (plain.high - plain.low)

    assert covered >= 16
    assert narrower >= 18


def test_intervals_miss_where_the_log_lies_about_its_probabilities():
    assert covering(20, falsify=True) < 0.5
