"""Every example project is clean, and its persona tests pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from opportune.outcomes import new_model
from opportune.strategy import check_directory
from opportune.strategy.compile import compile_plan, registries
from opportune.strategy.compile_features import compile_features
from opportune.strategy.persona import run_persona, unexplored

EXAMPLES = sorted(path.parent for path in (Path(__file__).parents[2] / "examples").glob("*/project.yaml"))


def name(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("example", EXAMPLES, ids=name)
def test_an_example_passes_its_persona_tests(example: Path) -> None:
    checked = check_directory(example)
    plan = unexplored(compile_plan(checked))
    model = new_model(plan)
    read = registries(checked.project)
    features = compile_features(checked)

    results = [run_persona(plan, read, model, persona, features) for persona in checked.personas]

    assert {result.name: result.failures for result in results if not result.passed} == {}
    assert len(results) >= 6


@pytest.mark.parametrize("example", EXAMPLES, ids=name)
def test_an_example_speaks_every_language_of_its_project(example: Path) -> None:
    project = check_directory(example).project

    for action in project.actions.values():
        for treatments in action.treatments.values():
            for treatment in treatments.values():
                assert set(treatment.content) == set(project.settings.languages)


@pytest.mark.parametrize("example", EXAMPLES, ids=name)
def test_bundled_data_name_their_source_and_licence(example: Path) -> None:
    notice = (EXAMPLES[0].parents[1] / "NOTICE").read_text(encoding="utf-8")

    assert "icence" in (example / "data" / "README.md").read_text(encoding="utf-8")
    assert f"examples/{example.name}/data" in notice
