"""The rule of promotion: better by enough, over enough answers, surely enough."""

from __future__ import annotations

from dataclasses import replace

import pytest
from numpy.random import Generator, default_rng

from opportune.learning import Contest, ModelSpec, make_contest
from opportune.learning.promotion import Promotion, better
from opportune.learning.scoreboard import Row
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
