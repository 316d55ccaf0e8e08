"""How a contact stands to limits, as a store has it now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from opportune.decide import Plan, Standing, stock_at
from opportune.decide.limits.consents import all_given
from opportune.decide.limits.standing import off_today
from opportune.decide.limits.windows import MICRO, instant, micros
from opportune.records import Contact
from opportune.storage import Storage, orders_of

__all__ = ["standing_of"]


def standing_of(plan: Plan, storage: Storage | None, identifier: str | None, now: datetime) -> Standing:
    """Read history, stocks and switches.

    Args:
        storage: None for a person without history who allows everything, full stocks and no switch.
        identifier: of a person in the store, or None.

    Raises:
        StoreError: the store cannot be read.
    """
    if storage is None:
        return Standing(consents=all_given(plan.limits))
    limits = plan.limits
    contacts: Sequence[Contact] = ()
    if identifier is not None and limits.needs_contacts:
        since = instant(micros(now) - limits.horizon_seconds * MICRO)
        contacts = storage.contacts(identifier, since).contacts
    counts = storage.stocks([(stock, stock_at(plan, stock, now)[0]) for stock in limits.stocks])
    return Standing(
        contacts=contacts,
        stocks={(count.stock, count.period): count.taken for count in counts},
        switched_off=off_today(limits, orders_of(storage.switches())),
        consents=storage.consents(identifier) if identifier is not None and limits.purposes else (),
    )
