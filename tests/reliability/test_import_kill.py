"""Killing an import at any step loses no row, and writes and refuses none twice."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from opportune.storage import Kind, ProfileBody, ProfilePayload, SqliteStorage, verify_storage

IMPORT = str(Path(__file__).with_name("import_rows.py"))
ROWS = 600
REFUSED = [number for number in range(1, ROWS + 1) if number % 37 == 0]
STEPS = ("store", "report", "progress")


def write_table(folder: Path) -> None:
    rows = (f"c-{number},{999 if number in REFUSED else number % 100}\n" for number in range(1, ROWS + 1))
    Path(folder, "people.csv").write_text("id,age\n" + "".join(rows))


def run(folder: Path, step: str = "", times: int = 0, careless: str = "") -> int:
    command = [sys.executable, IMPORT, str(folder), step, str(times), careless]
    return subprocess.run(command, timeout=60, check=False).returncode


def written(folder: Path) -> list[tuple[str, int, int]]:
    """(identifier, age, version) of every profile entry, in journal order."""
    found = []
    with SqliteStorage(folder / "shop.db", read_only=True) as storage:
        assert verify_storage(storage) == []
        for entry in storage.journal(limit=10 * ROWS, kinds=(Kind.PROFILE,)):
            assert isinstance(entry.body, ProfileBody)
            assert isinstance(entry.payload, ProfilePayload)
            found.append((entry.payload.identifier, entry.payload.attributes["age"], entry.body.version))
    return found


def check(folder: Path) -> None:
    """Every good row is there once, every other one refused once, and nothing is left of the interruptions."""
    good = [number for number in range(1, ROWS + 1) if number not in REFUSED]
    assert written(folder) == [(f"c-{number}", number % 100, 1) for number in good]
    assert [json.loads(line)["row"] for line in (folder / "refused.jsonl").read_text().splitlines()] == REFUSED
    assert sorted(path.name for path in folder.glob("*import.json*")) == []


def test_an_import_that_is_killed_goes_on(tmp_path: Path) -> None:
    write_table(tmp_path)

    for step, times in (("store", 1), ("report", 2), ("progress", 3)):
        assert run(tmp_path, step, times) == -signal.SIGKILL
    assert run(tmp_path) == 0

    check(tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(8))
def test_an_import_that_is_killed_anywhere_goes_on(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    write_table(tmp_path)

    while run(tmp_path, chance.choice(STEPS), chance.randrange(4)) == -signal.SIGKILL:
        pass

    check(tmp_path)


def test_ids_of_their_own_would_write_rows_twice(tmp_path: Path) -> None:
    write_table(tmp_path)

    assert run(tmp_path, "store", 1, "anew") == -signal.SIGKILL
    assert run(tmp_path, careless="anew") == 0

    assert max(version for _, _, version in written(tmp_path)) == 2


def test_progress_kept_before_the_rows_would_lose_some(tmp_path: Path) -> None:
    write_table(tmp_path)

    assert run(tmp_path, "progress", 3, "early") == -signal.SIGKILL
    assert run(tmp_path, careless="early") == 0

    assert len(written(tmp_path)) < ROWS - len(REFUSED)
