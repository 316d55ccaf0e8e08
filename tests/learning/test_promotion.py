"""The rule of promotion: better by enough, over enough answers, surely enough."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from numpy.random import Generator, default_rng
from scipy import stats

from opportune.learning import Contest, ModelSpec, make_contest
from opportune.learning.promotion import Promotion, better
from opportune.learning.scoreboard import BLOCKS, Row, Score
from opportune.testing.models import CATALOGUE, OUTCOMES, PREDICTORS

RULE = Promotion(by=0.02, after=1_000, confidence=0.95)


def contest(gain: float, count: int, noise: float = 0.3) -> Contest:
    """A contest of which one challenger foresees better by `gain` of the champion's log loss, and one worse."""
    specs = [ModelSpec(name, "bayes", PREDICTORS[:1]) for name in ("main", "good", "bad")]
    made = make_contest(specs, "main", OUTCOMES)
    made.bind(CATALOGUE)
    board, draws = made.scoreboard, default_rng(5)
    for _ in range(count):
        board.add(0, "loans_0", {"main": 0.5, "good": 0.5, "bad": 0.4}, bool(draws.random() < 0.5))
    row = board.rows["", ""]
    for block, answers in enumerate(row.count):
        row.scores["good"].loss[block] = row.scores["main"].loss[block] * (1 - gain) + draws.normal(0, noise) * bool(
            answers
        )
    return made


def test_a_better_challenger_takes_over() -> None:
    found = better(contest(0.05, 2_000), RULE)

    assert found is not None
    assert found[0] == "good"
    assert found[1].share == pytest.approx(-0.05, abs=0.01)


@pytest.mark.parametrize(
    ("gain", "count", "noise", "rule"),
    [
        (0.015, 2_000, 0.3, RULE),
        (0.05, 900, 0.3, RULE),
        (0.05, 2_000, 30.0, RULE),
        (-0.05, 2_000, 0.3, replace(RULE, by=0.0)),
        (0.0, 2_000, 0.0, replace(RULE, by=0.0)),
        (0.05, 0, 0.3, RULE),
    ],
    ids=["by too little", "over too few", "not surely", "worse", "equal", "nothing yet"],
)
def test_no_other_does(gain: float, count: int, noise: float, rule: Promotion) -> None:
    found = contest(gain, count, noise) if count else make_contest([ModelSpec("main", "bayes", ())], "main", OUTCOMES)

    assert better(found, rule) is None


def told(losses: dict[str, list[float]], answers: int) -> Contest:
    """A contest whose models foresaw so many answers in blocks of equal size, each with its loss per answer."""
    made = make_contest([ModelSpec(name, "bayes", ()) for name in losses], "main", OUTCOMES)
    row = made.scoreboard.rows["", ""] = Row()
    row.count = [answers // BLOCKS] * BLOCKS
    for name, per_answer in losses.items():
        score = row.scores[name] = Score()
        score.count = list(row.count)
        score.loss = [loss * (answers // BLOCKS) for loss in per_answer]
    return made


@pytest.mark.parametrize(
    ("confidence", "growth", "deviations"),
    [(0.5, 1, 0.926), (0.95, 1, 2.503), (0.95, 10, 2.926), (0.95, 100, 3.295), (0.999, 1, 3.847)],
)
@pytest.mark.parametrize(("factor", "takes_over"), [(0.98, False), (1.02, True)])
def test_how_far_a_difference_must_stand_out(
    confidence: float, growth: int, deviations: float, factor: float, *, takes_over: bool
) -> None:
    reach = factor * stats.t.ppf(stats.norm.cdf(deviations), BLOCKS - 1)
    # Blocks that are one up and one down around their mean leave it uncertain by one over the root of 15.
    losses = {"main": [5.0] * BLOCKS, "other": [5.0 - (reach / math.sqrt(BLOCKS - 1) + sign) for sign in (1, -1) * 8]}

    found = better(told(losses, 16_000 * growth), Promotion(by=0.0, after=16_000, confidence=confidence))

    assert (found is not None) == takes_over


@pytest.mark.parametrize(("usual", "takes_over"), [(5.0, False), (0.1, True)])
def test_by_is_a_share_of_the_champions_loss(usual: float, *, takes_over: bool) -> None:
    losses = {"main": [usual] * BLOCKS, "other": [usual - 0.05] * BLOCKS}

    assert (better(told(losses, 16_000), replace(RULE, by=0.02)) is not None) == takes_over


def test_of_several_the_best_takes_over() -> None:
    losses = {name: [loss] * BLOCKS for name, loss in (("main", 0.6), ("good", 0.5), ("best", 0.4), ("fair", 0.55))}

    found = better(told(losses, 16_000), RULE)

    assert found is not None
    assert found[0] == "best"


def test_a_challenger_that_came_late_waits_for_blocks_of_its_own() -> None:
    late = told({"main": [0.6] * BLOCKS, "good": [0.4] * BLOCKS}, 16_000)
    late.scoreboard.rows["", ""].scores["good"].count[:11] = [0] * 11

    assert better(late, RULE) is None


def test_as_many_answers_as_asked_for_suffice() -> None:
    losses = {"main": [0.6] * BLOCKS, "good": [0.4] * BLOCKS}

    assert better(told(losses, 16_000), replace(RULE, after=16_000)) is not None
    assert better(told(losses, 16_000), replace(RULE, after=16_001)) is None


def first_takeover(draws: Generator, gain: float) -> int:
    """Answers after which a rule that is asked again and again lets a challenger take over; 0 for never.

    Losses differ by `gain` on average, with a spread of 1.
    """
    specs = [ModelSpec(name, "bayes", ()) for name in ("main", "other")]
    made = make_contest(specs, "main", OUTCOMES)
    row = made.scoreboard.rows["", ""] = Row()
    for number, more in enumerate(draws.normal(-gain, 1.0, 1_600), 1):
        row.add([("main", 5, 0.5, 5.0), ("other", 5, 0.5, 5.0 + float(more))], False)
        if number % 16 == 0 and better(made, Promotion(by=0.0, after=100, confidence=0.95)):
            return number
    return 0


def test_of_equal_models_one_takes_over_no_more_often_than_the_confidence_allows_however_often_it_is_asked() -> None:
    draws = default_rng(11)

    taken_over = sum(first_takeover(draws, 0.0) > 0 for _ in range(100))

    assert taken_over <= 10


def test_a_challenger_that_is_clearly_better_does_not_wait() -> None:
    draws = default_rng(12)

    after = [first_takeover(draws, 0.5) for _ in range(20)]

    assert all(100 <= answers <= 250 for answers in after)
