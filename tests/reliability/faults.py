"""Steady callers, what goes wrong meanwhile, and how the answers looked."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from benchmarks.load import Load, http_post
from tests.service.shop import decision

__all__ = ["DEADLINE_SECONDS", "Callers", "Spell", "StoreFaults", "steady_rate", "store_faults"]

DEADLINE_SECONDS = 0.1
SLACK_SECONDS = 0.02
CONNECTIONS = 128
CUSTOMERS = 50
RATE = 300.0
HALVINGS = 4


class StoreFaults:
    """A proxy before the store."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self.port = port

    def set(self, fault: str) -> None:
        """Let it go wrong in one way, or "pass"; returns when it does."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(fault + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"


@contextmanager
def store_faults(host: str, port: int) -> Iterator[StoreFaults]:
    """Run a proxy before a server."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        own: int = free.getsockname()[1]
    command = [sys.executable, str(Path(__file__).with_name("fault_proxy.py")), str(own), host, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield StoreFaults(process, own)
        finally:
            process.terminate()


@dataclass(frozen=True)
class Spell:
    """What came of some seconds of calls.

    Args:
        latencies: seconds of every call; infinite where there was no answer of a decision.
        reasons: reason of degradation → answers; "none" where the engine decided, an HTTP status where it was refused.
    """

    latencies: npt.NDArray[np.float64]
    reasons: dict[str, int]

    def in_time(self, hiccup: float) -> float:
        """Share of calls that were answered within the deadline, the slack and what the machine itself took."""
        return float(np.mean(self.latencies <= DEADLINE_SECONDS + SLACK_SECONDS + hiccup))

    @property
    def is_answered(self) -> bool:
        return bool(np.isfinite(self.latencies).all())

    @property
    def is_normal(self) -> bool:
        """Whether the engine decides (nearly) everything again."""
        return self.is_answered and self.reasons.get("none", 0) >= 0.99 * len(self.latencies)

    def __str__(self) -> str:
        late = float(np.mean(self.latencies > DEADLINE_SECONDS + SLACK_SECONDS))
        return (
            f"{len(self.latencies)} calls, {late:.3%} late, slowest {self.latencies.max() * 1e3:.0f} ms, {self.reasons}"
        )


class Callers:
    """Decisions at a steady rate.

    Args:
        deadline_ms: what every call asks for.
    """

    def __init__(self, port: int, rate: float, deadline_ms: float = DEADLINE_SECONDS * 1000) -> None:
        self._load = Load("127.0.0.1", port, CONNECTIONS, resends=True)
        self._rate = rate
        self._header = b"\r\nopportune-deadline-ms: %d\r\n\r\n" % deadline_ms
        self._reasons: Counter[str] = Counter()
        self._sent = 0
        # An id that was used before gets its first answer again.
        self._name = uuid4().hex
        self.answered: list[str] = []
        """Requests that got an answer."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._load.close()

    def call(self, seconds: float) -> Spell:
        """Ask for so long."""
        self._reasons.clear()
        result = self._load.run(self._request, self._is_answer, self._rate, seconds)
        missing = np.full(result.unanswered + result.errors, np.inf)
        return Spell(np.concatenate([result.latencies, missing]), dict(self._reasons))

    def _request(self, number: int) -> bytes:
        self._sent += 1
        body: dict[str, Any] = decision(f"{self._name}-{self._sent}", customer=f"c-{self._sent % CUSTOMERS}")
        head, _, rest = http_post("/v1/decisions", json.dumps(body).encode(), "shop").partition(b"\r\n\r\n")
        return head + self._header + rest

    def _is_answer(self, answer: bytes) -> bool:
        found = re.search(rb'"degraded":(null|"([a-z-]+)")', answer)
        if found is None or not answer.startswith(b"HTTP/1.1 200"):
            self._reasons[answer[9:12].decode()] += 1
            return False
        self._reasons[(found[2] or b"none").decode()] += 1
        self.answered.append(answer[answer.index(b'"id":"') + 6 :][:34].decode())
        return True


def steady_rate(port: int) -> float:
    """Give a rate that is borne while nothing is wrong: lower than usual where much else runs on the machine.

    A service that has no time left as it is would be overloaded by any fault, and shows nothing of it.
    """
    for halvings in range(HALVINGS + 1):
        rate = RATE / 2**halvings
        with Callers(port, rate) as callers:
            callers.call(0.3)
            found = callers.call(0.7)
        if found.is_normal:
            return rate / 2 if halvings else rate
    raise AssertionError(f"not itself at {rate:.0f} calls a second, though nothing is wrong: {found}")
