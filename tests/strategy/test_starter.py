"""The starter project: clean, tested, and careful with what exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from opportune.errors import ProjectError
from opportune.outcomes import new_model
from opportune.strategy import check_directory
from opportune.strategy.compile import compile_plan, registries
from opportune.strategy.compile_features import compile_features
from opportune.strategy.persona import run_persona
from opportune.strategy.starter import STARTER, copy_starter


def test_a_copy_is_clean(tmp_path: Path) -> None:
    paths = copy_starter(tmp_path / "new" / "folder")

    checked = check_directory(tmp_path / "new" / "folder")

    assert Path("project.yaml") in paths
    assert checked.project.actions == check_directory(STARTER).project.actions


def test_its_own_persona_tests_pass() -> None:
    checked = check_directory(STARTER)
    plan = compile_plan(checked)
    model = new_model(plan)

    read, features = registries(checked.project), compile_features(checked)
    results = [run_persona(plan, read, model, persona, features) for persona in checked.personas]

    assert [result.failures for result in results] == [()] * 8


def test_a_folder_with_anything_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Mine\n", encoding="utf-8")

    with pytest.raises(ProjectError, match="the folder is not empty; name a folder that is new or empty"):
        copy_starter(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_a_second_start_says_so_in_one_line(tmp_path: Path) -> None:
    copy_starter(tmp_path / "shop")

    with pytest.raises(ProjectError) as caught:
        copy_starter(tmp_path / "shop")

    assert str(caught.value).endswith("shop: here is a strategy already; name a folder that is new or empty")


def test_a_fresh_repository_is_empty_enough(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()

    copy_starter(tmp_path)

    assert (tmp_path / "project.yaml").is_file()


@pytest.mark.parametrize(
    ("folder", "name"), [("my-shop", "my_shop"), ("Café 2", "cafe_2"), ("Żółw", "zolw"), ("2nd", "starter")]
)
def test_the_strategy_takes_the_name_of_its_folder(tmp_path: Path, folder: str, name: str) -> None:
    copy_starter(tmp_path / folder)

    assert check_directory(tmp_path / folder).project.settings.name == name


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(ProjectError, match="expected a folder, found a file"):
        copy_starter(tmp_path / "file")
