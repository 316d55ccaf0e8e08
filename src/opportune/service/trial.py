"""The self-test of a new revision: what was asked lately is decided with it, before anybody relies on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from time import thread_time

import msgspec

from opportune.decide import Draws, State, decide, fallback, gather, seed_of
from opportune.decide.fallback import Reason
from opportune.decide.pipeline import Scorer, canonical, gathered_in
from opportune.errors import InputError, Problem, ProjectError
from opportune.records import Decision, DecisionRequest, PlacementRequest, Value
from opportune.service.contacts import read_contact
from opportune.service.profiles import fitting
from opportune.service.revisions import Strategy
from opportune.service.settings import wall_clock
from opportune.storage import Kind, Storage
from opportune.storage.parting import decision_of

__all__ = ["TRIED", "Trial", "recent_decisions", "try_on"]

TRIED = 200
"""Requests that are decided."""
LOOKED_AT = 50_000
"""Journal entries that are looked through for them: the search must not take longer than the test."""
PAGE = 1_000
TRIES = 3
"""A decision that took too long is timed again: the machine may have had other things to do."""
_PREFIX = "customer."


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """How a revision did on recent requests.

    Args:
        decided: requests that were decided.
        refused: what is wrong with the others under this revision, in words → how many. Such requests get an error
            from the moment it is live.
        slowest_ms: CPU time of the slowest decision.
    """

    decided: int
    refused: dict[str, int]
    slowest_ms: float


def recent_decisions(storage: Storage, limit: int = TRIED) -> list[Decision]:
    """Read the last decisions whose personal part is still there, newest first.

    Raises:
        StoreError: the store cannot be read.
    """
    found: list[Decision] = []
    for decision in _backwards(storage):
        if decision.facts:
            found.append(decision)
        if len(found) == limit:
            break
    return found


def _backwards(storage: Storage) -> Iterator[Decision]:
    end = high = storage.last_sequence()
    while high > max(0, end - LOOKED_AT):
        low = max(0, high - PAGE)
        for entry in reversed(storage.journal(low, PAGE, (Kind.DECISION,))):
            if entry.sequence <= high:
                yield decision_of(entry)
        high = low


def try_on(strategy: Strategy, model: Scorer, decisions: list[Decision]) -> Trial:
    """Decide past requests, with what was known then, as the revision would.

    Args:
        model: bound to the revision's plan, and used by nobody else meanwhile.

    Raises:
        ProjectError: one raises an error, gives no valid record or takes longer than its deadline.
    """
    _try_anonymous(strategy, model)
    decided, slowest = 0, 0.0
    refused: Counter[str] = Counter()
    for past in decisions:
        try:
            request, _ = read_contact(strategy.plan, strategy.registries, past.request)
        except InputError as error:
            refused.update({str(problem) for problem in error.problems})
            continue
        profile = _profile(strategy, past)
        seconds = _try(strategy, model, msgspec.structs.replace(past, request=request), profile)
        slowest = max(slowest, seconds)
        decided += 1
    return Trial(decided=decided, refused=dict(sorted(refused.items())), slowest_ms=slowest * 1e3)


def _try_anonymous(strategy: Strategy, model: Scorer) -> None:
    """Decide for somebody of whom nothing is known, and fall back, in every channel."""
    plan = strategy.plan
    for channel in plan.channels.values():
        wanted = tuple(PlacementRequest(name=name) for name in channel.placements)
        request = DecisionRequest(id="self-test", channel=channel.name, placements=wanted)
        now = wall_clock()
        try:
            decide(plan, State(model=model, position=0), request, now, Draws("self-test"))
            fallback(plan, request, gather(plan, {}, request, now), now, Reason.INTERNAL_ERROR)
        except Exception as error:
            where = f"self-test in channel {channel.name}"
            message = f"a contact of whom nothing is known raises {type(error).__name__}"
            raise ProjectError([Problem("", 0, 0, where, message, "please report it", "self-test")]) from error


def _profile(strategy: Strategy, past: Decision) -> dict[str, Value]:
    start = len(_PREFIX)
    known = {name[start:]: value for name, value in past.facts.items() if name.startswith(_PREFIX)}
    return fitting(strategy.registries.customer, known)[0]


def _try(strategy: Strategy, model: Scorer, past: Decision, profile: dict[str, Value]) -> float:
    """Decide once, more often where that took too long; give the shortest time in seconds."""
    plan = strategy.plan
    state = State(model=model, position=past.position, person=past.person, profile=profile, gathered=gathered_in(past))
    seconds = float("inf")
    for _ in range(TRIES):
        begin = thread_time()
        try:
            decision = decide(plan, state, past.request, past.at, Draws(seed_of(plan, state, past.request)))
            fault = "" if decision.degraded is None else f"it is degraded ({decision.degraded})"
            msgspec.json.decode(canonical(decision))
        except Exception as error:  # noqa: BLE001  Whatever a revision makes of a request, it must not go live.
            fault = f"it raises {type(error).__name__}"
        if fault:
            raise _failed(past, fault)
        seconds = min(seconds, thread_time() - begin)
        if seconds * 1e3 <= plan.deadline_ms:
            return seconds
    raise _failed(past, f"it takes {seconds * 1e3:.0f} ms, longer than the deadline of {plan.deadline_ms:g} ms")


def _failed(past: Decision, fault: str) -> ProjectError:
    where = f"self-test with recorded decision {past.id}"
    remedy = "decide it with 'opportune decide' to see more; please report it if the strategy is as you want it"
    return ProjectError([Problem("", 0, 0, where, fault, remedy, "self-test")])
