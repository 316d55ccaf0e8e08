"""The public Open Bandit log "all": two policies ran side by side, so that the truth is known."""

import numpy as np
import polars as pl
import pytest

from opportune.evaluate.off_policy import Sample, Verdict, judge
from opportune.evaluate.uplift.regression import logistic, predicted_chance

pytestmark = pytest.mark.full

ITEMS, PLACES, SIMULATED = 80, 3, 100_000
FOLDS = 3


@pytest.fixture(scope="module")
def folder(public_data):
    return public_data / "obd_all"


@pytest.fixture(scope="module")
def thompson(folder):
    """Chance of every item at every place, float64 [80, 3]: the three best of one draw per item."""
    prior = pl.read_csv(folder / "bts_prior.csv").sort("item_id")
    rng = np.random.default_rng(7)
    chances = np.zeros((ITEMS, PLACES))
    for _ in range(10):
        draws = rng.beta(prior["alpha"].to_numpy(), prior["beta"].to_numpy(), (SIMULATED // 10, ITEMS))
        best = np.argsort(-draws, axis=1)[:, :PLACES]
        for place in range(PLACES):
            chances[:, place] += np.bincount(best[:, place], minlength=ITEMS)
    return chances / SIMULATED


def sample_of(folder, name, policy):
    """Read a log as a sample for a policy [80, 3]; the reward model is cross-fitted."""
    log = pl.read_csv(folder / f"{name}.csv.gz")
    item, place = log["item_id"].to_numpy(), log["position"].to_numpy() - 1
    click = log["click"].to_numpy().astype(float)
    foretold = np.zeros((len(log), ITEMS))
    x = features(log)
    fold = np.random.default_rng(1).integers(0, FOLDS, len(log))
    for part in range(FOLDS):
        own = fold == part
        b = logistic(np.column_stack([x[~own], np.eye(ITEMS)[item[~own]]]), click[~own], prior=0.1)
        base = x[own] @ b[: x.shape[1]]
        for one in range(ITEMS):
            foretold[own, one] = predicted_chance((base + b[x.shape[1] + one])[:, None], np.ones(1))
    rows = np.arange(len(log))
    return Sample(
        reward=click,
        logged=log["propensity_score"].to_numpy(),
        wanted=policy[item, place],
        person=rows,
        predicted=foretold[rows, item],
        expected=(policy[:, place].T * foretold).sum(axis=1),
        beyond=np.zeros(len(log)),
    )


def features(log):
    columns = [np.ones(len(log)), *(log["position"].to_numpy() == place for place in (2, 3))]
    for name in (f"user_feature_{k}" for k in range(4)):
        levels = log[name].value_counts().filter(pl.col("count") > 100)[name].sort().to_list()
        columns += [(log[name] == level).to_numpy() for level in levels[1:]]
    return np.column_stack([np.asarray(column, dtype=float) for column in columns])


def test_from_random_to_thompson_the_estimates_are_the_published_ones(folder, thompson):
    found = judge(sample_of(folder, "random", thompson))
    estimates = found.estimates

    # Truth in the other log: 0.0042. Published: IPS 0.00455, SNIPS 0.00478, DR 0.00473 to 0.00489.
    assert estimates["ips"].value == pytest.approx(0.00455, abs=0.0001)
    assert estimates["snips"].value == pytest.approx(0.00478, abs=0.0001)
    assert estimates["dr"].value == pytest.approx(0.0048, abs=0.0003)
    for name in ("ips", "snips", "dr"):
        assert estimates[name].low < 0.0042 < estimates[name].high
        assert estimates[name].high - estimates[name].low > 0.004
    # The trap: the model alone is sure of itself, and wrong.
    assert estimates["direct"].high < 0.0042
    assert found.verdict is Verdict.DOUBTFUL
    assert found.gain is not None
    assert not found.gain.excludes_zero
    assert any("a few people decide it" in remark.text for remark in found.remarks)


def test_from_thompson_to_random_no_number_is_given(folder):
    found = judge(sample_of(folder, "bts", np.full((ITEMS, PLACES), 1 / ITEMS)))

    assert found.overlap.effective == pytest.approx(340, abs=1)
    assert found.verdict is Verdict.REFUSED
    assert found.estimates == {}
    assert any("the estimate rests on 340 of 10,000 choices" in remark.text for remark in found.remarks)


def test_each_log_judged_by_itself_gives_its_own_rate(folder, thompson):
    log = sample_of(folder, "random", np.full((ITEMS, PLACES), 1 / ITEMS))

    found = judge(log)

    assert found.estimates["ips"].value == pytest.approx(0.0038)
    assert found.estimates["snips"].value == pytest.approx(0.0038)
