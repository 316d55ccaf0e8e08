"""Features: what a person's events and contacts come to at a moment, the same online and in batch."""

from opportune.customers.features.feature import CONTACT_ATTRIBUTES, PERSON, Feature, Source
from opportune.customers.features.feature_set import FeatureSet, Past
from opportune.customers.features.history import Event, EventHistory
from opportune.customers.features.kinds import KINDS
from opportune.customers.features.reader import Explained

__all__ = [
    "CONTACT_ATTRIBUTES",
    "KINDS",
    "PERSON",
    "Event",
    "EventHistory",
    "Explained",
    "Feature",
    "FeatureSet",
    "Past",
    "Source",
]
