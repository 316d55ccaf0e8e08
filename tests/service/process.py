"""The service as a process of its own."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from .shop import PROJECT

__all__ = ["Running", "exchange", "running"]


class Running:
    """A started service; `ready_seconds` is the time from its start until it took requests.

    Args:
        project: folder of its strategy; None serves what the store says is in use.
    """

    def __init__(
        self, store: Path | str, *options: str, module: str = "opportune.cli", project: Path | None = PROJECT
    ) -> None:
        begin = monotonic()
        folder = [] if project is None else [str(project)]
        command = [sys.executable, "-m", module, "serve", *folder, "--store", str(store)]
        self.process = subprocess.Popen(
            [*command, "--port", "0", "--kernel", "numpy", *options], stderr=subprocess.PIPE, text=True, bufsize=1
        )
        assert self.process.stderr is not None
        self.lines: list[str] = []
        for line in self.process.stderr:
            self.lines.append(line)
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            if found:
                break
        else:
            # Left open, it would be found unclosed in some other test.
            self.process.stderr.close()
            self.process.wait(20)
            raise AssertionError("the service did not start: " + "".join(self.lines))
        self.port = int(found[1])
        self.ready_seconds = monotonic() - begin

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """End it without warning."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to stop; give its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        assert self.process.stderr is not None
        self.lines += self.process.stderr.readlines()
        self.process.stderr.close()
        return self.process.wait(20)


@contextmanager
def running(store: Path, *, project: Path | None = PROJECT) -> Iterator[Running]:
    """Run a service, and end it at the end."""
    service = Running(store, project=project)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.stop()
        if not service.process.stderr.closed:  # type: ignore[union-attr]
            service.process.stderr.close()  # type: ignore[union-attr]


def exchange(port: int, *parts: bytes, timeout: float = 5.0, half_close: bool = True) -> bytes:
    """Send raw bytes on a connection of its own, then read until the service closes or stays silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        answer = b""
        try:
            for part in parts:
                connection.sendall(part)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                answer += piece
        except (TimeoutError, ConnectionResetError, BrokenPipeError):
            pass
        return answer
