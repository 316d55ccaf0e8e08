"""What all commands share: help, exit codes, output, and how they fail."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from opportune.cli.main import COMMANDS
from tests.cli.conftest import Run
from tests.service.fleet import wait_for
from tests.service.shop import PROJECT


def test_without_a_command_the_help_lists_all(run: Run) -> None:
    ended = run()

    assert ended.code == 2
    assert all(re.search(rf"\b{name}\b", ended.out + ended.err) for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(run: Run, name: str) -> None:
    ended = run(name, "--help")

    assert ended.code == 0
    assert "Usage: " in ended.out


def test_it_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "opportune.cli", "--version"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert (ended.returncode, ended.stdout.split()[0]) == (0, "opportune")


PROGRAM = [sys.executable, "-m", "opportune.cli"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("arguments", [["--help"], ["check", str(PROJECT)], ["decide", str(PROJECT), "--json"]])
def test_an_output_that_takes_nothing_is_named(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )

    assert ended.returncode == 2
    assert ended.stderr.startswith("opportune: the output could not be written: ")
    assert ended.stderr.count("\n") == 1


def test_an_output_without_our_signs_gets_what_it_can_print(run: Run, tmp_path: Path) -> None:
    run("init", "shop")
    file = tmp_path / "shop" / "actions" / "plans" / "plus_plan.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("Most of the data is still unused", '"Zażółć :x: [red]"'), encoding="utf-8")
    contact = '{"customer": {"age": 41, "plan": "basic", "data_used_percent": 3}}'
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}

    lines, whole = (
        subprocess.run(
            [*PROGRAM, "decide", str(tmp_path / "shop"), contact, *options],
            capture_output=True,
            env=environment,
            check=True,
            timeout=60,
        ).stdout.decode("ascii")
        for options in ([], ["--json"])
    )

    assert "Za???? :x: [red]" in lines
    assert "Zażółć :x: [red]" in str(json.loads(whole))


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3])
def test_an_interrupt_while_it_loads_leaves_without_a_trace(delay: float) -> None:
    with subprocess.Popen([*PROGRAM, "serve", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        # Before a library of ours is there, Python itself is loading, and tells of the interrupt.
        wait_for(lambda: "msgspec" in Path(f"/proc/{process.pid}/maps").read_text(), 30, 0.002)
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)

    # Python itself ends by the signal where it comes while the finished program is put away.
    assert process.returncode in (0, 130, -signal.SIGINT)
    assert told == b""


@pytest.mark.parametrize(
    "arguments", [("nope",), ("check",), ("check", PROJECT, "--nope"), ("serve", PROJECT, "--port", "99999")]
)
def test_wrong_use_exits_with_2(run: Run, arguments: tuple[object, ...]) -> None:
    assert run(*arguments).code == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("check", "nowhere"), 1),
        (("verify", "--store", "none.db"), 2),
        (("check",), 2),
        (("decide", PROJECT, "--at", "x"), 1),
    ],
)
def test_with_json_problems_are_json_too(run: Run, arguments: tuple[object, ...], code: int) -> None:
    ended = run(*arguments, "--json")

    assert (ended.code, ended.err) == (code, "")
    assert ended.json["problems"][0]["message"]


def test_an_internal_error_is_one_line_without_values(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("c-001 is 41 years old")

    monkeypatch.setattr("opportune.cli.check.check_directory", broken)

    ended = run("check", PROJECT)

    assert ended.code == 2
    assert re.fullmatch(r"opportune: internal error \(ValueError at .*:\d+\); please report it\n", ended.err)


def test_a_user_who_may_write_nowhere_is_told_where_compiled_code_may_go(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def uncached(*_: object, **__: object) -> None:
        raise RuntimeError("cannot cache function 'to_half': no locator available for file 'narrow_numba.py'")

    monkeypatch.setattr("opportune.cli.check.check_directory", uncached)

    ended = run("check", PROJECT)

    assert ended.code == 2
    assert "NUMBA_CACHE_DIR" in ended.err
    assert "internal error" not in ended.err


@pytest.mark.parametrize("arguments", [["init", "--help"], ["decide", str(PROJECT), "--json"]])
def test_a_reader_that_leaves_early_is_no_error(arguments: list[str]) -> None:
    program = [sys.executable, "-m", "opportune.cli", *arguments]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_messages_name_the_program_as_it_was_started(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPPORTUNE_COMMAND", "./run opportune")

    assert "./run opportune check shop" in run("init", "shop").out
    assert "Usage: ./run opportune check" in run("check", "--help").out


def test_every_summary_fits_on_its_line(run: Run) -> None:
    summaries = re.findall(rf"(?m)^  (?:{'|'.join(COMMANDS)}) +(.*)$", run("--help").out)

    assert len(summaries) == len(COMMANDS)
    assert all(len(summary) <= 60 and not summary.endswith("...") for summary in summaries)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "example.test", "::"])
def test_serve_listens_on_loopback_unless_told_twice(run: Run, host: str) -> None:
    ended = run("serve", PROJECT, "--host", host)

    assert ended.code == 2
    assert "--open-to-network" in ended.err
