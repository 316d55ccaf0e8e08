"""Laws of judging another strategy: odds are a distribution, a strategy is alike itself, and worth scales."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opportune.decide import Draws, State, decide
from opportune.decide.plan import Exploration
from opportune.evaluate.off_policy import ESTIMATORS, Sample
from opportune.evaluate.off_policy.odds import odds_of, place_chances, unreachable
from opportune.outcomes import new_model
from opportune.records import PlacementRequest
from tests.worlds import NOON, Item, World, request

items = st.lists(
    st.builds(
        Item,
        name=st.sampled_from("abcdefghij"),
        value=st.floats(0.0, 5.0, allow_subnormal=False),
        treatments=st.sampled_from([("card",), ("card", "photo")]),
        exclusive=st.sampled_from([frozenset(), frozenset({"x"})]),
        mandatory=st.sampled_from(["", "", "", "customer.age > 60"]),
        eligibility=st.sampled_from([(), ("customer.age > 30",)]),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda item: item.name,
)
explorations = st.builds(
    Exploration, method=st.sampled_from(["thompson", "none"]), scale=st.floats(0.0, 1.0), floor=st.floats(0.0, 0.5)
)


@settings(max_examples=60)
@given(items, explorations, st.integers(18, 90), st.integers(1, 3), st.text("abc", max_size=3))
def test_odds_are_a_distribution_that_gives_what_was_recorded(things, exploration, age, size, seed):
    plan = World(things, exploration=exploration).plan()
    state = State(model=new_model(plan, "numpy"), position=0, profile={"customer.age": age})
    asked = request(placements=(PlacementRequest(name="main", size=size),))
    decision = decide(plan, state, asked, NOON, Draws(seed))

    odds = odds_of(plan, state, asked, decision, size, [[]])

    shown = decision.placements[0].actions
    chosen = decision.traces[0].chosen
    assert len(odds.candidates) == 0 or odds.chances.sum() == pytest.approx(1.0, abs=1e-4)
    assert odds.chance_of(chosen[0] if chosen else None) == pytest.approx(
        shown[0].selection_probability if shown else 1.0, abs=1e-6
    )
    logged = place_chances(plan, decision, 0)
    assert unreachable(odds, list(range(len(plan.candidates))), logged) == pytest.approx(0.0, abs=1e-4)


@settings(max_examples=60)
@given(items, explorations, st.integers(18, 90), st.text("abc", max_size=3))
def test_every_place_has_the_odds_that_it_was_filled_with(things, exploration, age, seed):
    sizes = {"main": 2, "side": 2}
    plan = World(things, exploration=exploration, sizes=sizes).plan()
    state = State(model=new_model(plan, "numpy"), position=0, profile={"customer.age": age})
    asked = request(placements=tuple(PlacementRequest(name=name) for name in sizes))
    decision = decide(plan, state, asked, NOON, Draws(seed))
    chosen = [trace.chosen for trace in decision.traces]

    for number, answer in enumerate(decision.placements):
        for place, shown in enumerate(answer.actions):
            odds = odds_of(plan, state, asked, decision, 2 - place, [*chosen[:number], chosen[number][:place]])
            told = odds.chance_of(chosen[number][place])
            # Behind the first place of a placement, chances are computed about other means.
            assert told == pytest.approx(shown.selection_probability, abs=0.02 if place else 1e-6)


@settings(max_examples=30)
@given(st.integers(0, 100), st.floats(0.1, 10.0), st.floats(-5.0, 5.0))
def test_what_is_worth_more_everywhere_earns_more_everywhere(seed, factor, more):
    n = 150

    def sample(scale, shift):
        own = np.random.default_rng(seed)
        reward = own.random(n) * scale + shift
        foretold = own.random(n) * scale + shift
        return Sample(
            reward=reward,
            logged=own.uniform(0.2, 1.0, n),
            wanted=own.uniform(0.2, 1.0, n),
            person=np.arange(n),
            predicted=foretold,
            expected=foretold,
            beyond=np.zeros(n),
        )

    plain, changed = sample(1.0, 0.0), sample(factor, more)
    for name in ("snips", "direct", "dr"):
        assert value(name, changed) == pytest.approx(factor * value(name, plain) + more, rel=1e-6, abs=1e-6)


def value(name, sample):
    over, under = ESTIMATORS[name](sample)
    return over.sum() / under.sum()
