"""From one revision to the next while requests are served: all is made ready aside, then one pointer moves.

Whoever decides reads the pointer once per request, so an answer is of one revision from beginning to end.
"""

from __future__ import annotations

from opportune.service.live import Knowledge, Serving
from opportune.service.profiles import Profiles
from opportune.service.revisions import Strategy
from opportune.service.settings import Settings
from opportune.storage import Storage

__all__ = ["first_serving", "next_serving"]


def first_serving(
    storage: Storage, settings: Settings, strategy: Strategy, learned: Knowledge | None, number: int
) -> Serving:
    """Put a strategy and its model together.

    Args:
        number: of the revision.
    """
    return Serving(strategy, learned, Profiles(storage, strategy.registries.customer, settings.profiles_max), number)


def next_serving(
    storage: Storage, settings: Settings, before: Serving, strategy: Strategy, learned: Knowledge | None, number: int
) -> Serving:
    """Do as `first_serving`; profiles in memory stay where both strategies declare the same attributes."""
    if _declares(strategy) == _declares(before.strategy):
        return Serving(strategy, learned, before.profiles, number)
    return first_serving(storage, settings, strategy, learned, number)


def _declares(strategy: Strategy) -> tuple[object, object]:
    return strategy.project.attributes, strategy.project.settings.unknown_attributes
