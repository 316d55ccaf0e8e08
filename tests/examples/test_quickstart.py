"""The quickstart does what it says: its files are saved and its commands run, in order, in an empty folder."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "quickstart.md"
STEP = re.compile(r"Save this as `(?P<file>[^`]+)`.*?\n```\w+\n(?P<text>.*?)```|```console\n(?P<commands>.*?)```", re.S)
PAGE_URL = "http://127.0.0.1:8080"
PRODUCT = [sys.executable, "-c", "from opportune.cli import main; main()"]


def steps() -> Iterator[tuple[str, str]]:
    """Give ("save <file>", text) and (command, "") in the order of the page."""
    for step in STEP.finditer(PAGE.read_text(encoding="utf-8")):
        if step["file"]:
            yield f"save {step['file']}", step["text"]
        else:
            for line in step["commands"].splitlines():
                yield line.removeprefix("$ "), ""


def run_product(arguments: list[str], folder: Path) -> str:
    done = subprocess.run([*PRODUCT, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def serving(arguments: list[str], folder: Path) -> Iterator[httpx.Client]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    service = subprocess.Popen(
        [*PRODUCT, "serve", *arguments, "--port", str(port)], cwd=folder, stderr=subprocess.DEVNULL
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            wait_until_ready(http)
            yield http
    finally:
        service.terminate()
        service.wait(timeout=30)


def wait_until_ready(http: httpx.Client) -> None:
    for _ in range(600):
        try:
            if http.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the service was not ready within a minute")


def curl(words: list[str], http: httpx.Client) -> str:
    """Send what a curl command line would send."""
    path = next(word for word in words if word.startswith("localhost:8080")).removeprefix("localhost:8080")
    body = words[words.index("-d") + 1] if "-d" in words else None
    method = words[words.index("-X") + 1] if "-X" in words else "POST" if body else "GET"
    answer = http.request(method, path, content=body, headers={"content-type": "application/json"})
    assert answer.is_success, answer.text
    return answer.text


def follow(command: str, text: str, folder: Path, http: httpx.Client | None = None) -> str:
    """Do one step of the page, and give what it printed."""
    if command.startswith("save "):
        (folder / command.removeprefix("save ")).write_text(text, encoding="utf-8")
        return ""
    words = shlex.split(command)
    if http is not None:
        words = [word.replace(PAGE_URL, str(http.base_url)) for word in words]
    if words[2:3] == ["publish"]:
        raise_margin(folder)
    return curl(words, http) if http is not None and words[0] == "curl" else run_product(words[2:], folder)


def raise_margin(folder: Path) -> None:
    """Do what the page says in words before it publishes."""
    file = folder / "my-shop/actions/plans/device_insurance.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r"(margin: .*?)(\d)", r"\g<1>1\2", text, count=1), encoding="utf-8")


def accepted(answer: str) -> float:
    """Give the propensity that the insurance is accepted."""
    (shown,) = json.loads(answer)["placements"][0]["actions"]
    assert shown["action"] == "device_insurance"
    return float(shown["propensity"]["accept"])


def test_a_newcomer_gets_from_nothing_to_their_own_action_in_a_decision(tmp_path: Path) -> None:
    said: dict[str, str] = {}
    commands = list(steps())
    served = next(index for index, (command, _) in enumerate(commands) if command.startswith("./run serve"))
    stopped = next(index for index, (command, _) in enumerate(commands) if command == "save customers.csv")

    for command, text in commands[:served]:
        said[command] = follow(command, text, tmp_path)
    with serving(shlex.split(commands[served][0])[2:], tmp_path) as http:
        for command, text in commands[served + 1 : stopped]:
            said[command] = follow(command, text, tmp_path, http)
    for command, text in commands[stopped:]:
        said[command] = follow(command, text, tmp_path)

    before, after = (accepted(answer) for command, answer in said.items() if "/v1/decisions" in command)
    assert before == pytest.approx(0.29, abs=0.01)
    assert after == pytest.approx(2 * before, rel=0.15)
    assert "higher margin" in said["./run opportune revisions"]
    assert next(answer for command, answer in said.items() if "rollback" in command)
    assert "device_insurance" in next(answer for command, answer in said.items() if "/v1/models" in command)
    assert "outcomes so far: device_insurance accept" in said["./run opportune explain contact-1"]
    assert "2 rows imported, 2 new customers among them" in said["./run opportune import my-shop customers.csv"]
    assert "equal to the served model" in said["./run opportune replay"]
    assert "No problems" in said["./run opportune verify"]
