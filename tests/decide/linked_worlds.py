"""Small plans whose candidates are linked at random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from opportune.decide import Draws, State, decide
from opportune.decide.plan import Exploration, Plan
from opportune.records import Decision, DecisionRequest, PlacementRequest
from tests.decide.slate_problems import Problem, random_links
from tests.worlds import NOON, Item, World, model_of, request

EXPLORATIONS = (
    Exploration("none", 0.0, 0.0),
    Exploration("none", 0.0, 0.2),
    Exploration("thompson", 0.5, 0.05),
    Exploration("thompson", 0.5, 0.05, ceiling=0.3),
    Exploration("igw", 0.0, 0.05, gamma=30.0),
)


def linked_plan(rng: np.random.Generator, exploration: Exploration | None = None) -> Plan:
    """Make a plan of up to nine candidates and three placements, some of its actions mandatory or in groups."""
    count = int(rng.integers(2, 8))
    items = [
        Item(
            f"a{n}",
            value=float(rng.random() + 0.1),
            treatments=("card", "line") if rng.random() < 0.2 else ("card",),
            mandatory="true" if rng.random() < 0.1 else "",
            exclusive=frozenset({"x"} if rng.random() < 0.2 else ()),
        )
        for n in range(count)
    ]
    way = exploration or EXPLORATIONS[rng.integers(len(EXPLORATIONS))]
    sizes = {name: int(rng.integers(1, 4)) for name in ("one", "two", "three")[: rng.integers(1, 4)]}
    plan = World(items, exploration=way, sizes=sizes).plan()
    desk, share = plan.channels["desk"], rng.choice([0.6, 1.0])
    slots = {
        name: replace(slot, fits=rng.random(len(plan.candidates)) < share) for name, slot in desk.placements.items()
    }
    links = random_links(rng, plan.action_of, count)
    return replace(plan, channels={"desk": replace(desk, placements=slots)}, links=links)


def asked(plan: Plan, number: int = 0) -> DecisionRequest:
    """Ask for all placements."""
    wanted = tuple(PlacementRequest(name=name) for name in plan.channels["desk"].placements)
    return request(f"r-{number}", placements=wanted)


def decided(plan: Plan, seed: str, kernel: str = "numpy") -> Decision:
    """Decide with an untrained model."""
    return decide(plan, State(model=model_of(plan, kernel), position=0), asked(plan), NOON, Draws(seed))


def problem_of(plan: Plan, decision: Decision) -> Problem:
    """Say as a problem what a decision without mandatory actions solved."""
    from opportune.decide.slate_fill import board_of

    slots = plan.channels["desk"].placements.values()
    priority = np.zeros(len(plan.candidates), dtype=np.float32)
    for trace in decision.traces:
        parts = np.frombuffer(trace.parts, dtype="<f4").reshape(-1, len(plan.part_names))
        priority[np.frombuffer(trace.kept, dtype="<u4")] = parts[:, plan.part_names.index("priority")]
    return Problem(
        board_of(plan, {}, ()), np.array([slot.fits for slot in slots]), [slot.size for slot in slots], priority
    )
