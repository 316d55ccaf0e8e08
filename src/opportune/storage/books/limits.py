"""Plan what limits count: reservations of stocks, their ends, switches, and whether a history was seen whole."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from opportune.errors import ConflictError, Problem, SoldOutError, StaleError
from opportune.storage.books.ledger import Ledger
from opportune.storage.changes import ReservationFound, SwitchFound, switch_digest
from opportune.storage.entries import to_microseconds
from opportune.storage.kinds import CONTACT_KINDS, WHO_KINDS, ReleaseBody, SwitchBody
from opportune.storage.requests import Request
from opportune.storage.reservations import Moved, ReservationState, StockCount, next_state
from opportune.storage.standing import UNSEEN, Report, standing
from opportune.storage.writes import Receipt, ReleaseLeases, SaveDecision, SwitchAction

__all__ = ["check_limits", "move", "moves_of", "release_leases", "reserve", "switch_action"]

_Terms = tuple[int, tuple[str, ...], tuple[str, ...]]
_read_terms = msgspec.msgpack.Decoder(_Terms).decode


def check_limits(ledger: Ledger, write: SaveDecision) -> None:
    """Refuse a decision that does not know its person's whole history, or takes more of a stock than is left."""
    if write.contacts_seen is not None and write.decision.person is not None:
        _check_seen(ledger, write, write.contacts_seen)
    wanted: dict[tuple[str, str], int] = {}
    lost = []
    for reserve in write.reserves:
        key = reserve.stock, reserve.period
        taken = _count(ledger, key).taken + wanted.get(key, 0)
        if taken + reserve.units > reserve.most:
            lost.append((*key, reserve.action))
        else:
            wanted[key] = wanted.get(key, 0) + reserve.units
    if lost:
        raise SoldOutError(_sold_out(lost), lost=lost)


def _check_seen(ledger: Ledger, write: SaveDecision, own: int) -> None:
    """Refuse a decision that does not know the newest of its person that it depends on."""
    matters = {*WHO_KINDS, *(write.seen_kinds or CONTACT_KINDS)}
    for person, seen in [(write.decision.person or "", own), *write.seen_with.items()]:
        news = ledger.found.news.get(ledger.root(person), {})
        newest = max((sequence for kind, sequence in news.items() if kind in matters), default=0)
        if newest > seen:
            raise StaleError.of(
                "contacts_seen",
                f"expected the history up to journal entry {newest}, found it read up to {seen}",
                "read the person's history again and decide again",
                "stale-contacts",
            )


def _sold_out(lost: Iterable[tuple[str, str, str]]) -> list[Problem]:
    remedy = "decide again without the action"
    return [
        Problem("", 0, 0, f"reserves.{stock}", f"too little is left of it for {action}", remedy, "sold-out")
        for stock, _, action in lost
    ]


def reserve(ledger: Ledger, write: SaveDecision, sequence: int) -> None:
    """Take what a decision reserves, once its entry is appended."""
    decision = write.decision.id
    for one in write.reserves:
        row = ReservationFound.of(decision, sequence, one)
        ledger.found.reservations.setdefault(decision, {})[one.action, one.treatment, one.stock] = row
        ledger.changes.reservations.append(row)
        _recount(ledger, row, sequence, None, ReservationState.RESERVED)


def moves_of(ledger: Ledger, decision: str, reports: Iterable[Report]) -> tuple[Moved, ...]:
    """Reservations of a decision that go into another state by what stands of its reports."""
    rows = ledger.found.reservations.get(decision)
    if not rows:
        return ()
    said: dict[str, set[str]] = {}
    for report in standing(reports):
        said.setdefault(report.action, set()).add(report.outcome)
    now = ledger.moment(None)
    moved: list[Moved] = []
    wanted: dict[tuple[str, str], int] = {}
    for row in sorted(rows.values()):
        limit, confirmed_by, released_by = _read_terms(row.terms)
        key = row.stock, row.period
        state = ReservationState(row.state)
        after = next_state(
            state,
            said.get(row.action, ()),
            confirmed_by,
            (*released_by, UNSEEN),
            runs=now < row.lease_until,
            fits=_count(ledger, key).taken + wanted.get(key, 0) + row.units <= limit,
        )
        if after is not state:
            moved.append(_moved(row, after))
            wanted[key] = wanted.get(key, 0) + row.units * (after.takes - state.takes)
    return tuple(moved)


def move(ledger: Ledger, moved: Iterable[Moved], sequence: int) -> None:
    """Let reservations go into another state, once the entry that says so is appended."""
    for one in moved:
        rows = ledger.found.reservations[one.decision]
        key = one.action, one.treatment, one.stock
        rows[key] = row = rows[key]._replace(state=one.after.value)
        ledger.changes.moves.append((one.after.value, one.decision, *key))
        _recount(ledger, row, sequence, one.before, one.after)


def release_leases(ledger: Ledger, item: Request, write: ReleaseLeases) -> Receipt:
    """Give back what was reserved and not confirmed in time."""
    until = to_microseconds(write.until)
    moved = tuple(
        _moved(row, ReservationState.EXPIRED)
        for decision in dict.fromkeys(write.decisions)
        for row in sorted(ledger.found.reservations.get(decision, {}).values())
        if row.state == ReservationState.RESERVED and row.lease_until <= until
    )
    if not moved:
        raise ConflictError.of("decisions", "none of their leases ended and is open still", code="leases-settled")
    sequence = ledger.append(item, ReleaseBody(moved=moved))
    move(ledger, moved, sequence)
    return ledger.receipt(Receipt(sequence=sequence))


def switch_action(ledger: Ledger, item: Request, write: SwitchAction) -> Receipt:
    """Switch an action or a group off or on."""
    last = ledger.found.switches.get(write.target)
    body = SwitchBody(
        target=write.target,
        off=write.off,
        author=write.author,
        reason=write.reason,
        before=None if last is None else (last.sequence, bool(last.off)),
    )
    sequence = ledger.append(item, body)
    row = (write.target, int(write.off), write.author, write.reason, ledger.moment(None), sequence)
    ledger.found.switches[write.target] = ledger.changes.switches[write.target] = SwitchFound(*row, switch_digest(*row))
    return ledger.receipt(Receipt(sequence=sequence))


def _moved(row: ReservationFound, after: ReservationState) -> Moved:
    return Moved(
        sequence=row.sequence,
        decision=row.decision,
        action=row.action,
        treatment=row.treatment,
        stock=row.stock,
        period=row.period,
        units=row.units,
        before=ReservationState(row.state),
        after=after,
    )


def _count(ledger: Ledger, key: tuple[str, str]) -> StockCount:
    return ledger.found.stocks.get(key) or StockCount(*key)


def _recount(
    ledger: Ledger, row: ReservationFound, sequence: int, before: ReservationState | None, after: ReservationState
) -> None:
    key = row.stock, row.period
    count = _count(ledger, key).moved(sequence, row.units, before, after)
    ledger.found.stocks[key] = ledger.changes.stocks[key] = count
