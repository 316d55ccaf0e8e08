"""docs/benchmarks.md: each benchmark writes between its own markers."""

from __future__ import annotations

import os
import platform
from pathlib import Path

__all__ = ["PAGE", "machine", "replace"]

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def machine() -> str:
    """Describe this machine in one line."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    )


def replace(page: Path, section: str, text: str) -> None:
    """Put `text` between the markers of `section`.

    Raises:
        ValueError: the page lacks the markers.
    """
    begin, end = f"<!-- {section}:begin -->", f"<!-- {section}:end -->"
    whole = page.read_text()
    before, found, rest = whole.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{page}: expected the markers {begin} and {end}; write them where the table belongs")
    page.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}")
