"""Can every stock be given out, and is what actions use of it in its own units?"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from opportune.records import Sign
from opportune.strategy.checks.contact_policies import check_length
from opportune.strategy.checks.notes import Notes
from opportune.strategy.codes import CURRENCY_DECIMALS
from opportune.strategy.compile_limits import stock_units, use_units
from opportune.strategy.project import Project
from opportune.strategy.sections.limits import Stock
from opportune.strategy.sections.outcomes import Amount
from opportune.strategy.wording import suggest

__all__ = ["check_stocks"]

FILE = "stocks.yaml"
SIZES = ("units", "money", "minutes")


def check_stocks(notes: Notes) -> None:
    """Check every stock, and what actions use."""
    for name, stock in notes.project.stocks.items():
        before = len(notes.problems)
        _check_stock(notes, name, stock)
        if len(notes.problems) > before:
            notes.doubt(FILE, name)
    for name in notes.project.actions:
        _check_uses(notes, name)
    _check_members(notes)
    _check_fallbacks(notes)


def _check_stock(notes: Notes, name: str, stock: Stock) -> None:
    if name in notes.project.contact_policies:
        message = f"a contact policy is called '{name}' too"
        notes.report(FILE, [name], message, "rename one of both", "name-in-use", key=True)
    sizes = [size for size in SIZES if size in stock.model_fields_set]
    if len(sizes) != 1:
        found = " and ".join(sizes) if sizes else "none of them"
        message = f"expected one of units, money and minutes, found {found}"
        notes.report(FILE, [name], message, "say how much there is", "stock-form", key=True, where=[name])
        return
    if not notes.expect_value(stock, FILE, name, sizes[0]):
        return
    _check_money(notes, name, stock)
    if stock.pacing == "even" and stock.per is None:
        message = "even pacing needs a period over which to spread it"
        notes.report(FILE, [name, "pacing"], message, "add 'per:', such as per: month", "pacing-period")
    check_length(notes, FILE, [name, "lease"], stock.lease)
    _check_outcomes(notes, name, stock)


def _check_money(notes: Notes, name: str, stock: Stock) -> None:
    currency = stock.currency
    if stock.money is None:
        if currency is not None:
            message = "a currency, and no money"
            notes.report(FILE, [name, "currency"], message, "write money in place of units", "currency", key=True)
        return
    if currency is None:
        notes.report(FILE, [name], "missing key 'currency'", "add 'currency:'", "missing", key=True, where=[name])
    elif currency not in CURRENCY_DECIMALS:
        remedy = suggest(currency.upper(), CURRENCY_DECIMALS)
        remedy = remedy if remedy.startswith("did") else "use a code of ISO 4217, such as EUR"
        notes.report(FILE, [name, "currency"], f"unknown currency '{currency[:40]}'", remedy, "unknown-currency")
    elif _decimals(stock.money) > CURRENCY_DECIMALS[currency]:
        message = f"{currency} has {CURRENCY_DECIMALS[currency]} decimals, found {_decimals(stock.money)}"
        notes.report(FILE, [name, "money"], message, "round it", "decimals")


def _decimals(number: float) -> int:
    """Count the digits after the point that a number needs."""
    exponent = Decimal(repr(number)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _check_outcomes(notes: Notes, name: str, stock: Stock) -> None:
    """Check that what settles a reservation exists and says one thing."""
    outcomes = notes.project.outcomes
    channels = _channels_of(notes, name)
    given = {key: getattr(stock, key) for key in ("confirmed_by", "released_by")}
    for key, names in given.items():
        is_list = isinstance(notes.node(FILE, [name, key]).value, list)
        for index, outcome in enumerate(names or ()):
            path: list[str | int] = [name, key, index] if is_list else [name, key]
            if not notes.expect_name(outcome, outcomes, "outcomes.yaml", "outcome", FILE, path):
                continue
            if key == "released_by" and outcome in _confirming(notes.project, stock):
                message = f"outcome '{outcome}' both confirms and releases what was taken"
                notes.report(FILE, path, message, "decide for one", "contradiction")
            if channels and not any(outcome in notes.project.channels[channel].outcomes for channel in channels):
                message = f"outcome '{outcome}' is reported by no channel of the actions that use the stock"
                remedy = f"add it to a channel's outcomes ({', '.join(sorted(channels))}), or name another"
                notes.report(FILE, path, message, remedy, "unreported-outcome")


def _channels_of(notes: Notes, stock: str) -> set[str]:
    """Name the channels of the actions that use a stock; none where they are not all known."""
    actions, channels = notes.project.actions.values(), notes.project.channels
    if not (notes.all_actions_known() and notes.all_channels_known()):
        return set()
    return {channel for action in actions if stock in action.uses for channel in action.treatments} & channels.keys()


def _confirming(project: Project, stock: Stock) -> Sequence[str]:
    positive = [name for name, kind in project.outcomes.items() if kind.sign is Sign.POSITIVE]
    return positive if stock.confirmed_by is None else stock.confirmed_by


def _check_uses(notes: Notes, action: str) -> None:
    file, stocks = notes.project.action_file(action), notes.project.stocks
    for name, amount in notes.project.actions[action].uses.items():
        if not notes.expect_name(name, stocks, FILE, "stock", file, ["uses", name], key=True):
            continue
        if notes.gaps.may_hold(FILE, name):
            continue
        fault = _fault_of_money(stocks[name], amount) if stocks[name].money else _fault_of_count(stocks[name], amount)
        if fault is None and use_units(stocks[name], amount) > stock_units(stocks[name]):
            fault = "more than there ever is", f"lower it, or give {FILE} more of '{name}'", "use-too-large"
        if fault is not None:
            notes.report(file, ["uses", name], *fault)


def _fault_of_count(stock: Stock, amount: Amount) -> tuple[str, str, str] | None:
    counted = "minutes" if stock.minutes else "pieces"
    if amount.reported or amount.currency is not None:
        return f"the stock counts {counted}, found money or a word", "write a whole number", "use-unit"
    if amount.number < 1 or amount.number != int(amount.number):
        return f"expected a whole number of {counted}, 1 at least", "round it", "use-number"
    return None


def _fault_of_money(stock: Stock, amount: Amount) -> tuple[str, str, str] | None:
    currency = stock.currency or ""
    if amount.reported:
        return f"expected an amount in {currency}, found a word", "write what it costs, such as 12.50", "use-unit"
    if amount.currency not in (None, currency):
        return f"the stock is in {currency}, found {amount.currency}", f"convert the amount to {currency}", "currency"
    decimals = max(amount.decimals, _decimals(amount.number))
    if decimals > CURRENCY_DECIMALS[currency]:
        return f"{currency} has {CURRENCY_DECIMALS[currency]} decimals, found {decimals}", "round it", "decimals"
    if amount.number <= 0:
        return "expected an amount above 0", "raise it, or remove the stock from the action", "use-number"
    return None


def _check_members(notes: Notes) -> None:
    """Report stocks that nothing uses."""
    if not notes.all_actions_known() or not notes.project.actions:
        return
    used = {name for action in notes.project.actions.values() for name in action.uses}
    for name in notes.project.stocks:
        if name not in used:
            message = f"no action uses stock '{name}'"
            remedy = f"add 'uses: {{{name}: 1}}' to actions, or remove the stock"
            notes.report(FILE, [name], message, remedy, "unused-stock", key=True, where=[name])


def _check_fallbacks(notes: Notes) -> None:
    """Report fallbacks that use a stock: they are shown when nobody can ask how much is left."""
    for channel, section in notes.project.channels.items():
        for placement, slot in section.placements.items():
            for index, name in enumerate(slot.fallback):
                action = notes.project.actions.get(name)
                if action is not None and action.uses:
                    path: list[str | int] = [channel, "placements", placement, "fallback", index]
                    message = f"fallback action '{name}' uses stock '{next(iter(action.uses))}'"
                    remedy = "a fallback is shown when nobody can ask what is left: choose another, or write []"
                    notes.report("channels.yaml", path, message, remedy, "fallback")
