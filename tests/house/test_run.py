"""The one script explains itself, refuses what it does not know and says what it needs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path


def run(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [root / "run", *arguments], capture_output=True, text=True, timeout=30, check=False, env=environment or None
    )


def test_help_names_every_command(root: Path) -> None:
    script = (root / "run").read_text()
    cases = script.partition('case "$command" in')[2]
    commands = {word for line in re.findall(r"^    ([a-z |]+)\)$", cases, re.M) for word in line.split(" | ")}

    answer = run(root, "help")

    assert answer.returncode == 0
    assert "test" in commands
    assert all(f"\n  {command} " in answer.stdout for command in commands)


def test_an_unknown_command_is_refused_with_the_list_of_commands(root: Path) -> None:
    answer = run(root, "tset")

    assert answer.returncode == 2
    assert "unknown command 'tset'" in answer.stderr
    assert "usage: ./run" in answer.stderr


def test_without_a_new_enough_python_it_says_so(root: Path, tmp_path: Path) -> None:
    checkout, tools = tmp_path / "checkout", tmp_path / "tools"
    (checkout / "requirements").mkdir(parents=True)
    tools.mkdir()
    for file in ("run", "pyproject.toml", "requirements/dev.txt"):
        (checkout / file).write_bytes((root / file).read_bytes())
    (checkout / "run").chmod(0o755)
    (tools / "python3").write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.8.1 && exit 0\nexit 1\n')
    (tools / "python3").chmod(0o755)
    for tool in ("bash", "dirname", "cat", "sha256sum", "shasum"):
        for place in (Path("/usr/bin") / tool, Path("/bin") / tool):
            if place.exists() and not (tools / tool).exists():
                (tools / tool).symlink_to(place)

    answer = run(checkout, "check", PATH=str(tools))

    assert answer.returncode == 2
    assert "expected Python 3.11 or newer on the PATH, found Python 3.8.1" in answer.stderr
