"""Which attributes of a profile cannot be relied on at a moment: too old, not there, or not what the project takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from opportune.customers.quality.kinds import Kind
from opportune.decide.limits.windows import DAY, MICRO, Length
from opportune.records import Facts

__all__ = ["Freshness", "Lasting", "doubt"]

FOREVER = 2**63 - 1


class Lasting(NamedTuple):
    """Doubts of a profile, in the order of their names, and the moment from which on there may be others."""

    doubts: tuple[str, ...]
    until: int


def doubt(name: str, kind: Kind) -> str:
    """Name an input that is in doubt, with a word of why."""
    return f"{name}: {kind}"


class Freshness:
    """How long attributes of customers can be relied on.

    Args:
        lengths: name of the attribute → how long after it was set.
    """

    def __init__(self, lengths: Mapping[str, Length]) -> None:
        self._lengths = {name: (f"customer.{name}", length) for name, length in lengths.items()}

    @property
    def is_empty(self) -> bool:
        """Whether no attribute ever gets old."""
        return not self._lengths

    def doubts(self, facts: Facts, times: Mapping[str, int], unfit: Iterable[str], at: int, zone: str) -> Lasting:
        """Say which attributes of a known person are in doubt.

        Args:
            facts: of the profile, keys "customer.<name>".
            times: name of the attribute → when it was set, in microseconds; a value without is taken as old.
            unfit: names of stored attributes that the project does not take.
            at: moment of the decision, in microseconds.
            zone: whose calendar counts days.
        """
        found = [doubt(f"customer.{name}", "unfit") for name in unfit]
        ends: dict[tuple[Length, int], int] = {}
        until = FOREVER
        for name, (key, length) in self._lengths.items():
            if key not in facts:
                found.append(doubt(key, "missing"))
                continue
            set_at = times.get(name)
            end = 0
            if set_at is not None:
                # Most attributes of a profile were set together, and last equally long.
                end = ends.get((length, set_at)) or _end(length, set_at, at, zone)
                ends[length, set_at] = end
            if end <= at:
                found.append(doubt(key, "stale"))
            else:
                until = min(until, end)
        return Lasting(tuple(sorted(found)), until)


def _end(length: Length, set_at: int, at: int, zone: str) -> int:
    """Give when a value gets old; where that is far from `at`, a moment on the same side of it that is found sooner."""
    most = length.seconds_most
    least = 2 * (length.days * DAY + length.seconds) - most
    if at < set_at + least * MICRO:
        return set_at + least * MICRO
    latest = set_at + most * MICRO
    return latest if at >= latest else length.after(set_at, zone)
