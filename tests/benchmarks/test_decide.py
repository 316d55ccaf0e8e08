"""The benchmark of the decision core on its smallest size: all rows are there and all answers agree."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from benchmarks.decide import FIRST_ROW, FLOOR_ROW, NUMBA_ROW, NUMPY_ROW, RIVAL_ROW, USUAL_ROW, Case, prepare, table
from benchmarks.page import replace
from benchmarks.timing import measure

PEERS = {"zen-engine": "zen", "gittins": "gittins", "River": "river", "Vowpal Wabbit, fixed set": "vowpalwabbit"}
needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="needs numba")
needs_compiler = pytest.mark.skipif(not (shutil.which("gcc") or shutil.which("cc")), reason="needs a C compiler")


@pytest.fixture(scope="module")
def case() -> Case:
    return prepare(40, customers=20)


@needs_numba
def test_all_contenders_give_the_same_answers(case: Case) -> None:
    assert case.disagreements == []


@needs_numba
@needs_compiler
def test_the_floor_is_compiled(case: Case) -> None:
    assert FLOOR_ROW in case.contenders


@needs_numba
def test_the_table_has_a_row_per_contender_and_names_who_is_left_out(case: Case) -> None:
    measured = measure(case.contenders, customers=20, rounds=1, round_seconds=0.001)

    text = table({"40 actions": measured})

    for row in (NUMBA_ROW, FIRST_ROW, NUMPY_ROW, USUAL_ROW, RIVAL_ROW, "CEL's engine: rules alone"):
        assert f"| {row} |" in text
    for name, module in PEERS.items():
        assert (f"| {name}:" in text) == (importlib.util.find_spec(module) is not None)
        assert (f"| {name}:" in text) != (name in case.left_out)


@needs_numba
def test_some_actions_pass_the_gate_and_some_do_not(case: Case) -> None:
    assert 0 < case.passing < 40


def test_a_page_without_markers_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n")

    with pytest.raises(ValueError, match="expected the markers"):
        replace(page, "decide", "text")


def test_only_what_stands_between_the_markers_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- decide:begin -->\nold\n<!-- decide:end -->\nafter\n")

    replace(page, "decide", "new")

    assert page.read_text() == "before\n<!-- decide:begin -->\nnew\n<!-- decide:end -->\nafter\n"
