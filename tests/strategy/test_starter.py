"""The starter project: clean, tested, and careful with what exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from opportune.errors import ProjectError
from opportune.learning import make_model
from opportune.strategy import check_directory
from opportune.strategy.compile import compile_plan, registries
from opportune.strategy.persona import run_persona
from opportune.strategy.starter import STARTER, copy_starter


def test_a_copy_is_clean(tmp_path: Path) -> None:
    paths = copy_starter(tmp_path / "new" / "folder")

    checked = check_directory(tmp_path / "new" / "folder")

    assert Path("project.yaml") in paths
    assert checked.project == check_directory(STARTER).project


def test_its_own_persona_tests_pass() -> None:
    checked = check_directory(STARTER)
    plan = compile_plan(checked)
    model = make_model(plan.model, plan.predictors, plan.outcomes)
    model.bind(plan.candidates)

    results = [run_persona(plan, registries(checked.project), model, persona) for persona in checked.personas]

    assert [result.failures for result in results] == [(), (), ()]


def test_nothing_that_exists_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "goals.yaml").write_text("mine: {unit: points}\n", encoding="utf-8")

    with pytest.raises(ProjectError, match=r"goals\.yaml: the file exists"):
        copy_starter(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["goals.yaml"]


def test_other_files_of_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Mine\n", encoding="utf-8")

    copy_starter(tmp_path)

    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "# Mine\n"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(ProjectError, match="expected a folder, found a file"):
        copy_starter(tmp_path / "file")
