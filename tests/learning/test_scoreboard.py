"""The scoreboard: its figures agree with those computed from all answers at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.random import default_rng
from scipy import stats

from opportune.evaluate.metrics import auc, log_loss
from opportune.learning.scoreboard import BLOCK_LEAST, BLOCKS, Row, Scoreboard
from opportune.learning.scoreboard_figures import difference, figures, student

ACTIONS = ("loan", "card", "fund")


def filled(count: int, *, late: int = 0, shift: float = 0.6) -> tuple[Scoreboard, list[tuple[str, float, float, bool]]]:
    """A scoreboard of two models, and all that it was told; the second foresees by `shift` log odds too much."""
    draws = default_rng(7)
    board, told = Scoreboard(("accept", "reject")), []
    for number in range(count):
        action = ACTIONS[number % 3]
        odds = draws.normal(-1.5, 1.0)
        good, worse = (1 / (1 + math.exp(-odds - more)) for more in (0.0, shift))
        happened = bool(draws.random() < good)
        foreseen = {"good": good} | ({"worse": worse} if number >= late else {})
        board.add(0, action, foreseen, happened)
        told.append((action, good, worse, happened))
    return board, told


def test_sums_are_those_of_all_answers() -> None:
    board, told = filled(5_000)
    overall = {one.model: one for one in figures(board, ("good", "worse"), "good") if not one.outcome}
    happened = np.array([one[3] for one in told])

    for name, column in (("good", 1), ("worse", 2)):
        chance = np.array([float(one[column]) for one in told])
        found = overall[name]
        assert (found.answers, found.happened) == (5_000, happened.sum())
        assert found.log_loss == pytest.approx(log_loss(chance, happened), abs=1e-9)
        assert found.brier == pytest.approx(((chance - happened) ** 2).mean())
        assert found.auc == pytest.approx(auc(chance, happened), abs=0.01)
    assert overall["good"].calibration_error < 0.02 < overall["worse"].calibration_error


@pytest.mark.parametrize("happened", [False, True])
def test_a_rate_that_is_certain_loses_nothing(happened: bool) -> None:
    board = Scoreboard(("accept",))
    board.add(0, "loan", {"good": 0.3}, happened)

    assert {f"{one.log_loss_constant:.1f}" for one in figures(board, ("good",), "good")} == {"0.0"}


def test_every_action_and_outcome_has_its_figures() -> None:
    board, _told = filled(300)

    found = figures(board, ("good", "worse"), "good")

    places = [("", ""), ("accept", ""), *(("accept", action) for action in sorted(ACTIONS))]
    assert [(one.outcome, one.action, one.model) for one in found] == [
        (*place, name) for place in places for name in ("good", "worse")
    ]
    assert [one.answers for one in found[4:]] == [100] * 6
    assert all((one.difference is None) == (one.model == "good") for one in found)


def test_the_difference_has_an_interval_that_holds_it() -> None:
    board, told = filled(4_000)
    happened = np.array([one[3] for one in told])
    losses = [log_loss(np.array([float(one[column]) for one in told]), happened) for column in (1, 2)]

    found = difference(board.rows["", ""], "worse", "good")

    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.answers == 4_000
    assert found.mean == pytest.approx(losses[1] - losses[0])
    assert found.share == pytest.approx(found.mean / losses[0])
    assert 0 < found.low < found.mean < found.high


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    draws = default_rng(3)
    truth, held = 0.02, 0
    for _ in range(200):
        row = Row()
        for more in draws.normal(truth, 0.5, 400):
            row.add([("good", 5, 0.5, 1.0), ("worse", 5, 0.5, 1.0 + float(more))], False)
        found = difference(row, "worse", "good")
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high

    assert 180 <= held <= 199


def test_a_model_that_comes_late_is_compared_where_both_were_asked() -> None:
    board, _told = filled(2_000, late=1_100)
    row = board.rows["", ""]

    found = difference(row, "worse", "good")

    assert found is not None
    assert found.answers <= 900
    assert found.answers >= 900 - row.size
    assert sum(row.scores["worse"].count) == 900


def test_memory_is_bounded_and_blocks_stay_even() -> None:
    board, _ = filled(20_000)
    row = board.rows["", ""]

    assert sum(row.count) == 20_000
    assert BLOCKS // 2 <= np.count_nonzero(row.count) <= BLOCKS
    assert set(row.count[: row.block]) == {row.size}
    assert row.scores["good"].count == row.count


@pytest.mark.parametrize("left", [0, 1, 50, 99])
def test_answers_taken_back_one_after_the_other_are_gone(left: int) -> None:
    board = Scoreboard(("accept",))
    for _ in range(100):
        board.add(0, "loan", {"good": 0.3, "worse": 0.4}, happened=False)

    for _ in range(100 - left):
        board.take_back(0, "loan", {"good": 0.25, "worse": 0.45}, happened=False)

    row = board.rows["", ""]
    assert sum(row.count) == left
    assert set(row.count[: row.block]) <= {row.size}
    for score in row.scores.values():
        assert score.count == row.count
        assert sum(score.no) == left
        assert left or not any((*score.loss, *score.brier, *score.chance))
        assert all(loss == 0.0 for loss, count in zip(score.loss, score.count, strict=True) if not count)


def test_what_comes_after_answers_were_taken_back_fills_their_place() -> None:
    board, other = Scoreboard(("accept",)), Scoreboard(("accept",))
    for number in range(300):
        board.add(0, "loan", {"good": 0.5}, number % 2 == 0)
        other.add(0, "loan", {"good": 0.5}, number % 2 == 0)
    for number in reversed(range(200, 300)):
        board.take_back(0, "loan", {"good": 0.5}, number % 2 == 0)

    for number in range(200, 300):
        board.add(0, "loan", {"good": 0.5}, number % 2 == 0)

    row, expected = board.rows["", ""], other.rows["", ""]
    assert (row.count, row.block, row.filled) == (expected.count, expected.block, expected.filled)
    assert row.scores["good"].loss == pytest.approx(expected.scores["good"].loss)
    assert row.scores["good"].brier == pytest.approx(expected.scores["good"].brier)


def test_an_answer_is_taken_from_the_nearest_bin_that_has_one_like_it() -> None:
    board = Scoreboard(("accept",))
    for chance in (0.1, 0.5, 0.9):
        board.add(0, "loan", {"good": chance}, happened=True)

    board.take_back(0, "loan", {"good": 0.4}, happened=True)

    bins = [chance for chance in board.rows["", ""].scores["good"].chance if chance]
    assert bins == pytest.approx([0.1, 0.9])


def test_a_board_of_which_all_was_taken_back_has_no_figures() -> None:
    board = Scoreboard(("accept",))
    board.add(0, "loan", {"good": 0.3}, happened=True)
    board.take_back(0, "loan", {"good": 0.3}, happened=True)

    assert figures(board, ("good", "nobody"), "nobody") == []


def test_a_model_without_figures_differs_from_nobody() -> None:
    board, _ = filled(100)

    assert difference(board.rows["", ""], "nobody", "good") is None
    assert difference(board.rows["", ""], "good", "nobody") is None


@pytest.mark.parametrize(("blocks", "has_interval"), [(5, False), (6, True)])
def test_an_interval_needs_six_blocks(blocks: int, *, has_interval: bool) -> None:
    board, _ = filled(blocks * BLOCK_LEAST)

    found = difference(board.rows["", ""], "worse", "good")

    assert found is not None
    assert (found.low is not None) == (found.high is not None) == has_interval


def test_a_model_that_is_right_is_off_by_about_what_chance_does() -> None:
    draws, off, by_chance, constant = default_rng(9), 0.0, 0.0, 0.0
    for _ in range(60):
        board = Scoreboard(("accept",))
        for chance in draws.choice([0.05, 0.2, 0.4, 0.7], 200):
            board.add(0, "loan", {"good": float(chance)}, bool(draws.random() < chance))
        found = figures(board, ("good",), "good")[0]
        off += found.calibration_error / 60
        by_chance += found.calibration_chance / 60
        constant += found.log_loss_constant / 60

    assert off == pytest.approx(by_chance, rel=0.15)
    # Of the mean rate, 0.3375.
    assert constant == pytest.approx(stats.entropy([0.3375, 0.6625]), abs=0.01)


def test_a_copy_goes_on_like_the_original() -> None:
    board, _ = filled(1_000, late=300)
    other = Scoreboard.of(board.snapshot(), board.outcomes)

    for each in (board, other):
        for number in range(500):
            each.add(1, ACTIONS[number % 2], {"good": 0.2, "worse": 0.3}, number % 5 == 0)

    one, two = board.snapshot(), other.snapshot()
    assert one.meta == two.meta
    assert all(np.array_equal(one.arrays[name], two.arrays[name]) for name in one.arrays)


def test_names_of_the_next_revision() -> None:
    board, _ = filled(300)
    names = {"loan": "credit", "card": "credit"}

    later = board.carried(("accept",), {"good": "fine"}, lambda name: names.get(name, name))

    assert sorted(later.rows) == [("", ""), ("accept", ""), ("accept", "credit"), ("accept", "fund")]
    assert all(list(row.scores) == ["fine"] for row in later.rows.values())
    assert board.carried(("reject",), {}, str).rows.keys() == {("", "")}


@pytest.mark.parametrize("degrees", [5, 7, 15])
@pytest.mark.parametrize("probability", [0.75, 0.95, 0.975])
def test_quantiles_are_those_of_students_t(degrees: int, probability: float) -> None:
    assert student(probability, degrees) == pytest.approx(stats.t.ppf(probability, degrees), rel=0.006)


@pytest.mark.parametrize("degrees", [5, 7, 15])
@pytest.mark.parametrize("probability", [0.995, 0.9999, 0.999999])
def test_far_quantiles_are_rather_too_far_than_too_near(degrees: int, probability: float) -> None:
    assert 1.0 <= student(probability, degrees) / stats.t.ppf(probability, degrees) < 1.1


def test_quantiles_below_the_middle_mirror_those_above() -> None:
    assert student(0.1, 7) == pytest.approx(-student(0.9, 7))
