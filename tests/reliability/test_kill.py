"""Killing the writing process at any moment loses nothing that it acknowledged."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .harness import kill_loop
from .stores import stored_ids

TRIES = 10
WRITER = str(Path(__file__).with_name("write_outcomes.py"))


def _lost(folder: Path, mode: str, rounds: int, seed: int) -> tuple[int, int]:
    """(acknowledged, lost) after all rounds."""
    path = folder / "store.db"
    losses: list[set[str]] = []

    def check(number: int, acked: set[str]) -> None:
        # The check reads the whole store, so a long loop does it now and then; a loss stays a loss.
        if number % max(1, rounds // 8) == 0 or number == rounds - 1:
            losses.append(acked - stored_ids(path))

    acked = kill_loop([sys.executable, WRITER, str(path), "0", mode], rounds, seed, check)
    return len(acked), len(set().union(*losses))


@pytest.mark.parametrize("rounds", [5, pytest.param(60, marks=pytest.mark.full)])
def test_a_kill_loses_nothing_acknowledged(tmp_path: Path, rounds: int) -> None:
    acked, lost = _lost(tmp_path, "full", rounds, seed=1)

    assert acked > rounds * 2
    assert lost == 0


def test_the_kill_loop_notices_acknowledgement_before_the_write(tmp_path: Path) -> None:
    folders = [tmp_path / f"{seed}" for seed in range(TRIES)]
    for folder in folders:
        folder.mkdir()

    # Each kill may come between an acknowledgement's write and the next acknowledgement.
    assert any(_lost(folder, "early", 4, seed)[1] for seed, folder in enumerate(folders))
