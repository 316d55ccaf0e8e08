"""Logged selection probabilities are those with which actions are really chosen."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chisquare

from opportune.decide import Draws, State, decide
from opportune.decide.plan import Exploration
from tests.worlds import NOON, Item, World, model_of, request

DRAWS = 20_000
LEAST_EXPECTED = 5
"""Rarer candidates are pooled, as the test's approximation asks."""


@pytest.fixture(scope="module")
def taught():
    items = [Item(f"a{n}", value=1 + 0.05 * n, group=f"g{n % 3}") for n in range(8)]
    plan = World(items, exploration=Exploration("thompson", 0.5, 0.05), sizes={"main": 1}).plan()
    model = model_of(plan, "auto")
    rng = np.random.default_rng(7)
    for _ in range(600):
        facts = {"customer.age": int(rng.integers(18, 90)), "customer.city": str(rng.choice(["Oslo", "Rome"]))}
        candidate = int(rng.integers(8))
        model.learn(facts, candidate, 0, bool(rng.random() < 0.2 + 0.05 * candidate))
    return plan, model


def draw_many(plan, model, facts, seed, logged=None):
    """Decide often; give how often each candidate was shown and the probabilities that were logged."""
    state = State(model=model, position=0, profile=facts)
    asked = request()
    counts = np.zeros(len(plan.candidates))
    probabilities = np.zeros(len(plan.candidates))
    for number in range(DRAWS):
        decision = decide(plan, state, asked, NOON, Draws(f"{seed}/{number}"))
        shown = decision.placements[0].actions[0]
        candidate = decision.traces[0].chosen[0]
        counts[candidate] += 1
        probabilities[candidate] = shown.selection_probability
    return counts, probabilities


def p_value(counts, probabilities):
    missed = 1 - probabilities.sum()
    expected = probabilities * counts.sum()
    rare = expected < LEAST_EXPECTED
    seen = np.append(counts[~rare], counts[rare].sum())
    wanted = np.append(expected[~rare], expected[rare].sum() + missed * counts.sum())
    keep = wanted > 0
    return chisquare(seen[keep], wanted[keep] * seen[keep].sum() / wanted[keep].sum()).pvalue


EXPLORATIONS = {
    "floor": Exploration("thompson", 0.5, 0.05),
    "ceiling": Exploration("thompson", 0.5, 0.05, ceiling=0.3),
    "igw": Exploration("igw", 0.0, 0.05, gamma=30.0),
    "igw by evidence": Exploration("igw", 0.0, 0.0, ceiling=0.5),
}
WAYS = [(context, name) for context in range(10) for name in EXPLORATIONS][:: len(EXPLORATIONS) + 1]
"""Ten contexts, the ways in turn; all of them with each other in the full form."""
OTHERS = [(context, name) for context in range(10) for name in EXPLORATIONS if (context, name) not in WAYS]


def explored(plan, exploration, ramping):
    """The plan with another exploration, and every third action in ramp-up."""
    desk = plan.channels["desk"]
    slots = {name: replace(slot, exploration=exploration) for name, slot in desk.placements.items()}
    held = np.arange(len(plan.actions)) % 3 == 0
    ramp_up = np.array([np.where(held, 0.01, 1.0), np.where(held, 300.0, 0.0)]) if ramping else None
    return replace(plan, channels={"desk": replace(desk, placements=slots)}, ramp_up=ramp_up, _standing={})


@pytest.mark.parametrize(
    ("context", "way"),
    [*WAYS, *(pytest.param(*other, marks=pytest.mark.full) for other in OTHERS)],
)
def test_frequencies_agree_with_logged_probabilities(taught, context, way):
    plan, model = taught
    plan = explored(plan, EXPLORATIONS[way], ramping=context % 2 == 1)
    facts = {"customer.age": 20 + 7 * context, "customer.city": ["Oslo", "Rome"][context % 2]}

    counts, probabilities = draw_many(plan, model, facts, f"context-{context}")

    assert p_value(counts, probabilities) > 0.001


def test_probabilities_logged_before_a_filter_would_be_caught(taught):
    plan, model = taught
    counts, probabilities = draw_many(plan, model, {"customer.age": 40}, "control")
    best = int(np.argmax(counts))

    counts[best] = 0

    assert p_value(counts, probabilities) < 0.001
