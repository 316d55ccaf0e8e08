"""Who is best, who is level with the best, and what is counted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from benchmarks.learning.compare import Cell, chosen_cells, predicted_cells
from benchmarks.learning.contenders.base import Contender
from benchmarks.learning.contenders.rates import BaseRate
from benchmarks.learning.stream import Answer, Rounds, Stream, key
from benchmarks.learning.tables import counted, everybody, prototype_table, rivals_of, table
from benchmarks.learning.tasks import Choosing, Predicting

CANDIDATES = (key("g", "a"), key("g", "b"))
SIZE = 600
ROWS = [
    Contender("bayes", "ours", BaseRate),
    Contender("sharp", "peer", BaseRate),
    Contender("blunt", "peer", BaseRate),
    Contender("floor", "floor", BaseRate),
]


@pytest.fixture(scope="module")
def stream() -> Stream:
    random = np.random.default_rng(0)
    answers = [Answer({}, row % 2, bool(random.random() < (0.8 if row % 3 else 0.2))) for row in range(SIZE)]
    return Stream((), CANDIDATES, answers, ordered=True)


@pytest.fixture(scope="module")
def cells(stream: Stream) -> Mapping[str, Cell]:
    sharp = [0.8 if row % 3 else 0.2 for row in range(SIZE)]
    said = {"sharp": sharp, "bayes": [p - 0.001 for p in sharp], "blunt": [0.6] * SIZE, "floor": [0.6] * SIZE}
    results = {name: [{"predictions": p}] for name, p in said.items()}
    found = predicted_cells(Predicting("x", "", "", lambda: stream), stream, results, draws=100)
    return {cell.measure: cell for cell in found}


def test_predictions_are_compared_by_loss_area_and_calibration(cells: Mapping[str, Cell]) -> None:
    assert list(cells) == ["log loss", "AUC", "AUC within action", "calibration error"]


def test_the_best_is_found_and_who_hardly_differs_is_level_with_it(cells: Mapping[str, Cell]) -> None:
    loss = cells["log loss"]

    assert loss.ranked(["blunt", "sharp", "bayes"])[-1] == "blunt"
    assert loss.level("bayes", "sharp")
    assert not loss.level("blunt", "sharp")


def test_floors_are_no_rivals() -> None:
    assert rivals_of(ROWS, "bayes") == ["bayes", "sharp", "blunt"]
    assert "floor" not in everybody(ROWS)


def test_cells_are_counted_with_who_is_ahead(cells: Mapping[str, Cell]) -> None:
    good = counted({"x": [cells["log loss"]]}, {"x": ROWS}, rivals_of, "bayes")
    bad = counted({"x": [cells["log loss"]]}, {"x": ROWS}, everybody, "blunt")

    assert (good.cells, good.good, good.behind, good.low) == (1, 1, [], [])
    assert (bad.cells, bad.good) == (1, 0)
    assert len(bad.behind) == 1
    assert bad.low == ["x log loss (3 of 3)"]


def test_a_cell_with_nobody_else_in_it_does_not_count() -> None:
    alone = Cell("AUC", "high", {"bayes": np.array([0.5, 0.5])})

    assert counted({"x": [alone]}, {"x": ROWS}, rivals_of, "bayes").cells == 0


def test_a_table_marks_the_best_and_who_is_level(cells: Mapping[str, Cell]) -> None:
    text = table("coupon", [cells["AUC"]], ROWS, {}, earlier=["blunt"])

    best, level, blunt = (
        next(line for line in text.splitlines() if name in line) for name in ("sharp", "bayes", "blunt")
    )
    assert "**0.7" in best or "**0.8" in best or "=" in best
    assert "**" in level or "=" in level
    assert "(earlier code)" in blunt


def test_the_prototype_is_compared_in_the_order_of_the_file() -> None:
    better = Cell("AUC", "high", {"bayes": np.array([0.9, 0.9, 0.9])}, {"bayes": 0.9})
    worse = Cell("log loss", "low", {"bayes": np.array([0.9, 0.9, 0.9])}, {"bayes": 0.9})

    text = prototype_table({"coupon": [better, worse]}, "bayes")

    assert "| `coupon` | AUC | 0.779 | 0.900 | at or above |" in text
    assert "| `coupon` | log loss | 0.5560 | 0.9000 | below |" in text


def test_rewards_are_told_after_each_mark_that_every_run_reached() -> None:
    data = Rounds((), CANDIDATES, [{}] * 100, np.tile(np.array([0.02, 0.2], dtype=np.float32), (100, 1)))
    task = Choosing("x", "", "", lambda: data, marks=(10, 1_000), rare=True)
    results = {"half": [{"rounds": list(range(100)), "worth": [0.2, 0.02] * 50}] * 2}

    first, whole = chosen_cells(task, data, results, draws=20)

    assert (first.measure, whole.measure) == ("right choices, first 10", "right choices, all")
    assert whole.values["half"][0] == pytest.approx(0.5)


def test_only_the_first_answers_of_late_actions_count_where_that_is_asked() -> None:
    answers = [Answer({}, row % 2, True) for row in range(8)]
    stream = Stream((), CANDIDATES, answers, ordered=True, counted=np.array([row % 2 == 1 for row in range(8)]))
    task = Predicting("x", "", "", lambda: stream, horizons=(2,))
    said = [0.5, 0.25, 0.5, 0.25, 0.5, 0.9, 0.5, 0.9]

    (cell,) = predicted_cells(task, stream, {"bayes": [{"predictions": said}]}, draws=5)

    assert cell.values["bayes"][0] == pytest.approx(np.log(4))
