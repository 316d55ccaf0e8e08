"""The end of `./run test`: reasons of skips with their counts, one sum, and an exit code that tells the truth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tally import main


def tally(tmp_path: Path, *runs: dict[str, object]) -> str:
    file = tmp_path / "tally"
    file.write_text(
        "".join(json.dumps({"passed": 0, "failed": 0, "error": 0, "skipped": {}} | run) + "\n" for run in runs)
    )
    return str(file)


def test_it_adds_up_all_runs_in_its_last_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tally(tmp_path, {"passed": 2}, {"passed": 3, "skipped": {"no strace": 1}})

    assert main(file, "0", "0") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "5 passed, 0 failed, 1 skipped"


def test_it_prints_each_reason_once_with_its_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tally(tmp_path, {"passed": 1, "skipped": {"no strace": 1}}, {"skipped": {"no strace": 2}})

    main(file, "0", "0")

    assert "skipped 3: no strace" in capsys.readouterr().out


def test_a_run_without_tests_is_fine_beside_one_with_tests(tmp_path: Path) -> None:
    assert main(tally(tmp_path, {"passed": 1}), "5", "0") == 0


def test_no_test_at_all_is_a_failure(tmp_path: Path) -> None:
    assert main(tally(tmp_path), "5", "5") == 1


def test_a_failed_run_keeps_its_exit_code(tmp_path: Path) -> None:
    assert main(tally(tmp_path, {"passed": 9, "error": 1}), "0", "2") == 2
