"""A store of recorded decisions whose answers follow known chances, so that the truth of any strategy is known."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import numpy as np
from msgspec.structs import replace

from opportune.decide import Draws, State, decide, seed_of
from opportune.outcomes import new_model
from opportune.records import DecisionRequest, Hold, Origin, Outcome, PlacementRequest, Sign
from opportune.service.revisions import bundle_of, strategy_from_files
from opportune.storage import RecordOutcome, SaveDecision, SaveRevision, SqliteStorage, WindowOpened
from tests.service.shop import files

__all__ = ["BEGIN", "CHANCES", "exploring", "record"]

BEGIN = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
CHANCES = {"water": 0.5, "coffee": 0.3, "wine": 0.05, "call_back": 0.2}
BATCH = 200

CHANNELS = """
till:
  outcomes: [impression, accept, reject]
  placements:
    receipt: {{size: 2, fallback: [water], exploration: {{method: thompson, floor: {floor}}}}}
    screen: {{size: 1, fallback: []}}
app:
  outcomes: [impression, accept, reject]
  response_window: {{hours: 1, default: reject}}
  placements:
    card: {{size: 1, fallback: [water]}}
"""


def exploring(floor=0.5, **changed):
    """The corner shop with so much exploration that its log can judge others."""
    return strategy_from_files(files(channels=CHANNELS.format(floor=floor), **changed))[0]


def record(path, strategy, count, seed=1, persons=1_000, origin=Origin.ENGINE, waiting=None, elsewhere=False):
    """Write decisions of an untaught model, with an answer to each first place.

    Args:
        elsewhere: of every tenth decision, the answer is about an action that was not shown.
        waiting: moment at which the response window of every tenth decision ends.
    """
    rng = np.random.default_rng(seed)
    model = new_model(strategy.plan, "numpy")
    with SqliteStorage(path) as storage:
        storage.write([SaveRevision(id="revision-1", hash=strategy.plan.revision, bundle=bundle_of(strategy.project))])
        writes = []
        for number in range(count):
            decision = decided(strategy, model, rng, number, persons)
            first = decision.placements[0].actions[0]
            windows = ()
            if waiting is not None and number % 10 == 0:
                windows = (
                    WindowOpened(action=first.action, treatment=first.treatment, outcome="reject", due_at=waiting),
                )
            writes.append(SaveDecision(decision=decision, answer=b"{}", origin=origin, windows=windows))
            name = "accept" if rng.random() < CHANCES.get(first.action, 0.2) else "reject"
            if elsewhere and number % 10 == 0:
                first = replace(first, action="elsewhere")
            writes.append(answer(decision, first, name, number))
            if len(writes) >= BATCH or number == count - 1:
                refused = [one for one in storage.write(writes) if isinstance(one, Exception)]
                assert refused == []
                writes = []


def decided(strategy, model, rng, number, persons, objected=False):
    """Decide for a session, or for a person without one who objected to profiling."""
    profile = {"customer.age": int(rng.integers(10, 80)), "customer.member": bool(rng.random() < 0.5)}
    weather = "Rainy" if rng.random() < 0.5 else "Sunny"
    request = DecisionRequest(
        id=f"r-{number}",
        session=None if objected else f"s-{number % persons}",
        channel="till",
        placements=(PlacementRequest(name="receipt"),),
        context={"weather": weather},
    )
    state = State(model=model, position=0, profile=profile, profile_version=number)
    if objected:
        state = dataclasses.replace(
            state, person=f"p-{number}", holds=(Hold("profiling", "consent", "profile", 0, 0, 0),)
        )
    moment = BEGIN + timedelta(minutes=number)
    return decide(strategy.plan, state, request, moment, Draws(seed_of(strategy.plan, state, request)))


def answer(decision, shown, outcome, number):
    sign = Sign.POSITIVE if outcome == "accept" else Sign.NEGATIVE
    said = Outcome(id=f"o-{number}", decision=decision.id, action=shown.action, outcome=outcome)
    return RecordOutcome(outcome=said, origin=Origin.CHANNEL, treatment=shown.treatment, placement="receipt", sign=sign)
