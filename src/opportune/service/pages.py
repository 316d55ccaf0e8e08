"""Large pages of memory: a decision touches thousands of small ones, and finding each of them takes time."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

__all__ = ["join_pages"]

SETTINGS = Path("/sys/kernel/mm/transparent_hugepage")
MAPS = Path("/proc/self/maps")
COLLAPSE = 25
"""MADV_COLLAPSE of Linux 6.1: lay small pages together now, whatever the system does by itself."""


def join_pages() -> int:
    """Lay all that is in memory now together in large pages; give how many.

    It takes hardly more memory, and a few milliseconds per page. Where the system has none or wants none, nothing
    happens.
    """
    try:
        if "[never]" in (SETTINGS / "enabled").read_text():
            return 0
        size = int((SETTINGS / "hpage_pmd_size").read_text())
        regions = [*_regions()]
    except (OSError, ValueError):
        return 0
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    starts = (start for begin, end in regions for start in range(-(-begin // size) * size, end - size + 1, size))
    return sum(advise(start, size, COLLAPSE) == 0 for start in starts)


def _regions() -> Iterator[tuple[int, int]]:
    """Where the process keeps what it reads and writes and no file or stack stands behind."""
    for line in MAPS.read_text().splitlines():
        span, rights, _, _, _, *name = line.split()
        if rights == "rw-p" and (not name or name == ["[heap]"]):
            begin, end = span.split("-")
            yield int(begin, 16), int(end, 16)
