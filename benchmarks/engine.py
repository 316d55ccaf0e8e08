"""Opportune's own decision core on a made-up world, as the service calls it: `decide` with all its traces."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from benchmarks.rule_texts import cel
from benchmarks.world import NOW, World
from opportune.decide import Draws, Plan, State, decide
from opportune.decide.known import KnownFacts
from opportune.decide.plan import Channel, Exploration, Goal, Placement, PlanAction
from opportune.learning import USUAL, Contest, ModelSpec, PropensityModel, make_contest
from opportune.learning.bayes import BayesModel
from opportune.records import Decision, DecisionRequest, PlacementRequest, Sign, ValueType
from opportune.rules import RuleSet, Schema, check

__all__ = ["FLOOR", "GOAL", "SCALE", "Engine", "build_plan", "usual_model", "warm_model"]

SCALE = 0.2
FLOOR = 0.02
PLACES = 3
GOAL = Goal("profit", weight=1.0, normal=10.0, segments=())


def build_plan(world: World) -> Plan:
    """Compile the world as the service would: rule i of every three in another layer of the gate."""
    schema = Schema({p.name: p.type for p in world.predictors} | {"now": ValueType.TIMESTAMP})
    rules = [check(cel(rule), schema) for rule in world.rules]
    layers = [[[rule] if i % 3 == layer else [] for i, rule in enumerate(rules)] for layer in range(3)]
    size = world.size
    exploration = Exploration("thompson", SCALE, FLOOR)
    placement = Placement("web", "main", PLACES, np.ones(size, dtype=np.bool_), (), exploration)
    window = {"accept": Sign.POSITIVE, "reject": Sign.NEGATIVE}
    return Plan(
        revision="r1",
        name="bench",
        zone="UTC",
        languages=("en",),
        actions=tuple(
            PlanAction(key.action, key.group, "offer", True, -np.inf, np.inf, frozenset()) for key in world.keys
        ),
        candidates=tuple(world.keys),
        action_of=np.arange(size),
        channels={"web": Channel("web", {"main": placement}, window, None, None)},
        gate=RuleSet([conjunction for layer in layers for conjunction in layer]),
        segments=RuleSet([]),
        context_rules=RuleSet([]),
        context_weights=(),
        mandatory_rules=None,
        goals=(GOAL,),
        outcomes=("accept",),
        values=world.values[None, None, :],
        shown_values=world.costs[None, :],
        levers=world.levers,
        exclusion=np.zeros((0, size), dtype=np.bool_),
        control_groups=(),
        content=tuple({"en": {"title": f"Offer {key.action}"}} for key in world.keys),
        predictors=tuple(world.predictors),
        models=(ModelSpec("main", "bayes", tuple(world.predictors)),),
        champion="main",
        deadline_ms=100.0,
    )


def warm_model(world: World, kernel: str) -> BayesModel:
    """Learn the world's answers."""
    model = BayesModel(world.predictors, ["accept"], kernel=kernel)
    _teach(model, world)
    return model


def usual_model(world: World, kernel: str) -> Contest:
    """Make what the service makes of a project that describes no model, and learn the world's answers."""
    spec = replace(USUAL, predictors=tuple(world.predictors))
    model = make_contest([spec], spec.name, ["accept"], kernel)
    _teach(model, world)
    return model


def _teach(model: PropensityModel, world: World) -> None:
    model.bind(world.keys)
    for customer, candidate, accepted in world.answers:
        model.learn(world.profiles[customer], candidate, 0, accepted)


class Engine:
    """`decide` for any customer of a world with one model.

    Profiles are in memory, as the service keeps them: with what was read of them for an earlier decision.
    """

    def __init__(self, plan: Plan, world: World, model: PropensityModel) -> None:
        self._plan = plan
        self._profiles = world.profiles
        self._states = [
            State(model=model, position=0, person=f"p{i}", profile=KnownFacts(profile))
            for i, profile in enumerate(world.profiles)
        ]
        wanted = (PlacementRequest(name="main"),)
        self._requests = [
            DecisionRequest(id=f"r{i}", customer=f"c{i}", session=f"s{i}", channel="web", placements=wanted)
            for i in range(len(world.profiles))
        ]

    def decide(self, customer: int) -> Decision:
        """Decide for one customer."""
        request = self._requests[customer]
        return decide(self._plan, self._states[customer], request, NOW, Draws(f"s{customer}|r1|0"))

    def decide_first(self, customer: int) -> float:
        """Decide for one customer of whom nothing was read before; give the microseconds."""
        request, known = self._requests[customer], KnownFacts(self._profiles[customer])
        state = replace(self._states[customer], profile=known)
        begin = time.perf_counter_ns()
        decide(self._plan, state, request, NOW, Draws(f"s{customer}|r1|0"))
        return (time.perf_counter_ns() - begin) / 1000.0
