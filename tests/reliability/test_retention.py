"""Killing a process in the middle of dropping old entries leaves a store that is whole."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from opportune.errors import DamageError
from opportune.storage import SqliteStorage, verify_storage

from .harness import kill_loop

RETIRER = str(Path(__file__).with_name("retire_and_write.py"))


def _faulty(folder: Path, mode: str, rounds: int, seed: int = 5) -> tuple[int, int]:
    """Give how many rounds ended with a store at fault, and how many entries went in all."""
    path = folder / "store.db"
    faulty = beginning = 0

    def check(number: int, acked: set[str]) -> None:
        nonlocal faulty, beginning
        try:
            with SqliteStorage(path) as storage:
                anchor = storage.anchor()
                is_whole = verify_storage(storage) == [] and anchor is not None
                beginning = 0 if anchor is None else anchor.sequence
        except DamageError:
            is_whole = False
        if not is_whole:
            faulty += 1
            for file in folder.iterdir():
                file.unlink()

    kill_loop([sys.executable, RETIRER, str(path), mode], rounds, seed, check, (0.01, 0.25))
    return faulty, beginning


@pytest.mark.parametrize("rounds", [3, pytest.param(50, marks=pytest.mark.full)])
def test_a_kill_in_the_middle_of_retention_leaves_the_store_whole(tmp_path: Path, rounds: int) -> None:
    faulty, gone = _faulty(tmp_path, "whole", rounds)

    assert faulty == 0
    assert gone > rounds * 10


def test_retention_that_commits_in_the_middle_is_found_at_fault(tmp_path: Path) -> None:
    folders = [tmp_path / f"{seed}" for seed in range(20)]
    for folder in folders:
        folder.mkdir()

    # A kill may well come between two drops, so there are more until one does not.
    assert any(_faulty(folder, "careless", 2, seed)[0] for seed, folder in enumerate(folders))
