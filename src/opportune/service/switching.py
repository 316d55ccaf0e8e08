"""From one revision to the next while requests are served: all is made ready aside, then one pointer moves.

Whoever decides reads the pointer once per request, so an answer is of one revision from beginning to end.
"""

from __future__ import annotations

from opportune.decide import Draws, State, decide
from opportune.decide.pipeline import Scorer
from opportune.records import DecisionRequest, PlacementRequest
from opportune.service.live import Knowledge, Serving
from opportune.service.profiles import Profiles
from opportune.service.revisions import Strategy
from opportune.service.settings import Settings, wall_clock
from opportune.storage import Storage

__all__ = ["first_serving", "next_serving", "warm"]


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


def warm(strategy: Strategy, model: Scorer) -> None:
    """Decide once per channel, so that what a plan computes when it is first used is there before the first request.

    Args:
        model: bound to the plan, and used by nobody else meanwhile.
    """
    plan = strategy.plan
    state = State(model=model, position=0)
    now = wall_clock()
    for channel in plan.channels.values():
        wanted = tuple(PlacementRequest(name=name) for name in channel.placements)
        request = DecisionRequest(id="warm", channel=channel.name, placements=wanted)
        decide(plan, state, request, now, Draws("warm"))
