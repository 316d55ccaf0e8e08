"""Bounds and ports of a running service, with their defaults."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

__all__ = ["Settings", "wall_clock"]


def wall_clock() -> datetime:
    """Give the time of the machine, aware, in UTC."""
    return datetime.now(UTC)


HOSTS_VARIABLE = "OPPORTUNE_SOURCE_HOSTS"


def _hosts(text: str) -> frozenset[str]:
    return frozenset(host.strip() for host in text.split(",") if host.strip())


@dataclass(frozen=True, slots=True)
class Settings:
    """Bounds and ports of a runtime.

    Args:
        kernel: "auto", "numpy" or "numba".
        profiles_max: profiles kept in memory.
        entries_max: contacts and events of persons kept in memory.
        decisions_max: recent decisions kept in memory for the outcomes that will answer them.
        lessons_per_slice: outcomes learned before decisions get their turn again, at most.
        checkpoint_lessons: outcomes learned between two checkpoints of the model, at most.
        checkpoint_seconds: time between two checkpoints while something is learned.
        sweep_seconds: time between two looks for elapsed response windows.
        source_hosts: hosts that sources of the context may ask, such as weather.example.com or 127.0.0.1:8000; those of
            the variable OPPORTUNE_SOURCE_HOSTS, separated by commas, if left out.
        token_key: key of signed tokens, at least 32 bytes; None takes one that the store keeps.
        clock: gives the time, aware.
        new_id: makes ids for writes whose caller gave none.
    """

    kernel: str = "auto"
    profiles_max: int = 100_000
    entries_max: int = 300_000
    decisions_max: int = 20_000
    lessons_per_slice: int = 20
    checkpoint_lessons: int = 10_000
    checkpoint_seconds: float = 60.0
    sweep_seconds: float = 1.0
    source_hosts: frozenset[str] = field(default_factory=lambda: _hosts(os.environ.get(HOSTS_VARIABLE, "")))
    token_key: bytes | None = field(default=None, repr=False)
    clock: Callable[[], datetime] = wall_clock
    new_id: Callable[[], str] = lambda: uuid4().hex
