"""migrate, copy and retire: what an operator does with a store; and how explain and verify speak of what went."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opportune.storage import SqliteStorage, retire
from opportune.storage.migrating import migrations
from opportune.testing.storage import LATER, accept, checkpoint, save_decision, save_profile

from .conftest import Run


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A store of a hundred days ago and of today."""
    path = tmp_path / "old.db"
    now = datetime.now(UTC) - timedelta(days=100)
    with SqliteStorage(path, clock=lambda: now) as storage:
        storage.write([save_profile("p", age=1), save_decision("a"), accept("o", "d-a")])
        now = datetime.now(UTC)
        storage.write([save_decision("b"), checkpoint("m", 3)])
    return path


def test_retire_says_what_went(run: Run, old: Path) -> None:
    first = run("retire", "--store", old, "--keep-days", 90)
    second = run("retire", "--store", old, "--keep-days", 90, "--json")

    assert (first.code, first.out) == (0, "3 entries dropped; the journal begins with 4.\n")
    assert second.json == {"entries": 0, "beginning": 4, "held": ""}
    assert run("verify", "--store", old).code == 0


@pytest.mark.parametrize("days", [0, 29, 36_501])
def test_retire_needs_a_sensible_number_of_days(run: Run, old: Path, days: int) -> None:
    ended = run("retire", "--store", old, "--keep-days", days)

    assert ended.code == 2
    assert "expected a whole number from 30 to 36,500" in ended.err


def test_retire_says_why_more_is_kept(run: Run, tmp_path: Path) -> None:
    now = datetime.now(UTC) - timedelta(days=100)
    with SqliteStorage(tmp_path / "held.db", clock=lambda: now) as storage:
        storage.write([save_profile("p", age=1), checkpoint("m", 1), save_decision("a"), accept("o", "d-a")])
    ended = run("retire", "--store", tmp_path / "held.db", "--keep-days", 30)

    assert (
        ended.out.splitlines()[1]
        == "Older ones are kept: the decision of entry 3 was answered after the model's last checkpoint."
    )


def test_explain_says_that_a_decision_may_be_no_longer_kept(run: Run, old: Path) -> None:
    before = run("explain", "d-none", "--store", old)
    with SqliteStorage(old) as storage:
        retire(storage, LATER)
    after = run("explain", "d-a", "--store", old)

    assert before.code == after.code == 1
    assert "an answer carries the id of its decision" in before.err
    assert "it may be no longer kept: what was recorded up to" in after.err


def test_copy_moves_a_store_and_refuses_one_that_is_not_empty(run: Run, old: Path, tmp_path: Path) -> None:
    first = run("copy", "--from", old, "--to", tmp_path / "new.db")
    second = run("copy", "--from", old, "--to", tmp_path / "new.db")
    json = run("copy", "--from", tmp_path / "new.db", "--to", tmp_path / "newer.db", "--json").json

    assert first.code == 0
    assert first.out.startswith("Copied and verified, up to 5 entries; last digest ")
    assert json["digest"].startswith(first.out.split()[-1].rstrip("."))
    assert (json["entries"], json["problems"]) == (5, [])
    assert second.code == 2
    assert "expected an empty store to copy into, found entries" in second.err


def test_migrate_names_what_it_applied(run: Run, tmp_path: Path) -> None:
    first = run("migrate", "--store", tmp_path / "new.db")
    second = run("migrate", "--store", tmp_path / "new.db")

    names = [name for _, name, _ in migrations("sqlite")]
    assert first.out.splitlines() == [f"applied {name}" for name in names]
    assert names[0] == "0001_first_tables"
    assert second.out == "Nothing to do: the tables are those of this version.\n"
    assert run("migrate", "--store", tmp_path / "new.db", "--json").json == {"applied": []}
