"""How long this machine lets a ready process wait: what no program that runs on it can do anything about."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Hiccups", "hiccups"]

_WATCH = """
import sys, threading, time
done = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
longest = 0.0
while not done.is_set():
    before = time.perf_counter()
    time.sleep(0.001)
    longest = max(longest, time.perf_counter() - before - 0.001)
print(longest)
"""


class Hiccups:
    """The longest delay, in seconds; known at the end."""

    longest = 0.0


@contextmanager
def hiccups() -> Iterator[Hiccups]:
    """Watch the machine from a process of its own."""
    found = Hiccups()
    with subprocess.Popen(
        [sys.executable, "-c", _WATCH], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as watcher:
        try:
            yield found
        finally:
            told, _ = watcher.communicate("")
            found.longest = float(told)
