"""Laws of slates: whatever is drawn, the answer keeps every rule."""

import numpy as np
import pytest

from opportune.decide import canonical
from opportune.decide.slate import NO_LINKS, Links, Minimum, Most
from opportune.decide.slate_fill import is_linked
from opportune.records import Stage
from tests.decide.linked_worlds import EXPLORATIONS, asked, decided, linked_plan, problem_of
from tests.decide.slate_problems import all_slates, best_by_trying, is_valid, missing
from tests.worlds import Item, World, replace

EXCLUSIVE, LINKED = bytes([Stage.EXCLUSIVE]), bytes([Stage.LINKED])


def without_mandatory(plan):
    return replace(plan, mandatory_rules=None)


@pytest.mark.parametrize("count", [40, pytest.param(3_000, marks=pytest.mark.full)])
def test_every_slate_is_valid_and_misses_no_more_of_its_minima_than_it_must(count):
    rng = np.random.default_rng(count)
    for number in range(count):
        plan = without_mandatory(linked_plan(rng))

        decision = decided(plan, f"s-{number}")

        problem, slate = problem_of(plan, decision), tuple(trace.chosen for trace in decision.traces)
        assert is_valid(problem.board, slate), (number, slate, plan.links)
        least = min(missing(problem.board, one) for one in all_slates(problem))
        assert missing(problem.board, slate) == least, (number, slate, plan.links)


@pytest.mark.parametrize("count", [40, pytest.param(3_000, marks=pytest.mark.full)])
def test_slates_with_mandatory_actions_are_valid(count):
    rng = np.random.default_rng(count + 1)
    for number in range(count):
        plan = linked_plan(rng)

        decision = decided(plan, f"s-{number}")

        assert is_valid(problem_of(plan, decision).board, tuple(trace.chosen for trace in decision.traces))


def test_without_exploration_it_is_the_best_slate():
    rng = np.random.default_rng(3)
    for number in range(25):
        plan = without_mandatory(linked_plan(rng, EXPLORATIONS[0]))

        decision = decided(plan, f"s-{number}")

        shown = [list(trace.chosen) for trace in decision.traces]
        assert shown == best_by_trying(problem_of(plan, decision)), number


def test_every_chance_is_at_least_its_floor_and_stages_say_who_stands():
    rng = np.random.default_rng(4)
    for number in range(25):
        plan = linked_plan(rng)

        decision = decided(plan, f"s-{number}")

        for trace, answer in zip(decision.traces, decision.placements, strict=True):
            stages = np.frombuffer(trace.stages, dtype=np.uint8)
            assert sorted(np.flatnonzero(stages == Stage.SHOWN)) == sorted(trace.chosen)
            floor = plan.channels["desk"].placements[trace.name].exploration.floor / len(plan.candidates)
            assert all(one.selection_probability >= floor - 1e-12 for one in answer.actions)


def test_the_same_seed_gives_the_same_slate_in_both_kernels_without_exploration():
    rng = np.random.default_rng(6)
    for number in range(20):
        plan = linked_plan(rng, EXPLORATIONS[0])

        one, other = (decided(plan, f"s-{number}", kernel) for kernel in ("numpy", "numba"))

        assert [trace.chosen for trace in one.traces] == [trace.chosen for trace in other.traces]


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_rules_that_never_bind_change_nothing(kernel):
    rng = np.random.default_rng(9)
    for number in range(10):
        way = replace(EXPLORATIONS[number % len(EXPLORATIONS)], ceiling=1.0)
        drawn = linked_plan(rng, way)
        slots = drawn.channels["desk"].placements
        alike = {name: replace(slot, fits=np.ones_like(slot.fits)) for name, slot in slots.items()}
        channel = replace(drawn.channels["desk"], placements=dict(list(alike.items())[:1]))
        plan = replace(drawn, channels={"desk": channel}, links=NO_LINKS)
        idle = replace(
            plan, links=Links(quotas=(Most("idle", "", np.ones_like(plan.action_of, dtype=bool), 50, False),))
        )

        one, other = (decided(given, f"s-{number}", kernel) for given in (plan, idle))

        assert one.placements == other.placements
        assert one.traces[0].stages == other.traces[0].stages
        assert one.traces[0].uniforms == other.traces[0].uniforms
        assert one.traces[0].kept == other.traces[0].kept


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_counting_place_by_place_is_filling_as_a_whole(kernel):
    rng = np.random.default_rng(12)
    bound = 0
    for number in range(40):
        plan = without_mandatory(linked_plan(rng, EXPLORATIONS[2 + number % 3]))
        some = [(rng.random(len(plan.actions)) < 0.6)[plan.action_of] for _ in range(3)]
        quotas = tuple(Most("some", "", members, int(rng.integers(1, 3)), True) for members in some)
        counted = replace(plan, links=Links(quotas))
        whole = replace(plan, links=Links((*quotas, Most("idle", "", some[0], 50, False))))
        assert not is_linked(counted, asked(plan), (), is_tiered=False)
        assert is_linked(whole, asked(plan), (), is_tiered=False)

        one, other = (decided(given, f"s-{number}", kernel) for given in (counted, whole))

        assert one.placements == other.placements
        bound += any(LINKED in trace.stages for trace in one.traces)
        assert [trace.uniforms for trace in one.traces] == [trace.uniforms for trace in other.traces]
        # What has no room from the start is kept as one of the others only where the answer is filled as a whole.
        assert one.traces[0].kept == other.traces[0].kept
        assert one.traces[0].parts == other.traces[0].parts
        # What a later placement shows leaves no room in an earlier one only where it is filled as a whole. Who is kept
        # out twice is said to be so by what came first, or by its exclusivity group.
        by_place, as_whole = (given.traces[-1].stages.replace(EXCLUSIVE, LINKED) for given in (one, other))
        assert by_place == as_whole
    assert bound > 10


def test_a_plan_without_rules_takes_the_other_way():
    plan = replace(linked_plan(np.random.default_rng(2), EXPLORATIONS[2]), links=NO_LINKS)

    assert not is_linked(plan, asked(plan), (), is_tiered=False)
    assert b"slate_gap" not in canonical(decided(plan, "s"))


@pytest.mark.parametrize("exploration", [EXPLORATIONS[0], EXPLORATIONS[2]])
def test_minima_that_can_be_met_are_met_among_many_candidates(exploration):
    rng = np.random.default_rng(0)
    count = 300

    def some(size):
        return np.isin(np.arange(count), rng.choice(count, size, replace=False))

    items = [Item(f"a{n:03}", value=float(rng.random() + 0.1)) for n in range(count)]
    plan = World(items, exploration=exploration, sizes={"one": 3, "two": 5}).plan()
    quotas = (Most("all", "", some(150), 2, True), Most("each", "", some(100), 2, False))
    wanted = some(60)
    plan = replace(plan, links=Links(quotas, minima=(Minimum("two", "", wanted, 2, False, None),)))

    for number in range(5):
        decision = decided(plan, f"s-{number}")

        assert [int(wanted[list(trace.chosen)].sum()) >= 2 for trace in decision.traces] == [True, True]
