"""The part of the page that a whole run writes."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.page import machine

__all__ = ["PAGE", "report"]

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks-learning.md"
PACKAGES = ("numpy", "numba", "vowpalwabbit", "river", "lightgbm", "contextualbandits", "gittins")


def report(tables: Sequence[str], counts: Sequence[str], left_out: Mapping[str, str]) -> str:
    """Join tables and counts under the machine and the versions they were made with."""
    counted, prototype = counts
    lines = [
        f"Machine: {machine()}, two processes at a time.",
        f"Versions: {', '.join(f'{name} {_version(name)}' for name in PACKAGES)}.",
        "Command: `./run bench learning`.",
        "",
        "### Summary",
        "",
        counted,
        "",
        "### Beside the prototype",
        "",
        prototype,
        "",
        "\n\n".join(tables),
        *(["", *(f"Left out: {name}, because {reason}." for name, reason in left_out.items())] if left_out else []),
    ]
    return "\n".join(lines)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"
