"""Decision core with contact policies, stocks and budgets, against the same core without.

./run bench decide-limits [--size 1000] [--contacts 40] [--rounds 30] [--page docs/benchmarks.md]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.engine import Engine, build_plan, usual_model, warm_model
from benchmarks.page import PAGE, machine
from benchmarks.page import replace as replace_section
from benchmarks.timing import Contender, measure, pin
from benchmarks.world import NOW, World, make_world
from opportune.decide import Draws, Plan, Standing, State, decide, gather, holds_of, reserves_of
from opportune.decide.known import KnownFacts
from opportune.decide.limits.limits import Apart, AtMost, Limits, Quiet, Rest, Scope, Stock
from opportune.decide.limits.windows import Length, micros
from opportune.learning import PropensityModel
from opportune.records import Contact, Decision, DecisionRequest, PlacementRequest, Stage
from opportune.service.collector import quiet_collector

__all__ = ["LimitedEngine", "limited_plan", "main"]

CUSTOMERS = 300
ROUNDS = 30
LEFT_MOST = 200
RATIO_MOST = 2.0
"""How much dearer a decision may be with limits."""


def limited_plan(plan: Plan, world: World) -> Plan:
    """Add seven contact policies of all forms and three stocks, each used by a third of the actions."""
    size = world.size
    kinds = [key.group for key in world.keys]
    groups = {
        group: slice(kinds.index(group), kinds.index(group) + kinds.count(group)) for group in dict.fromkeys(kinds)
    }
    actions = {key.action: (slice(i, i + 1), key.group, "offer") for i, key in enumerate(world.keys)}
    counts = {group: kinds.count(group) for group in groups}
    scope = Scope(np.ones(size, dtype=bool), frozenset(actions), counts, None, True)
    week, month = Length(7), Length(30)
    shown = frozenset({"shown"})
    policies = (
        AtMost("ten_a_week", scope, 10, week, shown, "person"),
        AtMost("twice_each", scope, 2, month, shown, "action"),
        AtMost("four_of_a_group", scope, 4, month, shown, "group"),
        Rest("rest_after_views", scope, "view", 3, week, "click", Length(10), "action"),
        Rest("rest_after_no", scope, "reject", 1, None, None, Length(90), "action"),
        Quiet("nights", scope, 21 * 60, 8 * 60, frozenset(range(7))),
        Apart("breath", scope, Length(0, 600)),
    )
    third = np.arange(size) % 3
    stocks = {
        stock.name: stock
        for stock in (
            _stock("headsets", np.where(third == 0, 1, 0), 500, "", False),
            _stock("spring", np.where(third == 1, 1_250, 0), 1_000_000, "month", True),
            _stock("callbacks", np.where(third == 2, 8, 0), 600, "hour", False),
        )
    }
    limits = Limits(
        zone="UTC",
        policies=policies,
        stocks=stocks,
        actions=actions,
        groups=groups,
        size=size,
        horizon_seconds=100 * 86_400,
    )
    return replace(plan, limits=limits, _worth={}, _standing={})


def _stock(name: str, uses: np.ndarray, units: int, period: str, paced: bool) -> Stock:
    amounts = tuple(sorted(uses[uses > 0].tolist()))
    return Stock(name, units, period, paced, Length(1), ("accept",), ("reject",), uses.astype(np.int64), amounts)


def histories(world: World, contacts: int) -> list[list[Contact]]:
    """Make what every customer was shown in a hundred days, and answered."""
    draw = np.random.default_rng(5)
    now = micros(NOW)
    found = []
    for _ in world.profiles:
        ago = np.sort(draw.integers(3_600, 100 * 86_400, contacts))[::-1]
        whats = draw.choice(["shown", "view", "click", "reject"], contacts, p=[0.6, 0.25, 0.1, 0.05])
        keys = [world.keys[i] for i in draw.integers(0, world.size, contacts)]
        found.append(
            [
                Contact(now - int(seconds) * 1_000_000, str(what), key.action, key.treatment, "web", "main", "")
                for seconds, what, key in zip(ago, whats, keys, strict=True)
            ]
        )
    return found


class LimitedEngine:
    """A decision with all that limits add to it: what binds, what is held back, and what is taken of stocks."""

    def __init__(self, plan: Plan, world: World, model: PropensityModel, contacts: int) -> None:
        self._plan, self._model = plan, model
        self._profiles = [KnownFacts(profile) for profile in world.profiles]
        self._histories = histories(world, contacts)
        taken = {("headsets", ""): 500, ("spring", f"{NOW:%Y-%m}"): 990_000}
        self._standings = [Standing(history, taken) for history in self._histories]
        wanted = (PlacementRequest(name="main"),)
        self._requests = [
            DecisionRequest(id=f"r{i}", customer=f"c{i}", session=f"s{i}", channel="web", placements=wanted)
            for i in range(len(world.profiles))
        ]

    def decide(self, customer: int) -> Decision:
        """Decide for one customer."""
        plan, request, profile = self._plan, self._requests[customer], self._profiles[customer]
        facts = gather(plan, profile, request, NOW)
        holds = holds_of(plan, self._standings[customer], facts, NOW, 3)
        state = State(model=self._model, position=0, person=f"p{customer}", profile=profile, holds=holds)
        decision = decide(plan, state, request, NOW, Draws(f"s{customer}|r1|0"))
        reserves_of(plan, decision, NOW)
        return decision


def _left(decision: Decision) -> int:
    stages = np.frombuffer(decision.traces[0].stages, dtype=np.uint8)
    return int(np.isin(stages, (Stage.SHOWN, Stage.OUTRANKED)).sum())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 where a decision with limits is dearer than it may be."""
    parser = argparse.ArgumentParser(prog="./run bench decide-limits", description=__doc__)
    parser.add_argument("--size", type=int, default=1_000, help="number of actions")
    parser.add_argument("--contacts", type=int, default=40, help="contacts in a person's history")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="fewer only print the table")
    parser.add_argument("--page", type=Path, default=PAGE, help="page to write into, by its markers")
    options = parser.parse_args(arguments)
    pin()
    world = make_world(options.size, customers=CUSTOMERS)
    plan = build_plan(world)
    limited = limited_plan(plan, world)
    lines = [
        f"Machine: {machine()}, one core; {options.size:,} actions, {options.contacts} contacts in every history.",
        "Command: `./run bench decide-limits`.",
        "",
        "| µs, median | without limits | with limits | times |",
        "|---|---:|---:|---:|",
    ]
    failed = False
    for name, model in (
        ("default model, Numba kernel", usual_model(world, "numba")),
        ("bayes, Numba kernel", warm_model(world, "numba")),
        ("bayes, NumPy kernel", warm_model(world, "numpy")),
    ):
        without, engine = Engine(plan, world, model), LimitedEngine(limited, world, model, options.contacts)
        left = [_left(engine.decide(customer)) for customer in range(CUSTOMERS)]
        contenders: dict[str, Contender] = {"without": without.decide, "with": engine.decide}
        quiet_collector()
        found = measure(contenders, CUSTOMERS, options.rounds, round_seconds=0.05)
        times = found["with"].median / found["without"].median
        lines.append(f"| {name} | {found['without'].median:,.0f} | {found['with'].median:,.0f} | {times:.2f} |")
        failed |= times > RATIO_MOST or max(left) > LEFT_MOST
    kept = "missed" if failed else "kept"
    lines += ["", f"Left for the slate: {np.median(left):.0f} (median), {max(left)} at most."]
    lines.append(f"Aim, at most {RATIO_MOST:g} times the figure without: {kept}.")
    text = "\n".join(lines)
    print(text)
    if options.rounds >= ROUNDS:
        replace_section(options.page, "decide-limits", text)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
