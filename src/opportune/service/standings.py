"""How a contact stands to limits: the person's history, what is left of stocks, and what is switched off.

What is in memory here may be a moment old. That costs a second draw and never a limit: the store checks again, in the
order in which it takes writes, and refuses a decision that did not know all, or takes what is gone.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import datetime

from opportune.decide.limits.standing import Standing, off_today
from opportune.decide.limits.stocks import stock_at
from opportune.decide.plan import Plan
from opportune.records import Contact, Decision, Reserve
from opportune.service.histories import Histories, Past
from opportune.service.needs import Needs
from opportune.storage import Storage, orders_of
from opportune.storage.entries import to_microseconds

__all__ = ["REFRESH_SECONDS", "Standings"]

REFRESH_SECONDS = 0.4
"""How old the memory of stocks and switches may grow; switches must hold everywhere within a second."""
SHOWN = "shown"

_AT_ONCE = nullcontext()


class Standings:
    """Reads what limits are judged by; lives in the event loop's thread, but for what it has the reader do.

    Args:
        reader: where the store is read.
        histories: the pasts of persons.
        persons_max: decisions that are remembered with their person.
    """

    def __init__(self, storage: Storage, reader: Executor, histories: Histories, persons_max: int) -> None:
        self._storage = storage
        self._reader = reader
        self._histories = histories
        self._persons_max = persons_max
        self._asked: OrderedDict[str, str] = OrderedDict()
        """Decision → person whose past in memory holds it."""
        self._turns: dict[str, tuple[asyncio.Lock, int]] = {}
        """Person → who is deciding, and how many wait for it or do it."""
        self._taken: dict[tuple[str, str], int] = {}
        self._orders: tuple[tuple[str, bool], ...] = ()
        self._off: tuple[object, object, frozenset[str]] = (None, None, frozenset())
        """Of which orders and limits, and what is switched off by them."""

    def load_switches(self) -> None:
        """Read the switches; blocks."""
        self._orders = orders_of(self._storage.switches())

    def switched_off(self, plan: Plan) -> frozenset[str]:
        """Give "action:<name>" and "group:<name>" that nobody may be shown."""
        orders, limits = self._orders, plan.limits
        if not orders:
            return frozenset()
        # Another thread loads the orders: what was made of them is known by them.
        known_orders, known_limits, off = self._off
        if known_orders is not orders or known_limits is not limits:
            off = off_today(limits, orders)
            self._off = orders, limits, off
        return off

    async def refresh(self, plan: Plan, now: datetime) -> None:
        """Read anew what is switched off and what is taken of the stocks.

        Raises:
            StoreError: the store cannot be read.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._reader, self.load_switches)
        if plan.limits.stocks:
            self._taken = await loop.run_in_executor(self._reader, self._read_stocks, plan, now)

    def _read_stocks(self, plan: Plan, now: datetime) -> dict[tuple[str, str], int]:
        wanted = [(stock, stock_at(plan, stock, now)[0]) for stock in plan.limits.stocks]
        return {(count.stock, count.period): count.taken for count in self._storage.stocks(wanted)}

    async def of(self, plan: Plan, past: Past | None, now: datetime, *, unproven: bool = False) -> Standing:
        """Give what limits are judged by.

        Args:
            past: of a person who is in the store, or None.
            unproven: as in `Standing`.

        Raises:
            StoreError: the store cannot be read.
        """
        stocks = plan.limits.stocks
        if stocks and any((stock, stock_at(plan, stock, now)[0]) not in self._taken for stock in stocks):
            await self.refresh(plan, now)
        contacts = () if past is None else past.contacts
        consents = () if past is None else past.consents
        units = (
            {}
            if past is None
            else {level: past.units[level].contacts for level in plan.limits.levels & past.units.keys()}
        )
        return Standing(contacts, self._taken, self.switched_off(plan), consents, units, unproven)

    def turn(self, needs: Needs, person: str | None) -> AbstractAsyncContextManager[None]:
        """Wait until no other decision for the person is on its way: each has to know what the one before showed."""
        return _AT_ONCE if person is None or not needs.contacts else self._turn(person)

    @asynccontextmanager
    async def _turn(self, person: str) -> AsyncIterator[None]:
        lock, waiting = self._turns.get(person) or (asyncio.Lock(), 0)
        self._turns[person] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._turns.pop(person)
            if waiting > 1:
                self._turns[person] = lock, waiting - 1

    def forget(self, key: str | None, person: str | None = None) -> None:
        """Drop a person's past: it is not whole.

        Args:
            person: internal id, where it is known; the past may have been read by another key of the same person.
        """
        if key is not None:
            self._histories.forget_key(key)
        self._histories.forget(person)

    def went_on(self, key: str) -> None:
        """Drop a person's past of which something was committed, unless that is taken in already."""
        if not self._histories.follows:
            self._histories.forget_key(key)

    def heard(self, decision: str) -> None:
        """Drop the past of the person whom a decision was made for: an outcome of it came."""
        self._histories.forget(self._asked.get(decision))

    def sold(self, lost: Iterable[tuple[str, str, str]]) -> None:
        """Forget how much is taken of stocks of which too little was left."""
        for stock, period, _ in lost:
            self._taken.pop((stock, period), None)

    def note(self, decision: Decision, sequence: int, reserves: Iterable[Reserve]) -> None:
        """Take in a decision that was committed as a journal entry."""
        for reserve in reserves:
            key = reserve.stock, reserve.period
            if key in self._taken:
                self._taken[key] += reserve.units
        person = decision.person
        if person is None or not self._histories.holds(person):
            return
        at = to_microseconds(decision.at)
        shown = tuple(
            Contact(at, SHOWN, one.action, one.treatment, decision.request.channel, placement.name, decision.id)
            for placement in decision.placements
            for one in placement.actions
        )
        self._histories.decided(person, sequence, shown)
        self._asked[decision.id] = person
        if len(self._asked) > self._persons_max:
            self._asked.popitem(last=False)
