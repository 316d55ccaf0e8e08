"""Killing writers, or crashing the server under them, loses nothing acknowledged and does nothing twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from opportune.storage import verify_storage
from opportune.storage.postgres import PostgresStorage
from tests.postgres import PostgresServer, need_postgres

from .harness import kill_loop

WRITER = str(Path(__file__).with_name("write_to_postgres.py"))


class _Writer:
    """A writing process whose acknowledgements can be read while it runs."""

    def __init__(self, url: str, mode: str, run: str) -> None:
        self.acked: set[str] = set()
        self._rest = b""
        self._process = subprocess.Popen([sys.executable, WRITER, url, mode, run], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._output = self._process.stdout
        os.set_blocking(self._output.fileno(), False)

    def read(self) -> int:
        """Take what it has acknowledged since the last call; return how much."""
        assert self._process.poll() is None, "the writer ended"
        *lines, self._rest = (self._rest + (self._output.read() or b"")).split(b"\n")
        self.acked.update(line.decode() for line in lines)
        return len(lines)

    def wait(self, seconds: float = 20) -> None:
        """Wait for something acknowledged from now on."""
        self.read()
        end = time.monotonic() + seconds
        while not self.read():
            assert time.monotonic() < end, "the writer acknowledges nothing"
            time.sleep(0.005)

    def run(self, seconds: float) -> None:
        """Let it work, and read all the time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read()
            time.sleep(0.005)

    def kill(self) -> None:
        """End it at once; what its pipe still holds was acknowledged."""
        if self._output.closed:
            return
        self._process.kill()
        self._process.wait(30)
        *lines, _ = (self._rest + (self._output.read() or b"")).split(b"\n")
        self.acked.update(line.decode() for line in lines)
        self._output.close()


@contextmanager
def _writing(url: str, mode: str = "full", run: str = "beside") -> Iterator[_Writer]:
    writer = _Writer(url, mode, run)
    try:
        writer.wait()
        yield writer
    finally:
        writer.kill()


def _stored(url: str) -> set[str]:
    """ "kind id" of every entry; asserts that the store is sound, without gaps, and holds none twice."""
    with PostgresStorage(url) as storage:
        assert verify_storage(storage) == []
        entries = storage.journal(limit=1_000_000)
        assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
        ids = [f"{entry.kind} {entry.id}" for entry in entries]
        assert len(ids) == len(set(ids))
        counts = storage.counts()
        assert counts.decisions + counts.outcomes == len(entries)
        return set(ids)


@pytest.mark.parametrize("kills", [3, pytest.param(150, marks=pytest.mark.full)])
def test_a_killed_writer_loses_nothing_and_holds_up_nobody(kills: int) -> None:
    url = need_postgres().database()

    with _writing(url) as beside:

        def check(number: int, acked: set[str]) -> None:
            beside.wait(10)

        acked = kill_loop([sys.executable, WRITER, url, "full"], kills, seed=1, check=check, seconds=(0.02, 0.2))
    stored = _stored(url)

    assert len(acked) > kills * 2
    assert acked - stored == set()
    assert beside.acked - stored == set()


@pytest.mark.parametrize("crashes", [2, pytest.param(50, marks=pytest.mark.full)])
def test_a_crashed_server_loses_nothing_and_writers_go_on_by_themselves(crashes: int) -> None:
    server, chance = need_postgres(), random.Random(2)
    url = server.database()

    with _writing(url, run="a") as one, _writing(url, run="b") as other:
        for _ in range(crashes):
            one.run(chance.uniform(0.05, 0.3))
            server.stop("immediate")
            one.run(chance.uniform(0.0, 0.1))
            server.start()
            one.wait(10)
            other.wait(10)
    stored = _stored(url)

    assert len(one.acked) > crashes * 2
    assert (one.acked | other.acked) - stored == set()


def test_the_kill_loop_notices_acknowledgement_before_the_write() -> None:
    server = need_postgres()

    # Each kill may come between an acknowledgement's write and the next acknowledgement.
    assert any(_kill_loses(server.database(), seed) for seed in range(10))


def _kill_loses(url: str, seed: int) -> bool:
    acked = kill_loop([sys.executable, WRITER, url, "early"], 3, seed=seed, check=lambda number, acked: None)
    return bool(acked - _stored(url))


def test_the_crash_notices_commits_that_are_not_flushed() -> None:
    server = need_postgres()
    url = server.database()

    assert any(_crash_loses(server, url, f"beside{number}") for number in range(10))


def _crash_loses(server: PostgresServer, url: str, run: str) -> bool:
    """Crash once under a careless writer; a crash right after the server wrote its log by itself loses nothing."""
    with _writing(url, "careless", run) as writer:
        writer.run(0.4)
        server.stop("immediate")
        writer.kill()
        server.start()
    return bool(writer.acked - _stored(url))
