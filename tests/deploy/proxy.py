"""The real HAProxy with the configuration that is shipped, in front of processes that the test starts."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

__all__ = ["CONFIGURATION", "Proxy", "environment", "need_haproxy", "proxied"]

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "haproxy.cfg"


def need_haproxy() -> str:
    """Path of HAProxy; skips the test where it is missing, and fails it in continuous integration."""
    path = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
    if path:
        return path
    reason = "haproxy is missing; install the package haproxy to test what stands in front of the service"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def environment(folder: Path, port: int, servers: Sequence[int], fallback: Path) -> dict[str, str]:
    """Give what the configuration is told."""
    return {
        **os.environ,
        "OPPORTUNE_BIND": f"127.0.0.1:{port}",
        "OPPORTUNE_ONE": f"127.0.0.1:{servers[0]}",
        "OPPORTUNE_TWO": f"127.0.0.1:{servers[1]}",
        "OPPORTUNE_FALLBACK": str(fallback),
        "OPPORTUNE_ADMIN": str(folder / "a.sock"),
        "OPPORTUNE_INSIDE": f"opportune-{port}",
    }


class Proxy:
    """A running HAProxy."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port

    def reload(self) -> None:
        """Read configuration and fallback again, as `systemctl reload` does."""
        self.process.send_signal(signal.SIGUSR2)


@contextmanager
def proxied(
    folder: Path, servers: Sequence[int], fallback: Path, change: Callable[[str], str] = lambda text: text
) -> Iterator[Proxy]:
    """Run HAProxy until the end of the block.

    Args:
        servers: ports of two processes.
        change: applied to the configuration, for controls.
    """
    haproxy = need_haproxy()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configuration = folder / "haproxy.cfg"
    configuration.write_text(change(CONFIGURATION.read_text()))
    told = environment(folder, port, servers, fallback)
    with (folder / "haproxy.log").open("wb") as log:
        process = subprocess.Popen([haproxy, "-W", "-f", str(configuration)], env=told, stdout=log, stderr=log)
    try:
        _wait(process, port, folder / "haproxy.log", told)
        yield Proxy(process, port)
    finally:
        process.terminate()
        process.wait(20)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path, told: Mapping[str, str]) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until and process.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=1)
            return
        except httpx.HTTPError:
            time.sleep(0.05)
    raise AssertionError("HAProxy did not start: " + re.sub(r"\s+", " ", log.read_text()))
