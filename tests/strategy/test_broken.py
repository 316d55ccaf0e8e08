"""Broken projects: the starter with one edit each, and every line that `check` says about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from opportune.errors import ProjectError
from opportune.strategy import check_files
from opportune.strategy.files import read_texts
from opportune.strategy.starter import STARTER

CASES = sorted((Path(__file__).parents[1] / "broken").glob("*.yaml"))


def read(case: Path) -> dict[str, Any]:
    content: dict[str, Any] = YAML(typ="safe", pure=True).load(case.read_text(encoding="utf-8"))
    return content


def edited(edits: dict[str, Any]) -> dict[str, str]:
    """Give the starter's texts with a case's edits: a text replaces a file, ~ removes it, a list finds and puts."""
    files, _ = read_texts(STARTER)
    for path, edit in edits.items():
        if edit is None:
            del files[path]
        elif isinstance(edit, str):
            files[path] = edit
        else:
            for change in edit:
                assert change["find"] in files[path], f"{path} does not hold {change['find']!r}"
                files[path] = files[path].replace(change["find"], change["put"], 1)
    return files


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_a_broken_project_is_refused_with_place_and_remedy(case: Path) -> None:
    content = read(case)

    with pytest.raises(ProjectError) as caught:
        check_files(edited(content["edit"]))

    assert [str(problem) for problem in caught.value.problems] == content["expect"]
    assert all(problem.file and problem.remedy and problem.code for problem in caught.value.problems)


def test_there_are_at_least_sixty_of_them() -> None:
    assert len(CASES) >= 60


def test_ten_problems_in_ten_places_are_all_reported() -> None:
    (case,) = [case for case in CASES if case.stem.endswith("ten-problems-at-once")]

    assert len(read(case)["expect"]) == 10
