"""What a store knows for a contact, and how that stands to limits now; what the contact imagines counts as known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from opportune.cli.features_store import history_of, pasts_of
from opportune.customers.features import EventHistory
from opportune.customers.identity import Identifier
from opportune.customers.intake.session import Session
from opportune.decide import Plan, Standing, stock_at
from opportune.decide.limits.standing import off_today
from opportune.decide.limits.windows import MICRO, instant, micros
from opportune.records import Contact, Value
from opportune.service.needs import needs_of
from opportune.service.profiles import fitting, identified, parted
from opportune.service.revisions import Strategy
from opportune.service.sessions import read_session
from opportune.service.speakers import Speaker
from opportune.storage import Storage, orders_of
from opportune.strategy.persona_consents import persona_consents
from opportune.strategy.persona_events import let_happen
from opportune.strategy.persona_units import persona_units
from opportune.strategy.sections.personas import Persona

__all__ = ["facts_of_features", "facts_of_session", "facts_of_units", "standing_of"]


def facts_of_units(strategy: Strategy, storage: Storage | None, key: str | None, said: Persona) -> dict[str, Value]:
    """Give what is known of the units that a person belongs to, such as "household.size".

    Args:
        said: what is imagined; of its levels nothing else counts.

    Raises:
        InputError: a value that is imagined does not fit.
        StoreError: the store cannot be read.
    """
    levels = strategy.registries.levels
    facts = persona_units(levels, said)
    if storage is not None and key is not None and levels:
        for level, unit in storage.units(*parted(key)).items():
            if level in levels and level not in said.units:
                facts.update(fitting(levels[level], unit.attributes)[0])
    return facts


def facts_of_session(
    strategy: Strategy,
    storage: Storage | None,
    key: str | None,
    session: str | None,
    now: datetime,
    cleared: Collection[str] = (),
) -> dict[str, Value]:
    """Give what the next decision of a conversation knows of it; without a store it is the first one.

    Args:
        key: of the person in the store, or None for nobody.
        cleared: attributes of the context that are said not to be known any more.

    Raises:
        StoreError: the store cannot be read.
    """
    if session is None or not needs_of(strategy).session:
        return {}
    told = Session()
    if storage is not None:
        whose = identified(key)
        speaker = Speaker(storage, whose, () if whose is None else (whose,))
        former = strategy.plan.limits.former
        told = read_session(storage, session, strategy.registries.kept, speaker, former)
    return {name: value for name, value in told.facts(now).items() if name.removeprefix("context.") not in cleared}


def facts_of_features(
    strategy: Strategy, storage: Storage | None, key: str | None, said: Persona, now: datetime, zone: str
) -> dict[str, Value]:
    """Compute the features of a person, who may be imagined.

    Args:
        said: what is imagined: its events besides those of the store, and the person alone in each of its units.
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
    histories = {level: (history_of(past), past[1]) for level, past in pasts.items() if level not in said.units}
    history, contacts = histories.pop("person", (EventHistory(), ()))
    # What happens to a person happens in their units.
    for one in (history, *(unit for unit, _ in histories.values())):
        let_happen(one, said.events, now, zone, 0)
    histories |= dict.fromkeys(said.units, (history, contacts))
    return features.read(history, contacts, now, zone, histories)


def standing_of(
    plan: Plan, storage: Storage | None, key: str | None, now: datetime, said: Persona, zone: str
) -> Standing:
    """Read history, consents, stocks and switches.

    Args:
        storage: None for a person without history, full stocks and no switch.
        key: of a person in the store, or None.
        said: what is imagined; of the purposes of its consents nothing else counts, nor of the levels of its units.
        zone: of the customer.

    Raises:
        StoreError: the store cannot be read.
    """
    agreed = persona_consents(said, zone)
    if storage is None:
        return Standing(consents=agreed)
    limits = plan.limits
    contacts: Sequence[Contact] = ()
    units: dict[str, Sequence[Contact]] = {}
    named = None if key is None else parted(key)
    if named is not None and limits.needs_contacts:
        since = instant(micros(now) - limits.horizon_seconds * MICRO)
        contacts = storage.contacts(named[0], since, named[1]).contacts
        for level in limits.levels & storage.units(*named).keys() - said.units.keys():
            units[level] = storage.happened(*named, since, level).contacts
    counts = storage.stocks([(stock, stock_at(plan, stock, now)[0]) for stock in limits.stocks])
    consents = storage.consents(*named) if named is not None and limits.purposes else ()
    units |= dict.fromkeys(said.units, contacts)
    return Standing(
        contacts=contacts,
        stocks={(count.stock, count.period): count.taken for count in counts},
        switched_off=off_today(limits, orders_of(storage.switches())),
        consents=(*(one for one in consents if one.purpose not in said.consents), *agreed),
        units=units,
    )
