"""The locks hold what pyproject.toml asks for, with hashes, and name no place to fetch it from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = PYPROJECT["dependency-groups"]
PRODUCT = PYPROJECT["project"]["dependencies"] + GROUPS["build"]
DEVELOPMENT = PRODUCT + GROUPS["dev"] + PYPROJECT["project"]["optional-dependencies"]["fast"]
WANTED = {"run": PRODUCT, "dev": DEVELOPMENT, "bench": DEVELOPMENT + GROUPS["bench"]}


def blocks(lock: str) -> list[str]:
    """One text per pinned package: its requirement and its hashes."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    return re.split(r"\n(?=\S)", text.strip())


def pins(lock: str) -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = {}
    for block in blocks(lock):
        pin = Requirement(block.partition("\\")[0])
        found.setdefault(canonicalize_name(pin.name), []).append(pin)
    return found


@pytest.mark.parametrize("lock", WANTED)
def test_a_lock_satisfies_every_dependency(lock: str) -> None:
    pinned = pins(lock)

    for dependency in map(Requirement, WANTED[lock]):
        versions = [next(iter(pin.specifier)).version for pin in pinned[canonicalize_name(dependency.name)]]
        assert all(dependency.specifier.contains(version) for version in versions), dependency


@pytest.mark.parametrize("lock", WANTED)
def test_a_lock_pins_with_hashes_and_names_no_host(lock: str) -> None:
    for block in blocks(lock):
        assert "==" in block
        assert "--hash=sha256:" in block
        assert "://" not in block


def test_locks_agree_with_each_other() -> None:
    run, dev, bench = pins("run"), pins("dev"), pins("bench")

    assert {name: dev[name] for name in run} == run
    assert {name: bench[name] for name in dev} == dev
