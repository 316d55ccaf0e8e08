"""What a store knows for a contact, and how that stands to limits now; what the contact imagines counts as known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from opportune.cli.features_store import history_of, pasts_of
from opportune.customers.features import EventHistory
from opportune.customers.identity import Identifier
from opportune.decide import Plan, Standing, stock_at
from opportune.decide.limits.standing import off_today
from opportune.decide.limits.windows import MICRO, instant, micros
from opportune.records import Consent, Contact, Value
from opportune.service.profiles import fitting, parted
from opportune.service.revisions import Strategy
from opportune.storage import Storage, orders_of
from opportune.strategy.persona_events import let_happen
from opportune.strategy.sections.personas import PersonaEvent

__all__ = ["facts_of_features", "facts_of_units", "standing_of"]


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


def facts_of_features(
    strategy: Strategy,
    storage: Storage | None,
    key: str | None,
    events: Sequence[PersonaEvent],
    now: datetime,
    zone: str,
) -> dict[str, Value]:
    """Compute the features of a person, who may be imagined.

    Args:
        events: that are imagined besides those of the store.
        zone: of the customer.

    Raises:
        StoreError: the store cannot be read.
    """
    features = strategy.features
    if not len(features):
        return {}
    pasts = {}
    if storage is not None and key is not None:
        value, kind = parted(key)
        pasts = pasts_of(storage, features, Identifier(kind, value))
    histories = {level: (history_of(past), past[1]) for level, past in pasts.items()}
    history, contacts = histories.pop("person", (EventHistory(), ()))
    # What happens to a person happens in their units.
    for one in (history, *(unit for unit, _ in histories.values())):
        let_happen(one, events, now, zone, 0)
    return features.read(history, contacts, now, zone, histories)


def standing_of(
    plan: Plan, storage: Storage | None, key: str | None, now: datetime, said: Sequence[Consent] = ()
) -> Standing:
    """Read history, consents, stocks and switches.

    Args:
        storage: None for a person without history, full stocks and no switch.
        key: of a person in the store, or None.
        said: consents that are imagined; of their purposes nothing else counts.

    Raises:
        StoreError: the store cannot be read.
    """
    if storage is None:
        return Standing(consents=said)
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
    consents = storage.consents(*named) if named is not None and limits.purposes else ()
    imagined = {one.purpose for one in said}
    return Standing(
        contacts=contacts,
        stocks={(count.stock, count.period): count.taken for count in counts},
        switched_off=off_today(limits, orders_of(storage.switches())),
        consents=(*(one for one in consents if one.purpose not in imagined), *said),
        units=units,
    )
