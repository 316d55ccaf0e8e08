"""Decisions made a moment ago, remembered for the outcomes that will answer them."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from opportune.records import Decision, Origin

__all__ = ["RecentDecisions", "Remembered", "ShownPlace", "origin_of"]


class ShownPlace(msgspec.Struct, frozen=True, gc=False):
    """One action that a decision showed, or withheld."""

    action: str
    treatment: str
    placement: str


class Remembered(msgspec.Struct, frozen=True, gc=False):
    """What an outcome needs of its decision; `origin` says who chose what it shows.

    Thousands are remembered: without a place for cycles the garbage collector need not look at any.
    """

    channel: str
    shown: tuple[ShownPlace, ...]
    origin: Origin

    @classmethod
    def of(cls, decision: Decision) -> Remembered:
        """Keep the part of a decision that outcomes need."""
        shown = tuple(
            ShownPlace(one.action, one.treatment, placement.name)
            for placement in (*decision.placements, *decision.withheld)
            for one in placement.actions
        )
        return cls(decision.request.channel, shown, origin_of(decision))


def origin_of(decision: Decision) -> Origin:
    """Say who chose what a decision shows."""
    if decision.degraded is not None:
        return Origin.FALLBACK
    return Origin.CONTROL if decision.control is not None else Origin.ENGINE


class RecentDecisions:
    """The last decisions by id, the oldest forgotten first.

    Args:
        size: how many are kept.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._decisions: OrderedDict[str, Remembered] = OrderedDict()

    def get(self, decision: str) -> Remembered | None:
        """Find a decision that is still remembered."""
        return self._decisions.get(decision)

    def put(self, decision: str, remembered: Remembered) -> None:
        """Remember a decision; one that is remembered already stays as it is."""
        if decision in self._decisions:
            return
        self._decisions[decision] = remembered
        if len(self._decisions) > self._size:
            self._decisions.popitem(last=False)
