"""A loss of power at any moment loses nothing that was acknowledged."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from opportune.errors import DamageError
from opportune.storage import SqliteStorage
from opportune.testing.storage import accept, save_decision

from .disk import Acked
from .harness import cut_power, read_trace, run_traced
from .recording import RecordingFiles
from .stores import stored_ids

WRITER = str(Path(__file__).with_name("write_outcomes.py"))


def _acks(path: str, data: bytes) -> Iterable[str]:
    """Lines of standard output."""
    text = data.decode("utf-8", "replace")
    return [text.strip()] if text.startswith(("decision ", "outcome ")) else []


def _flushed(cut: Path) -> set[str]:
    return stored_ids(cut / "store.db")


def _not_flushed(cut: Path) -> set[str]:
    """What is there; nothing where the store itself notices what it lost, and does not open."""
    try:
        return _flushed(cut)
    except DamageError:
        return set()


STORED = {"full": _flushed, "normal": _not_flushed}


def _losses(folder: Path, mode: str, cuts: int) -> list[set[str]]:
    data = folder / "data"
    data.mkdir()
    run_traced([sys.executable, WRITER, str(data / "store.db"), "150", mode, "run"], folder / "trace")
    trace = read_trace(folder / "trace", str(data), _acks)
    return cut_power(trace, cuts, 7, str(data), folder / "cuts", STORED[mode])


@pytest.mark.parametrize("cuts", [30, pytest.param(300, marks=pytest.mark.full)])
def test_power_loss_loses_nothing_acknowledged(tmp_path: Path, cuts: int) -> None:
    losses = _losses(tmp_path, "full", cuts)

    assert len(losses) == cuts
    assert [lost for lost in losses if lost] == []


def test_power_loss_notices_commits_that_are_not_flushed(tmp_path: Path) -> None:
    losses = _losses(tmp_path, "normal", 60)

    assert sum(bool(lost) for lost in losses) > 10


def _losses_of_service(folder: Path, mode: str, cuts: int) -> list[set[str]]:
    data = folder / "data"
    data.mkdir()
    sender = [sys.executable, "-m", "tests.reliability.serve_and_send", str(data / "store.db"), "160", mode]
    run_traced(sender, folder / "trace")
    trace = read_trace(folder / "trace", str(data), _acks)
    return cut_power(trace, cuts, 7, str(data), folder / "cuts", STORED[mode])


@pytest.mark.parametrize("cuts", [30, pytest.param(300, marks=pytest.mark.full)])
def test_power_loss_of_the_service_loses_nothing_acknowledged(tmp_path: Path, cuts: int) -> None:
    losses = _losses_of_service(tmp_path, "full", cuts)

    assert len(losses) == cuts
    assert [lost for lost in losses if lost] == []


def test_power_loss_of_a_service_that_does_not_flush_is_noticed(tmp_path: Path) -> None:
    losses = _losses_of_service(tmp_path, "normal", 60)

    assert sum(bool(lost) for lost in losses) > 10


def _losses_in_process(folder: Path, mode: str, cuts: int) -> list[set[str]]:
    data = folder / "data"
    with RecordingFiles() as files, SqliteStorage(data / "store.db") as storage:
        assert storage._writer is not None
        storage._writer.execute(f"pragma synchronous = {mode}")
        for first in range(0, 400, 4):
            keys = [f"k{number}" for number in range(first, first + 4)]
            storage.write([save_decision(key) for key in keys])
            storage.write([accept(key, f"d-{key}") for key in keys])
            files.trace.append(Acked(tuple(f"{kind} {key}" for key in keys for kind in ("decision", "outcome"))))
    return cut_power(files.trace, cuts, 11, str(data), folder / "cuts", STORED[mode])


@pytest.mark.parametrize("cuts", [30, pytest.param(1_000, marks=pytest.mark.full)])
def test_power_loss_in_process_loses_nothing_acknowledged(tmp_path: Path, cuts: int) -> None:
    assert [lost for lost in _losses_in_process(tmp_path, "full", cuts) if lost] == []


def test_power_loss_in_process_notices_commits_that_are_not_flushed(tmp_path: Path) -> None:
    assert sum(bool(lost) for lost in _losses_in_process(tmp_path, "normal", 30)) > 5
