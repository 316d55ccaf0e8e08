"""What is left of stocks, budgets and teams, and what a decision takes of them.

A paced stock is let out as its period goes by: of `units` at most the share of the period that is over, rounded up, and
what the largest single use may run ahead of that. All in whole units, so that every process finds the same.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import datetime

from opportune.decide.limits.limits import Limits, Stock
from opportune.decide.limits.periods import period_of
from opportune.decide.limits.windows import micros
from opportune.decide.plan import Plan
from opportune.records import Decision, Hold, Reserve

__all__ = ["reserves_of", "sold_out", "stock_at", "stock_holds"]

_NOTHING: Mapping[str, int] = {}


def stock_at(plan: Plan, stock: str, now: datetime) -> tuple[str, int]:
    """Give the period of a stock that a moment lies in, "" where it has none, and how much may be taken of it by now.

    Raises:
        KeyError: the plan has no such stock.
    """
    return _at(plan.limits, plan.limits.stocks[stock], now)[:2]


def reserves_of(plan: Plan, decision: Decision, now: datetime) -> tuple[Reserve, ...]:
    """List what a decision takes of stocks: by every shown action, in order; nothing by what was withheld."""
    if not plan.limits.stocks or decision.degraded is not None:
        return ()
    limits = plan.limits
    found = []
    for shown in (one for placement in decision.placements for one in placement.actions):
        for name, units in limits.uses.get(shown.action, _NOTHING).items():
            stock = limits.stocks[name]
            period, most, *_ = _at(limits, stock, now)
            found.append(
                Reserve(
                    stock.name,
                    period,
                    units,
                    most,
                    stock.lease.on(micros(now), limits.zone),
                    shown.action,
                    shown.treatment,
                    stock.confirmed_by,
                    stock.released_by,
                    stock.units,
                )
            )
    return tuple(found)


def stock_holds(limits: Limits, taken: Mapping[tuple[str, str], int], now: datetime, places: int) -> Iterator[Hold]:
    """Give the holds of all stocks, in the order in which the project names them.

    Args:
        taken: (stock, period) → what is reserved or confirmed; nothing where absent.
        places: how many places the answer has at most.
    """
    for stock in limits.stocks.values():
        period, most, begin, end = _at(limits, stock, now)
        used = taken.get((stock.name, period), 0)
        yield from _holds(stock, used, most, begin, end, places)


def sold_out(plan: Plan, stock: str, action: str, now: datetime) -> Hold:
    """Give the hold of a stock that turned out to have less left than an action uses, whatever the process had seen."""
    limits, section = plan.limits, plan.limits.stocks[stock]
    _, most, begin, end = _at(limits, section, now)
    units = limits.uses[action][stock]
    return _over(section, units - 1, max(0, most - units + 1), most, begin, end)


def _at(limits: Limits, stock: Stock, now: datetime) -> tuple[str, int, int | None, int | None]:
    """Give period, what may be taken by now, and begin and end of the period."""
    if not stock.period:
        return "", stock.units, None, None
    period, begin, end = period_of(stock.period, now, limits.zone)
    return period, _paced(stock, micros(now), begin, end), begin, end


def _paced(stock: Stock, now: int, begin: int, end: int) -> int:
    if not stock.paced:
        return stock.units
    over = min(max(now - begin, 0), end - begin)
    share = -(-stock.units * over // (end - begin))
    return min(stock.units, share + stock.largest - 1) if over else 0


def _holds(stock: Stock, used: int, most: int, begin: int | None, end: int | None, places: int) -> Iterator[Hold]:
    left = max(0, most - used)
    if left < stock.largest:
        yield _over(stock, left, used, most, begin, end)
    affordable = bisect_right(stock.amounts, left)
    if not affordable:
        return
    # As many as fit whichever they are; the store refuses exactly, should this answer ask for more than that.
    fit = left // stock.amounts[affordable - 1]
    if fit < min(places, affordable):
        yield Hold(stock.name, "stock", f"within:{left}", fit, used, most, begin, end)


def _over(stock: Stock, left: int, used: int, most: int, begin: int | None, end: int | None) -> Hold:
    """Hold back what uses more than is left; where nothing is, all that the stock covers."""
    until = end
    if stock.paced and begin is not None and end is not None:
        smallest = stock.amounts[bisect_right(stock.amounts, left)]
        until = _enough(stock, used + smallest, begin, end)
    return Hold(stock.name, "stock", f"over:{left}" if left else "", 0, used, most, begin, until)


def _enough(stock: Stock, wanted: int, begin: int, end: int) -> int:
    """Give when a paced stock lets out so many units; the end of its period where it never does."""
    if wanted > stock.units:
        return end
    share = max(1, wanted - stock.largest + 1)
    # The first moment whose share, rounded up, is that large.
    return begin + (share - 1) * (end - begin) // stock.units + 1
