"""Fragments of the changelog have a name that says what kind of change they are, and one sentence."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import opportune

ROOT = Path(__file__).parents[2]
FRAGMENTS = sorted(path for path in (ROOT / "changelog.d").iterdir() if path.name != "README.md")


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda path: path.name)
def test_a_fragment_is_one_sentence_of_a_known_kind(fragment: Path) -> None:
    lines = fragment.read_text(encoding="utf-8").splitlines()

    assert re.fullmatch(r"[a-z0-9-]+\.(added|changed|fixed|removed)\.md", fragment.name)
    assert len(lines) == 1
    assert lines[0].endswith(".")


def test_the_version_is_the_same_in_both_places() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == opportune.__version__
