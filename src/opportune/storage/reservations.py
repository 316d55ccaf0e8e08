"""What becomes of a reservation, and what it takes of its stock: pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

__all__ = ["DueLease", "Moved", "ReservationState", "StockCount", "StoredReservation", "next_state"]


class ReservationState(StrEnum):
    """How a reservation stands."""

    RESERVED = "reserved"
    CONFIRMED = "confirmed"
    RELEASED = "released"
    """An outcome gave its units back."""
    EXPIRED = "expired"
    """Its lease ended without an outcome that confirms it."""
    UNMET = "unmet"
    """It was confirmed after it had given its units back, and none were left."""

    @property
    def takes(self) -> bool:
        """Whether its units are taken of the stock."""
        return self in (ReservationState.RESERVED, ReservationState.CONFIRMED)


class Moved(msgspec.Struct, frozen=True, array_like=True):
    """A reservation that is in another state since an entry; `sequence` is that of the decision's entry."""

    sequence: int
    decision: str
    action: str
    treatment: str
    stock: str
    period: str
    units: int
    before: ReservationState
    after: ReservationState


class StockCount(NamedTuple):
    """What is taken of a stock in a period.

    Args:
        sequence: journal entry that changed it last; 0 where nothing was ever taken.
        taken: reserved and confirmed units.
        confirmed: the confirmed ones of them.
        unmet: units that were confirmed too late, when none were left.
    """

    stock: str
    period: str
    sequence: int = 0
    taken: int = 0
    confirmed: int = 0
    unmet: int = 0

    def moved(self, sequence: int, units: int, before: ReservationState | None, after: ReservationState) -> StockCount:
        """Count after a reservation moved from one state to another; None before is a new one."""
        sides = ((before, -units), (after, units))
        return self._replace(
            sequence=sequence,
            taken=self.taken + sum(change for state, change in sides if state is not None and state.takes),
            confirmed=self.confirmed + sum(change for state, change in sides if state == ReservationState.CONFIRMED),
            unmet=self.unmet + sum(change for state, change in sides if state == ReservationState.UNMET),
        )

    def parts(self) -> list[tuple[tuple[str, str, str], int]]:
        """Part it into (what is counted, how many), as the journal proves them."""
        counts = (("taken", self.taken), ("confirmed", self.confirmed), ("unmet", self.unmet))
        return [((self.stock, self.period, what), count) for what, count in counts if count]


class StoredReservation(msgspec.Struct, frozen=True, kw_only=True):
    """A reservation as kept; fields as for `Reserve`.

    Args:
        sequence: journal entry of the decision.
    """

    decision: str
    action: str
    treatment: str
    stock: str
    period: str
    units: int
    lease_until: datetime
    state: ReservationState
    sequence: int


class DueLease(msgspec.Struct, frozen=True, kw_only=True):
    """A reservation whose lease has ended."""

    decision: str
    action: str
    stock: str
    period: str
    lease_until: datetime


def next_state(
    state: ReservationState,
    said: Collection[str],
    confirmed_by: Collection[str],
    released_by: Collection[str],
    *,
    runs: bool,
    fits: bool,
) -> ReservationState:
    """Where a reservation goes when outcomes stand.

    Args:
        said: names of the outcomes of its action that stand.
        confirmed_by, released_by: outcomes that settle it; one that confirms wins.
        runs: whether its lease has not ended.
        fits: whether the stock has its units left, where it takes none now.
    """
    room = state.takes or fits
    if any(outcome in said for outcome in confirmed_by):
        return ReservationState.CONFIRMED if room else ReservationState.UNMET
    if any(outcome in said for outcome in released_by):
        return ReservationState.RELEASED
    if state in (ReservationState.RESERVED, ReservationState.EXPIRED):
        return state
    # What settled it stands no more.
    return ReservationState.RESERVED if runs and room else ReservationState.EXPIRED
