"""When a log may speak for another policy, and what it says when it may not."""

from dataclasses import replace

import numpy as np
import pytest

from opportune.evaluate.off_policy import Bootstrap, Sample, Verdict, judge, overlap
from opportune.evaluate.off_policy.report import OffPolicyReport, SegmentReport
from opportune.evaluate.off_policy.report import words as spoken


def log(n=1_000, q=0.5, p=0.5, rate=0.3, beyond=0.0, seed=1):
    rng = np.random.default_rng(seed)
    return Sample(
        reward=(rng.random(n) < rate).astype(float),
        logged=np.broadcast_to(q, n).astype(float),
        wanted=np.broadcast_to(p, n).astype(float),
        person=np.arange(n),
        predicted=np.full(n, rate),
        expected=np.full(n, rate),
        beyond=np.full(n, beyond),
    )


def words(found):
    return " ".join(remark.text for remark in found.remarks)


def test_two_policies_alike_need_no_remark():
    found = judge(log())

    assert found.verdict is Verdict.TOLD
    assert found.remarks == ()
    assert found.estimates["ips"] == found.observed
    assert found.gain is not None
    assert found.gain.value == pytest.approx(0.0)


def test_a_short_log_gives_no_number():
    found = judge(log(n=99))

    assert found.verdict is Verdict.REFUSED
    assert found.estimates == {}
    assert found.gain is None
    assert "only 99 choices; at least 100 are needed" in words(found)


def test_an_empty_log_gives_no_number():
    found = judge(log(n=0))

    assert found.verdict is Verdict.REFUSED
    assert np.isnan(found.observed.value)


def test_what_was_never_shown_cannot_be_judged():
    found = judge(log(beyond=0.3))

    assert found.verdict is Verdict.REFUSED
    assert "30% of what the other strategy would show could never be shown in the log" in words(found)


def test_a_little_that_was_never_shown_makes_the_number_doubtful():
    found = judge(log(beyond=0.05, p=0.475))

    assert found.verdict is Verdict.DOUBTFUL
    assert "5.0%" in words(found)


def test_a_few_heavy_weights_give_no_number():
    p = np.full(10_000, 0.01)
    p[:40] = 1.0

    found = judge(log(n=10_000, q=0.02, p=p))

    assert found.overlap.share < 0.05
    assert found.verdict is Verdict.REFUSED
    assert "at least 1,000 are needed" in words(found)


def test_nobody_rewarded_gives_no_number():
    found = judge(log(rate=0.0))

    assert found.verdict is Verdict.REFUSED
    assert "rests on 0.0 rewarded choices" in words(found)


def test_few_rewards_make_the_number_doubtful():
    found = judge(log(rate=0.01))

    assert found.verdict is Verdict.DOUBTFUL
    assert "a few people decide it" in words(found)


def test_logged_probabilities_that_were_not_drawn_from_are_noticed():
    # The log says a half, the other policy would choose the same with nine tenths: weights cannot average to one.
    found = judge(log(n=5_000, q=0.5, p=np.where(np.arange(5_000) % 50, 0.9, 0.8)))

    assert found.verdict is Verdict.DOUBTFUL
    assert "may not be those that were drawn from" in words(found)


def test_the_effective_number_is_that_of_equal_weights():
    p = np.concatenate([np.ones(100), np.zeros(900)])

    found = overlap(log(q=1.0, p=p))

    assert found.effective == pytest.approx(100)
    assert found.unused == pytest.approx(0.9)


def test_people_who_come_often_widen_the_interval():
    once = log(n=2_000)
    person = np.arange(2_000) // 100
    reward = np.repeat(np.random.default_rng(3).random(20) < 0.3, 100).astype(float)

    def width(sample):
        found = judge(sample).observed
        return found.high - found.low

    def of(person):
        return Sample(reward, once.logged, once.wanted, person, once.predicted, once.expected, once.beyond)

    assert width(of(person)) > 5 * width(of(np.arange(2_000)))


@pytest.mark.parametrize("persons", [500, 50_000])
def test_the_bootstrap_is_as_wide_as_the_standard_error_says(persons):
    values = np.random.default_rng(2).normal(size=persons)

    found = Bootstrap(np.arange(persons)).interval(values, np.ones(persons))

    assert found.high - found.low == pytest.approx(2 * 1.96 / np.sqrt(persons), rel=0.12)


def test_the_same_log_gives_the_same_interval():
    assert judge(log()) == judge(log())


def told(found):
    report = OffPolicyReport(
        decisions=1,
        left_out={},
        first=None,
        last=None,
        place=1,
        outcomes=("accept",),
        goals=(),
        parts=(SegmentReport(segment=None, choices=1, rewards={"accept": found}),),
    )
    return spoken(report)


@pytest.mark.parametrize("p", [0.5, 0.55])
def test_a_model_that_says_otherwise_than_the_best_estimate_is_named(p):
    right = log(p=p)
    wrong = replace(right, predicted=np.full(len(right), 0.6), expected=np.full(len(right), 0.6))

    assert judge(right).disagreement == ""
    assert not any("the model alone" in sentence for sentence in told(judge(right)))
    found = judge(wrong)
    assert found.disagreement.startswith("the model alone says 0.6 to 0.6, which has nothing in common with")
    assert told(found)[-1] == f"accept: take care: {found.disagreement}."
