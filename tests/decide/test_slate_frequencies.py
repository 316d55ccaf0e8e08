"""With linked candidates, too, whole slates are drawn as often as their logged probabilities say."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chisquare

from opportune.decide import Draws, State, decide
from opportune.decide.plan import Exploration
from opportune.decide.slate import Apart, Bundle, Links, Minimum, Most
from tests.decide.linked_worlds import asked
from tests.worlds import NOON, Item, World, model_of

DRAWS = 800
LEAST_EXPECTED = 5
WAYS = {
    "thompson": Exploration("thompson", 0.6, 0.1),
    "ceiling": Exploration("thompson", 0.6, 0.1, ceiling=0.4),
    "igw": Exploration("igw", 0.0, 0.1, gamma=5.0),
    "best with a floor": Exploration("none", 0.0, 0.3),
}


def some(*numbers):
    members = np.zeros(7, dtype=bool)
    members[list(numbers)] = True
    return members


LINKS = Links(
    quotas=(Most("q", "", some(4, 5, 6), 1, True),),
    apart=(Apart("a", ("x", "y"), np.array([0, -1, -1, 1, -1, -1, -1]), True),),
    bundles=(Bundle("b", (1, 2)),),
    minima=(Minimum("m", "", some(5, 6), 1, True, None),),
)


def drawn(plan, number, model):
    decision = decide(plan, State(model=model, position=0), asked(plan), NOON, Draws(f"f/{number}"))
    slate = tuple(trace.chosen for trace in decision.traces)
    return slate, float(np.prod([one.selection_probability for own in decision.placements for one in own.actions]))


def p_value(counts, chances):
    expected = np.array([chances[slate] for slate in counts]) * DRAWS
    seen = np.array(list(counts.values()), dtype=float)
    rare = expected < LEAST_EXPECTED
    # What was never drawn is as rare as what was seen hardly ever.
    seen, wanted = np.append(seen[~rare], seen[rare].sum()), expected[~rare]
    wanted = np.append(wanted, DRAWS - wanted.sum())
    keep = wanted > 1e-6 * DRAWS
    return chisquare(seen[keep], wanted[keep] * seen[keep].sum() / wanted[keep].sum()).pvalue


SHORT = ("thompson",)


@pytest.mark.parametrize("way", [way if way in SHORT else pytest.param(way, marks=pytest.mark.full) for way in WAYS])
def test_slates_are_drawn_as_often_as_logged(way):
    items = [Item(f"a{n}", value=1 + 0.1 * n) for n in range(7)]
    plan = replace(World(items, exploration=WAYS[way], sizes={"one": 2, "two": 2}).plan(), links=LINKS)
    model = model_of(plan, "auto")
    counts, chances = Counter(), {}
    for number in range(DRAWS):
        slate, chance = drawn(plan, number, model)
        counts[slate] += 1
        assert chances.setdefault(slate, chance) == pytest.approx(chance)

    assert p_value(counts, chances) > 0.001
    assert sum(chances.values()) <= 1 + 1e-6
    best = max(chances, key=chances.get)
    counts[best] = 0
    assert p_value(counts, chances) < 0.001
