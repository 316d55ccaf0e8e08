"""How a contact stands to limits, as a store has it now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from opportune.decide import Plan, Standing, stock_at
from opportune.decide.limits.consents import all_given
from opportune.decide.limits.standing import off_today
from opportune.decide.limits.windows import MICRO, instant, micros
from opportune.records import Contact, Value
from opportune.service.profiles import fitting, parted
from opportune.service.revisions import Strategy
from opportune.storage import Storage, orders_of

__all__ = ["facts_of_units", "standing_of"]


def facts_of_units(strategy: Strategy, storage: Storage | None, key: str | None) -> dict[str, Value]:
    """Give what is known of the units that a person belongs to, such as "household.size".

    Raises:
        StoreError: the store cannot be read.
    """
    facts: dict[str, Value] = {}
    if storage is not None and key is not None and strategy.registries.levels:
        for level, unit in storage.units(*parted(key)).items():
            if level in strategy.registries.levels:
                facts.update(fitting(strategy.registries.levels[level], unit.attributes)[0])
    return facts


def standing_of(plan: Plan, storage: Storage | None, key: str | None, now: datetime) -> Standing:
    """Read history, stocks and switches.

    Args:
        storage: None for a person without history who allows everything, full stocks and no switch.
        key: of a person in the store, or None.

    Raises:
        StoreError: the store cannot be read.
    """
    if storage is None:
        return Standing(consents=all_given(plan.limits))
    limits = plan.limits
    contacts: Sequence[Contact] = ()
    units: dict[str, Sequence[Contact]] = {}
    named = None if key is None else parted(key)
    if named is not None and limits.needs_contacts:
        since = instant(micros(now) - limits.horizon_seconds * MICRO)
        contacts = storage.contacts(named[0], since, named[1]).contacts
        for level in limits.levels & storage.units(*named).keys():
            units[level] = storage.happened(*named, since, level).contacts
    counts = storage.stocks([(stock, stock_at(plan, stock, now)[0]) for stock in limits.stocks])
    return Standing(
        contacts=contacts,
        stocks={(count.stock, count.period): count.taken for count in counts},
        switched_off=off_today(limits, orders_of(storage.switches())),
        consents=storage.consents(*named) if named is not None and limits.purposes else (),
        units=units,
    )
