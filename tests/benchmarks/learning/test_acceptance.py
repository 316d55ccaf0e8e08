"""What is claimed of the default model, on whole sets, beside the quickest peer."""

from __future__ import annotations

import importlib.util
import os

import pytest

from benchmarks.learning.compare import CALIBRATION, Cell, chosen_cells, predicted_cells
from benchmarks.learning.contenders import DEFAULT, contenders
from benchmarks.learning.jobs import Job, run
from benchmarks.learning.stream import Rounds, Stream
from benchmarks.learning.tables import counted, rivals_of
from benchmarks.learning.tasks import TASKS, Choosing, Predicting, load

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif("OPPORTUNE_DATA" not in os.environ, reason="needs the open data"),
    pytest.mark.skipif(importlib.util.find_spec("vowpalwabbit") is None, reason="needs Vowpal Wabbit"),
]

PEERS = {"vowpal interactions", "vowpal slow", "vowpal coin", "vowpal squarecb", "vowpal regcb"}
NAMES = ["bank", "coupon", "telco", "starbucks", "optdigits", "starbucks-replay"]


def cells_of(name: str) -> list[Cell]:
    """Run the default and the peers on the first seed and compare them."""
    task, data = TASKS[name], load(name)
    results = {
        contender.name: [run(Job(name, contender.name, 0, None, ""))]
        for contender in contenders(isinstance(task, Choosing))
        if contender.name in {DEFAULT, *PEERS}
    }
    if isinstance(task, Choosing):
        assert isinstance(data, Rounds)
        return chosen_cells(task, data, results)
    assert isinstance(task, Predicting)
    assert isinstance(data, Stream)
    return predicted_cells(task, data, results)


@pytest.fixture(scope="module")
def tables() -> dict[str, list[Cell]]:
    return {name: cells_of(name) for name in NAMES}


def test_the_default_is_best_or_level_in_three_quarters_of_the_cells(tables: dict[str, list[Cell]]) -> None:
    rows = {name: contenders(isinstance(TASKS[name], Choosing)) for name in tables}

    count = counted(tables, rows, rivals_of, DEFAULT)

    assert count.cells >= 20
    assert count.good >= 0.75 * count.cells, count.behind


@pytest.mark.parametrize("name", ["bank", "coupon", "starbucks"])
def test_calibration_is_close_to_what_chance_leaves(tables: dict[str, list[Cell]], name: str) -> None:
    cell = next(cell for cell in tables[name] if cell.measure == CALIBRATION)

    assert cell.values[DEFAULT][0] <= cell.chance[DEFAULT][0] + 0.01
