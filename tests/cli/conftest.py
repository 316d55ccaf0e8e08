"""Running a command in this process, and a store to run it on."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.service.shop import Service, serving


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, read as JSON."""
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command in this process, in an empty folder."""
    import typer

    from opportune.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run_command(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["opportune", *map(str, arguments)])
        monkeypatch.setattr(main.__globals__["app"], "registered_commands", [])
        monkeypatch.setattr(main.__globals__["app"], "registered_groups", [])
        try:
            main()
            code = 0
        except (SystemExit, typer.Exit) as end:
            code = int(getattr(end, "code", None) or getattr(end, "exit_code", 0) or 0)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Ended(code, captured.out, captured.err)

    return run_command


def fill(service: Service, decisions: int) -> list[str]:
    ids = []
    for number in range(decisions):
        answer = service.decide(f"r-{number}")
        outcome = {"decision": answer["id"], "action": "water", "outcome": "accept" if number % 2 else "reject"}
        service.call("POST", "/v1/outcomes", {"id": f"o-{number}", **outcome})
        ids.append(answer["id"])
    service.settle()
    return ids


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with a hundred answers, of two runs of the service."""
    for _ in range(2):
        with serving(tmp_path / "shop.db") as service:
            fill(service, 50)
    return tmp_path / "shop.db"
