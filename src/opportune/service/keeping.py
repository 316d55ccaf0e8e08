"""Records of fallback answers, kept until the store takes them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import monotonic

import structlog

from opportune.errors import InputError, StoreBusyError, StoreError
from opportune.records import Origin, Outcome, Sign
from opportune.storage import GroupWriter, RecordEvent, RecordOutcome, SaveDecision
from opportune.storage.standing import UNSEEN

__all__ = ["LateRecords"]

RECORDS_MAX = 10_000
SECONDS_MAX = 60.0
"""How long a record is tried; an outage that lasts longer costs the records of its beginning."""
GROUP_MAX = 32
"""Records in one commit: decisions that wait for the same writer must not wait for more."""
PAUSE_SECONDS = 0.1
PAUSE_SECONDS_MAX = 1.0
SETTLED_SECONDS = 1.0
"""How long an outcome waits for the record of its decision."""
CLOSE_SECONDS = 2.0
"""How long a service that stops waits for the store to take what is left."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Record:
    """A fallback answer.

    Args:
        late: the decision whose commit the deadline did not wait for.
        happened: what it told.
        is_settled: it was written or refused, and only what happened is not there yet.
    """

    write: SaveDecision
    late: SaveDecision | None
    until: float
    happened: tuple[RecordEvent, ...] = ()
    is_settled: bool = False


class LateRecords:
    """Writes what the contact did not wait for, in order, again and again; lives in the event loop's thread.

    One group is under way at a time, with a pause as long as it took, so that a store that comes back has time for the
    decisions of now.

    Args:
        new_id: makes ids of writes.
        clock: seconds from any beginning.

    Attributes:
        given_up: records that were never written: too many, too old, or refused. Outcomes that name them are refused.
    """

    def __init__(self, writer: GroupWriter, new_id: Callable[[], str], clock: Callable[[], float] = monotonic) -> None:
        self.given_up = 0
        self._writer = writer
        self._new_id = new_id
        self._clock = clock
        self._waiting: deque[_Record] = deque()
        self._unsettled: dict[str, asyncio.Event] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Records that are not written yet."""
        return len(self._waiting)

    def add(
        self, write: SaveDecision, late: SaveDecision | None = None, happened: tuple[RecordEvent, ...] = ()
    ) -> None:
        """Keep the record of an answer that was given.

        Args:
            late: the decision whose commit the deadline did not wait for; it may be recorded all the same.
            happened: events that came with the request; those that are recorded already change nothing.
        """
        if len(self._waiting) >= RECORDS_MAX:
            self._give_up([self._waiting.popleft()], "too many wait")
        self._unsettled.setdefault(write.decision.id, asyncio.Event())
        self._waiting.append(_Record(write, late, self._clock() + SECONDS_MAX, happened))
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write_all())

    async def settled(self, decisions: Iterable[str]) -> None:
        """Wait until the records of these decisions are written or given up, as far as they wait here.

        Raises:
            StoreBusyError: one still waits; the same may be asked later.
        """
        unsettled = [self._unsettled[decision] for decision in decisions if decision in self._unsettled]
        if not unsettled:
            return
        try:
            async with asyncio.timeout(SETTLED_SECONDS):
                for event in unsettled:
                    await event.wait()
        except TimeoutError:
            raise StoreBusyError("the record of this decision is not written yet") from None

    async def close(self) -> None:
        """Write what is left, if the store takes it soon."""
        if self._task is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._task, CLOSE_SECONDS)
        if self._waiting:
            self._give_up(list(self._waiting), "the service stops")
            self._waiting.clear()

    async def _write_all(self) -> None:
        pause = PAUSE_SECONDS
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(GROUP_MAX, len(self._waiting)))]
            begin = self._clock()
            try:
                failed = await self._write_group(group)
            except asyncio.CancelledError:
                self._waiting.extendleft(reversed(group))
                raise
            pause = min(PAUSE_SECONDS_MAX, pause * 2) if len(failed) == len(group) else PAUSE_SECONDS
            now = self._clock()
            fresh = [record for record in failed if record.until > now]
            if len(fresh) < len(failed):
                self._give_up([record for record in failed if record.until <= now], "the store was away for too long")
            self._waiting.extendleft(reversed(fresh))
            await asyncio.sleep(pause if failed else now - begin)

    async def _write_group(self, group: list[_Record]) -> list[_Record]:
        """Write some records; give those of which the store did not take all."""
        results = await asyncio.gather(*map(self._write, group))
        return [record for record in results if record is not None]

    async def _write(self, record: _Record) -> _Record | None:
        """Write a record, and what happened; give what is left of it, None where nothing is."""
        if not record.is_settled:
            try:
                await self._write_decision(record)
            except StoreError:
                return record
            except InputError:
                self._give_up([record], "its id was used before")
            self._settle(record)
        try:
            if record.happened:
                await self._writer.write_many(record.happened)
        except StoreError:
            return replace(record, is_settled=True)
        return None

    async def _write_decision(self, record: _Record) -> None:
        receipt = await self._writer.write(record.write)
        late = record.late
        if receipt.repeated and late is not None and receipt.answer == late.answer:
            # The late decision was recorded after all. Nobody saw its actions: their silence must teach nothing.
            await asyncio.gather(*map(self._writer.write, _unseen(late, self._new_id)))

    def _settle(self, record: _Record) -> None:
        event = self._unsettled.pop(record.write.decision.id, None)
        if event is not None:
            event.set()

    def _give_up(self, records: Sequence[_Record], reason: str) -> None:
        lost = sum(not record.is_settled for record in records)
        self.given_up += lost
        for record in records:
            self._settle(record)
        log.warning("fallback answers without a record", count=lost, events_alone=len(records) - lost, reason=reason)


def _unseen(late: SaveDecision, new_id: Callable[[], str]) -> Iterator[RecordOutcome]:
    """Say of the actions that were recorded as shown that they were not.

    It closes their response windows. Where limits count the decision, it also takes back the contact, and what the
    action reserved.
    """
    decision = late.decision
    windows = {(window.action, window.treatment) for window in late.windows}
    counted = {reserve.action for reserve in late.reserves}
    if late.contacts_seen is not None:
        counted |= {shown.action for answer in decision.placements for shown in answer.actions}
    for answer in (*decision.placements, *decision.withheld):
        for shown in answer.actions:
            is_open = (shown.action, shown.treatment) in windows
            if is_open or shown.action in counted:
                name = f"unseen-{new_id()}"
                yield RecordOutcome(
                    outcome=Outcome(id=name, decision=decision.id, action=shown.action, outcome=UNSEEN),
                    origin=Origin.FALLBACK,
                    treatment=shown.treatment,
                    placement=answer.name,
                    sign=Sign.NEUTRAL,
                    expiry=is_open,
                )
