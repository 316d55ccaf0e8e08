"""Figures of quality: against what the answers themselves say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from opportune.evaluate import auc, within
from opportune.evaluate.model_report.findings import THRESHOLDS, findings
from opportune.evaluate.model_report.performance import performance
from opportune.learning.scoreboard import Scoreboard

RNG = np.random.default_rng(7)
ACTIONS = ("loan", "card", "thanks")


def board_of(answers, skew=0.0):
    """Answers of a world where the model is right, but for `skew` on the scale of log odds."""
    board = Scoreboard(["accept"])
    told, happened, actions = [], [], []
    for _ in range(answers):
        action = ACTIONS[RNG.integers(3)]
        odds = RNG.normal(-1.0 if action == "loan" else -2.0, 1.0)
        is_yes = bool(RNG.random() < 1 / (1 + math.exp(-odds)))
        chance = 1 / (1 + math.exp(-odds - skew))
        board.add(0, action, {"main": chance, "dull": 0.2}, is_yes)
        told.append(chance)
        happened.append(is_yes)
        actions.append(action)
    return board, np.array(told), np.array(happened), actions


def judged(board):
    return {one.model: one for one in performance(board, {"main": "mixture", "dull": "bayes"}, "main")}


def test_figures_are_those_of_the_answers():
    board, told, happened, actions = board_of(6_000)

    main = judged(board)["main"]

    assert main.is_champion
    assert main.answers == 6_000
    assert main.happened == happened.sum()
    # From bins, so that they are near and not equal.
    assert main.auc_pooled == pytest.approx(auc(told, happened), abs=0.01)
    assert main.auc_within == pytest.approx(within(told, happened, actions), abs=0.01)
    assert main.log_loss == pytest.approx(-np.log(np.where(happened, told, 1 - told)).mean(), rel=1e-6)
    rate = happened.mean()
    assert main.log_loss_constant == pytest.approx(-(rate * np.log(rate) + (1 - rate) * np.log(1 - rate)))
    assert [one.action for one in main.actions] == sorted(ACTIONS, key=lambda name: -actions.count(name))
    assert sum(one.answers for one in main.reliability) == 6_000
    assert main.gains[0] == (0.0, 0.0)
    assert main.gains[-1] == (1.0, 1.0)
    assert all(share <= won + 1e-9 for share, won in main.gains)
    assert main.trend[-1][0] == 6_000
    tenth = np.argsort(-told)[:600]
    assert main.lift == pytest.approx(happened[tenth].sum() / happened.sum() / 0.1, rel=0.15)


def test_a_right_model_is_as_calibrated_as_chance_lets_it():
    main = judged(board_of(20_000)[0])["main"]

    assert main.calibration_error < 2.5 * main.calibration_chance


def test_a_constant_tells_nobody_apart():
    dull = judged(board_of(3_000)[0])["dull"]

    assert dull.auc_within == 0.5
    assert dull.gains == ((0.0, 0.0), (1.0, 1.0))
    assert dull.lift == pytest.approx(1.0)


def test_maturity_needs_answers_of_both_kinds():
    board = Scoreboard(["accept"])
    for number in range(1_200):
        board.add(0, "much", {"main": 0.3}, number % 3 == 0)
        board.add(0, "refused", {"main": 0.3}, False)
        if number < 300:
            board.add(0, "some", {"main": 0.3}, number % 10 == 0)

    (main,) = performance(board, {"main": "mixture"}, "main")

    assert {one.action: one.maturity for one in main.actions} == {"much": "mature", "refused": "new", "some": "growing"}


def test_a_model_that_is_off_is_found_and_one_that_is_right_is_not():
    wrong, right = (performance(board_of(6_000, skew)[0], {"main": "mixture"}, "main") for skew in (1.5, 0.0))

    found = findings(wrong, [], {"broken": "ValueError"}, 0)

    assert {one.code for one in found} == {"set-aside", "calibration", "worse-than-constant"}
    assert [list(THRESHOLDS).index(one.code) for one in found] == sorted(
        list(THRESHOLDS).index(one.code) for one in found
    )
    assert findings(right, [], {}, 0) == []


def test_learning_that_an_outcome_never_happens_is_no_reason_to_look():
    board = Scoreboard(["accept"])
    for number in range(600):
        board.add(0, "never", {"main": 1 / (number + 3)}, False)
        board.add(0, "off", {"main": 0.05}, False)

    found = findings(performance(board, {"main": "mixture"}, "main"), [], {}, 0)

    assert [one.subject for one in found if one.code == "worse-than-constant"] == ["off"]
