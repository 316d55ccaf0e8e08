"""Runs the real service and sends it decisions and outcomes; says on its standard output what was acknowledged.

Usage: python -m tests.reliability.serve_and_send STORE COUNT MODE

MODE is "full", the service as it is; for the negative control "normal" (synchronous=NORMAL).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading

import httpx

from tests.service.shop import PROJECT, decision

CLIENTS = 4
SERVICE = {
    "full": ["-m", "opportune.cli"],
    "normal": ["-m", "tests.reliability.careless_service"],
}


def main(store: str, count: int, mode: str) -> None:
    """Send `count` decisions, each with one outcome."""
    options = ["serve", str(PROJECT), "--store", store, "--port", "0", "--kernel", "numpy"]
    command = [sys.executable, *SERVICE[mode], *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, bufsize=1) as service:
        assert service.stderr is not None
        url = next(found[0] for line in service.stderr if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        clients = [threading.Thread(target=send, args=(url, name, count // CLIENTS)) for name in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        service.send_signal(signal.SIGKILL)


def send(url: str, name: int, count: int) -> None:
    """Send one client's share, one request after the other."""
    with httpx.Client(base_url=url, timeout=60) as client:
        for number in range(count):
            key = f"{name}-{number}"
            answer = client.post("/v1/decisions", json=decision(key), headers={"Opportune-Deadline-Ms": "30000"})
            acknowledge(answer, f"decision {key}")
            spoken = {"id": key, "decision": answer.json()["id"], "action": "water", "outcome": "accept"}
            acknowledge(client.post("/v1/outcomes", json=spoken), f"outcome {key}")


def acknowledge(answer: httpx.Response, line: str) -> None:
    """Write the line once the answer is there and good; a fallback answer promises no record."""
    answer.raise_for_status()
    if answer.json().get("degraded") is None:
        os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
