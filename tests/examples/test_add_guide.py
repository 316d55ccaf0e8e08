"""The guide that adds to the starter does what it says: after each part all is well, and its requests are taken."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from opportune.outcomes import new_model
from opportune.service.revisions import strategy_from_folder
from opportune.strategy import check_files
from opportune.strategy.compile import compile_plan, registries
from opportune.strategy.compile_features import compile_features
from opportune.strategy.files import read_texts
from opportune.strategy.persona import run_persona, unexplored
from opportune.strategy.starter import copy_starter
from tests.cli.conftest import Run
from tests.cli.conftest import run as run
from tests.service.shop import Service, serving

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "add-to-the-starter.md").read_text(encoding="utf-8")
STEP = re.compile(r"(?P<how>Save this as|Add this to) `(?P<file>[^`]+)`:\n\n```\w+\n(?P<text>.*?)```", re.S)
PARTS = [part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:] if "`my-shop/" in part]
TITLES = [part.partition(":")[0] for part in PARTS]


def write(part: str, folder: Path) -> None:
    """Save the files of a part below a folder."""
    for step in STEP.finditer(part):
        path = folder / step["file"]
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text(encoding="utf-8") if step["how"] == "Add this to" else ""
        path.write_text(before + step["text"], encoding="utf-8")


def unmet(folder: Path) -> dict[str, tuple[str, ...]]:
    """Check a project and run its tests; give what was expected and not found, by test."""
    checked = check_files(read_texts(folder)[0])
    plan, read = unexplored(compile_plan(checked)), registries(checked.project)
    model, features = new_model(plan, "numpy"), compile_features(checked)
    results = (run_persona(plan, read, model, persona, features) for persona in checked.personas)
    return {result.name: result.failures for result in results if result.failures}


def send(command: str, service: Service) -> tuple[int, str]:
    words = shlex.split(command)
    path = next(word for word in words if word.startswith("localhost:8080")).removeprefix("localhost:8080")
    method = words[words.index("-X") + 1] if "-X" in words else "POST"
    answer = service.call(method, path, json.loads(words[words.index("-d") + 1]))
    return answer.status_code, "" if answer.is_success else answer.text


@pytest.mark.parametrize("part", PARTS, ids=TITLES)
def test_each_part_fits_into_a_fresh_copy(part: str, tmp_path: Path) -> None:
    copy_starter(tmp_path / "my-shop")
    write(part, tmp_path)

    assert unmet(tmp_path / "my-shop") == {}


def test_all_parts_fit_together_and_their_requests_are_taken(run: Run, tmp_path: Path) -> None:
    copy_starter(tmp_path / "my-shop")
    write(PAGE, tmp_path)
    commands = re.findall(r"^\$ (curl .*)$", PAGE, re.MULTILINE)

    assert unmet(tmp_path / "my-shop") == {}
    with serving(tmp_path / "shop.db", of=strategy_from_folder(tmp_path / "my-shop")) as service:
        assert {command: send(command, service) for command in commands} == dict.fromkeys(commands, (200, ""))
    said = run("decide", "my-shop", "caller.json", "--at", "2026-05-04T10:00:00Z").out
    assert (
        "\nfound out: household.size = 4, feature.calls_7d = 3, context.is_holiday = false, context.hour = 12\n" in said
    )
    assert "family_plan (script)  priority" in said
    assert "call_back (script)  priority" in said


def test_the_page_has_all_its_parts() -> None:
    assert TITLES == [
        "A feature", "A consent purpose", "A source", "An identifier", "A session", "A contact policy", "A household",
    ]  # fmt: skip
