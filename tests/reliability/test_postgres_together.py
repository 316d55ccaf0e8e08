"""Several processes that write at the same time, under the same ids, are as one that writes after the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from opportune.storage import Kind, verify_storage
from opportune.storage.postgres import PostgresStorage
from tests.postgres import need_postgres

WRITER = str(Path(__file__).with_name("write_shared.py"))
PROCESSES = 4


def _run(url: str, seconds: float, mode: str) -> list[tuple[int, int, int]]:
    """(sent, first, failed) of every process."""
    command = [sys.executable, WRITER, url]
    writers = [
        subprocess.Popen([*command, str(seed), str(seconds), mode], stdout=subprocess.PIPE, text=True)
        for seed in range(PROCESSES)
    ]
    outputs = [writer.communicate(timeout=seconds + 60)[0] for writer in writers]
    assert all(writer.returncode == 0 for writer in writers)
    return [(int(sent), int(first), int(failed)) for sent, first, failed in (output.split() for output in outputs)]


@pytest.mark.parametrize("seconds", [1, pytest.param(60, marks=pytest.mark.full)])
def test_processes_that_write_at_once_have_one_journal(seconds: float) -> None:
    url = need_postgres().database()

    results = _run(url, seconds, "full")

    with PostgresStorage(url) as storage:
        assert verify_storage(storage) == []
        entries = storage.journal(limit=1_000_000)
        counts = storage.counts()
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    assert len({(entry.kind, entry.id) for entry in entries}) == len(entries)
    assert all(sent > 20 and failed == 0 for sent, _, failed in results)
    reports = sum(entry.kind is Kind.OUTCOME for entry in entries)
    # Every report is an entry, also one that says what another one said before.
    assert sum(first for _, first, _ in results) == len(entries) - (reports - counts.outcomes)
    sent = sum(sent for sent, _, _ in results)
    assert counts.repeats + counts.conflicts + counts.outcomes_refused == sent - len(entries)


def test_writers_that_do_not_wait_for_their_turn_are_noticed() -> None:
    server = need_postgres()

    # Their turns have to fall between one another's reads and writes, which is up to the machine.
    runs = (_run(server.database(), 1, "unlocked") for _ in range(10))
    assert any(failed for results in runs for _, _, failed in results)
