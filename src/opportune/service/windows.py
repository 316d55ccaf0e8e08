"""What is due: response windows that ended without an answer, and leases of stocks that nobody confirmed."""

from __future__ import annotations

import asyncio

from opportune.errors import InputError
from opportune.records import Decision, Outcome, Sign
from opportune.service.live import Live
from opportune.service.recent import ShownPlace, origin_of
from opportune.service.settings import Settings
from opportune.storage import DueWindow, GroupWriter, RecordOutcome, ReleaseLeases, Storage

__all__ = ["Sweeper"]

BATCH = 500


class Sweeper:
    """Records what silence means, and gives back what was reserved in vain."""

    def __init__(self, live: Live, storage: Storage, writer: GroupWriter, settings: Settings) -> None:
        self._live = live
        self._storage = storage
        self._writer = writer
        self._settings = settings

    async def sweep(self) -> int:
        """Record the default outcome of every window that is due.

        Leases are released after it: silence may settle a reservation otherwise.

        Returns:
            how many were recorded.

        Raises:
            StoreError: the store cannot take them now; they stay due.
        """
        recorded = await self._sweep_windows()
        while await self._release_leases() == BATCH:
            pass
        return recorded

    async def _release_leases(self) -> int:
        """Release leases that have ended, so many at most; give how many were due."""
        now = self._settings.clock()
        due = await asyncio.to_thread(self._storage.due_leases, now, BATCH)
        if not due:
            return 0
        decisions = tuple(dict.fromkeys(lease.decision for lease in due))
        try:
            write_id = f"leases-{self._settings.new_id()}"
            await self._writer.write(ReleaseLeases(id=write_id, decisions=decisions, until=now))
        except InputError:
            # Outcomes settled all of them between reading and writing.
            return 0
        return len(due)

    async def _sweep_windows(self) -> int:
        recorded = 0
        while writes := await asyncio.to_thread(self._due):
            before = recorded
            results = await asyncio.gather(*map(self._writer.write, writes), return_exceptions=True)
            for result in results:
                # An answer may have closed the window between reading and writing.
                if isinstance(result, BaseException) and not isinstance(result, InputError):
                    raise result
                recorded += not isinstance(result, BaseException)
            # What was refused stays due: where nothing else is, asking again at once would never end.
            if len(writes) < BATCH or recorded == before:
                break
        return recorded

    def _due(self) -> list[RecordOutcome]:
        found = ((window, self._storage.said(window.decision)) for window in self._windows())
        return [self._expiry(window, decision) for window, decision in found if decision is not None]

    def _windows(self) -> list[DueWindow]:
        return self._storage.due_windows(self._settings.clock(), BATCH)

    def _expiry(self, window: DueWindow, decision: Decision) -> RecordOutcome:
        place = next(
            (
                ShownPlace(shown.action, shown.treatment, placement.name)
                for placement in (*decision.placements, *decision.withheld)
                for shown in placement.actions
                if (shown.action, shown.treatment) == (window.action, window.treatment)
            ),
            ShownPlace(window.action, window.treatment, ""),
        )
        declared = self._live.current.strategy.project.outcomes.get(window.outcome)
        outcome = Outcome(
            # No caller can have used a new id; that a window closes once does not depend on it.
            id=f"expiry-{self._settings.new_id()}",
            decision=window.decision,
            action=window.action,
            outcome=window.outcome,
            treatment=window.treatment,
            occurred_at=window.due_at,
        )
        return RecordOutcome(
            outcome=outcome,
            origin=origin_of(decision),
            treatment=place.treatment,
            placement=place.placement,
            # An outcome type that the strategy no longer has says nothing any more; its window must close all the same.
            sign=Sign.NEUTRAL if declared is None else declared.sign,
            expiry=True,
        )
