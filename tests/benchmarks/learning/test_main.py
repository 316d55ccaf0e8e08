"""The whole benchmark on a few hundred answers: sane figures, no ranks."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from benchmarks.learning.contenders import contenders
from benchmarks.learning.main import main
from benchmarks.learning.tasks import TASKS, load


@pytest.fixture
def without_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPPORTUNE_DATA", raising=False)
    load.cache_clear()


def run(folder: Path, *more: str) -> int:
    few = ["--sets", "coupon", "--rows", "300", "--draws", "10", "--seeds", "1", "--processes", "0"]
    return main([*few, "--cache", str(folder), *more])


@pytest.mark.usefixtures("without_data")
def test_our_models_and_the_floors_run_on_the_bundled_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "--only", "bayes,mixture,floor") == 0

    text = capsys.readouterr().out
    said = json.loads((tmp_path / "coupon" / "bayes.0.json").read_text())["predictions"]
    assert "| **Opportune, `bayes`** |" in text
    assert "| *base rate* |" in text
    assert len(set(said)) > 250
    assert all(0.0 < p < 1.0 for p in said)


@pytest.mark.usefixtures("without_data")
def test_a_second_run_takes_everything_from_the_cache(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, "--only", "floor")
    before = capsys.readouterr().out

    run(tmp_path, "--only", "floor")

    again = capsys.readouterr()
    assert again.out == before
    assert "0 runs to do" in again.err


@pytest.mark.usefixtures("without_data")
def test_sets_that_are_not_there_are_named_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--sets", "telco", "--only", "floor", "--processes", "0", "--cache", str(tmp_path)])

    assert "left out: telco, OPPORTUNE_DATA is not set" in " ".join(capsys.readouterr().err.split())


def test_a_set_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"--sets: expected some of bank, .* found moon"):
        main(["--sets", "moon", "--cache", str(tmp_path)])


@pytest.mark.skipif(importlib.util.find_spec("vowpalwabbit") is None, reason="needs Vowpal Wabbit")
@pytest.mark.usefixtures("without_data")
def test_a_peer_runs_beside_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "--only", "bayes,vowpal-interactions", "--default", "bayes") == 0

    assert "beside the peers: best or level" in capsys.readouterr().out


def test_every_contender_has_a_name_of_its_own_that_is_a_file_name() -> None:
    for chooses in (True, False):
        names = [contender.name for contender in contenders(chooses)]
        assert len(names) == len(set(names))
        assert all(name.replace(" ", "").replace("_", "").isalnum() for name in names)


def test_every_task_says_what_it_is() -> None:
    assert all(task.title for task in TASKS.values())
