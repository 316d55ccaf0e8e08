"""What limits count: stocks, reservations and switches."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from opportune.storage.changes import Wanted, switch_digest
from opportune.storage.entries import from_microseconds, to_microseconds
from opportune.storage.hooks import Hooks
from opportune.storage.reads.kept import damage
from opportune.storage.reservations import DueLease, StockCount, StoredReservation
from opportune.storage.stored import Switch

__all__ = ["due_leases", "reservations_of", "stocks", "switches"]


def stocks(store: Hooks, wanted: Collection[tuple[str, str]] | None) -> list[StockCount]:
    """See `Storage.stocks`."""
    if wanted is None:
        return [StockCount(*row) for row in sorted(store._table("stocks"))]
    found = store._look_up(Wanted(stocks=list(wanted))).stocks
    return [found.get(key) or StockCount(*key) for key in wanted]


def reservations_of(store: Hooks, decision_id: str) -> list[StoredReservation]:
    """See `Storage.reservations_of`."""
    found = store._look_up(Wanted(reservations=[decision_id])).reservations.get(decision_id, {})
    return [row.read() for row in sorted(found.values())]


def due_leases(store: Hooks, now: datetime, limit: int) -> list[DueLease]:
    """See `Storage.due_leases`."""
    return [
        DueLease(
            decision=row.decision,
            action=row.action,
            stock=row.stock,
            period=row.period,
            lease_until=from_microseconds(row.lease_until),
        )
        for row in store._due_leases(to_microseconds(now), limit)
    ]


def switches(store: Hooks) -> list[Switch]:
    """See `Storage.switches`."""
    found = []
    for row in store._switches():
        if switch_digest(*row[:-1]) != row.digest:
            raise damage(store, f"switch of {row.target}: it does not fit its digest")
        found.append(
            Switch(
                target=row.target,
                off=bool(row.off),
                author=row.author,
                reason=row.reason,
                at=from_microseconds(row.at),
                sequence=row.sequence,
            )
        )
    return found
