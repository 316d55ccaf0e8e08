"""What features are made of, as a store has it."""

from __future__ import annotations

from collections.abc import Mapping

from opportune.customers.features import EventHistory, FeatureSet
from opportune.customers.features.batch import Known, Past
from opportune.customers.identity import Identifier
from opportune.decide.limits.windows import instant
from opportune.decide.zones import zone_of as zone_that_counts
from opportune.service.revisions import Strategy
from opportune.storage import Storage

__all__ = ["history_of", "pasts_of", "zone_of"]

_EVER = instant(-(2**62))


def pasts_of(storage: Storage, features: FeatureSet, customer: Identifier) -> dict[str, Past]:
    """Give events and contacts of a customer, and of the units that they belong to and features count."""
    units = storage.units(customer.value, customer.kind) if features.levels else {}
    levels: Mapping[str, str | None] = {"person": None, **{level: level for level in features.levels if level in units}}
    return {name: _past(storage, customer, level) for name, level in levels.items()}


def _past(storage: Storage, customer: Identifier, level: str | None) -> Past:
    found = storage.happened(customer.value, customer.kind, _EVER, level)
    events = [Known(one.sequence, one.at, one.recorded_at, one.type, one.attributes) for one in found.events]
    return events, found.contacts


def history_of(past: Past) -> EventHistory:
    """Give all events of a past."""
    history = EventHistory()
    for event in past[0]:
        history.add(event.key, event.at, event.type, event.attributes)
    return history


def zone_of(storage: Storage, strategy: Strategy, customer: Identifier) -> str:
    """Give the customer's own zone, or that of the project."""
    profile = storage.profile(customer.value, customer.kind)
    own = None if profile is None else profile.attributes.get("time_zone")
    return zone_that_counts(own, strategy.project.settings.time_zone)
