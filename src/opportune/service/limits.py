"""What people ask of limits: how stocks stand and how long they last, and the emergency switch."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from opportune.decide.limits.limits import Stock
from opportune.decide.limits.periods import period_of
from opportune.decide.limits.stocks import stock_at
from opportune.decide.limits.windows import instant, micros
from opportune.decide.plan import Plan
from opportune.errors import UnknownError, suggest
from opportune.storage import Storage, StoredReservation, Switch, SwitchAction

__all__ = ["LimitsReport", "StockLine", "limits_report", "switch_of"]

LOOKED_AT = 1_000
"""Newest reservations by which the present rate is judged."""
RATE_HOURS = 24
RATE_SHORTEST = timedelta(hours=1)
"""The present rate is that of a day, or of as long as there is something to count, but of so long at least."""


class StockLine(msgspec.Struct, frozen=True, kw_only=True):
    """How a stock, budget or team stands; amounts in whole units, and in cents where it is money.

    Args:
        unit: "units", "minutes" or a currency.
        decimals: digits of an amount behind the point, for people.
        period: the current one, such as "2026-05"; "" where it has none.
        units: of the whole period; `let_out` how many of them may be taken by now, where it is paced.
        reserved: offered and not settled; `confirmed` taken for good.
        left: may still be taken now.
        unmet: accepted too late, when nothing was left.
        per_day: units taken a day at the present rate; None where too little happened to say.
        runs_out_at: when nothing will be left at that rate; None where it lasts, or nobody can say.
    """

    stock: str
    unit: str
    decimals: int
    period: str
    units: int
    let_out: int
    reserved: int
    confirmed: int
    left: int
    unmet: int
    per_day: float | None = None
    runs_out_at: datetime | None = None


class LimitsReport(msgspec.Struct, frozen=True, kw_only=True):
    """All stocks, and what was switched off or on last, by action and group."""

    stocks: tuple[StockLine, ...]
    switches: tuple[Switch, ...]


def limits_report(storage: Storage, plan: Plan, now: datetime) -> LimitsReport:
    """Read how stocks and switches stand.

    Raises:
        StoreError: the store cannot be read.
    """
    lines = tuple(_line(storage, plan, stock, now) for stock in plan.limits.stocks.values())
    return LimitsReport(stocks=lines, switches=tuple(storage.switches()))


def switch_of(plan: Plan, target: str, off: bool, write_id: str, author: str, reason: str) -> SwitchAction:
    """Make the order to switch an action or a group off, or on again.

    Args:
        target: name of an action or a group, or "action:<name>" or "group:<name>".

    Raises:
        UnknownError: the strategy has neither.
    """
    limits = plan.limits
    kind, _, name = target.rpartition(":")
    known = {"action": limits.actions, "group": limits.groups}
    kinds = [one for one, names in known.items() if name in names and kind in ("", one)]
    if not kinds:
        otherwise = "name an action or a group of the strategy, such as action:NAME or group:NAME"
        remedy = suggest(name, {**limits.actions, **limits.groups}, otherwise)
        raise UnknownError.of("target", "the strategy has no such action or group", remedy, "unknown-action")
    if len(kinds) > 1:
        remedy = f"write action:{name} or group:{name}"
        raise UnknownError.of("target", "an action and a group have this name", remedy, "unknown-action")
    return SwitchAction(id=write_id, target=f"{kinds[0]}:{name}", off=off, author=author, reason=reason)


def _line(storage: Storage, plan: Plan, stock: Stock, now: datetime) -> StockLine:
    period, let_out = stock_at(plan, stock.name, now)
    (count,) = storage.stocks([(stock.name, period)])
    per_day = _rate(stock, storage.reservations(stock.name, LOOKED_AT), now, plan.limits.zone)
    return StockLine(
        stock=stock.name,
        unit=stock.currency or stock.unit,
        decimals=stock.decimals,
        period=period,
        units=stock.units,
        let_out=let_out,
        reserved=count.taken - count.confirmed,
        confirmed=count.confirmed,
        left=max(0, let_out - count.taken),
        unmet=count.unmet,
        per_day=per_day,
        runs_out_at=_end(stock, stock.units - count.taken, per_day, now, plan.limits.zone),
    )


def _rate(stock: Stock, newest: Iterable[StoredReservation], now: datetime, zone: str) -> float | None:
    """Give the units that are taken a day, by the reservations of the last day that were not given back."""
    since = now - timedelta(hours=RATE_HOURS)
    # A lease says when it began: its length is that of the stock.
    length = stock.lease.on(micros(now), zone) - micros(now)
    begun = [(instant(micros(one.lease_until) - length), one) for one in newest]
    lately = [(at, one.units) for at, one in begun if at >= since and one.state.takes]
    if len(lately) < 2:
        return None
    first = min(at for at, _ in begun)
    # What happened within minutes says nothing of a day.
    length_of_rate = max(now - max(since, first), RATE_SHORTEST)
    return sum(units for _, units in lately) / (length_of_rate / timedelta(days=1))


def _end(stock: Stock, left: int, per_day: float | None, now: datetime, zone: str) -> datetime | None:
    if not per_day:
        return None
    days = max(left, 0) / per_day
    if days > 36_500:
        return None
    end = now + timedelta(days=days)
    refilled = instant(period_of(stock.period, now, zone)[2]) if stock.period else None
    return None if refilled is not None and end >= refilled else end
