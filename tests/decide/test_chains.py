"""Outcomes in a row: shown, clicked, bought."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from opportune.decide import Draws, Plan, State, decide, explain
from opportune.decide.arbitrate import arbitrate
from opportune.decide.chains import chained, in_a_row
from opportune.decide.plan import WITHHELD
from opportune.learning import ModelSpec
from opportune.learning.base import Prediction
from opportune.outcomes import Learner, Lesson, Report
from opportune.records import Sign
from tests.worlds import NOON, PREDICTORS, Item, World, model_of, request

SIGNS = {"click": Sign.POSITIVE, "basket": Sign.POSITIVE, "buy": Sign.POSITIVE, "silence": Sign.NEGATIVE}
AFTER = {"basket": "click", "buy": "basket"}
CITIES = ("Oslo", "Rome")
CHANCES = {"Oslo": (0.5, 0.6, 0.3), "Rome": (0.2, 0.5, 0.8)}
"""City → chance of a click, of a basket once clicked, of a purchase once in the basket."""


def funnel(kind: str = "bayes", after: dict[str, str] = AFTER) -> Plan:
    plan = World((Item("phone"), Item("tablet"))).plan()
    desk = replace(plan.channels["desk"], outcomes=SIGNS, leads_on=frozenset(after.values()))
    return replace(
        plan,
        channels={"desk": desk},
        outcomes=("click", "basket", "buy"),
        values=np.array([[[0.0, 0.0], [0.0, 0.0], [10.0, 20.0]]]),
        models=(ModelSpec("main", kind, PREDICTORS),),
        after=after,
    )


def reports_of(number: int, action: str, chances: tuple[float, ...], rng: np.random.Generator) -> list[Report]:
    """What a customer does, step by step, and the end of the window where the last step is missing."""
    found: list[Report] = []
    for step, (outcome, chance) in enumerate(zip(("click", "basket", "buy"), chances, strict=True)):
        if rng.random() >= chance:
            break
        leads_on = outcome in AFTER.values()
        found.append(Report(f"o-{number}-{step}", action, "card", outcome, Sign.POSITIVE, step, leads_on=leads_on))
    if len(found) < 3:
        found.append(Report(f"w-{number}", action, "card", "silence", Sign.NEGATIVE, 9, expiry=True))
    return found


def teach(learner: Learner, number: int, city: str, told: list[Report]) -> None:
    facts = {"customer.city": city}
    for place, report in enumerate(told):
        before, after = tuple(told[:place]), tuple(told[: place + 1])
        sequence = learner.position + 1
        learner.learn(Lesson(sequence, f"d-{number}", 0, "", facts, "desk", before, report, after))


def lived(plan: Plan, count: int, seed: int, kernel: str = "numpy") -> Learner:
    rng = np.random.default_rng(seed)
    learner = Learner(plan, model_of(plan, kernel))
    for number in range(count):
        city = CITIES[int(rng.random() < 0.5)]
        action = ("phone", "tablet")[int(rng.random() < 0.5)]
        teach(learner, number, city, reports_of(number, action, CHANCES[city], rng))
    return learner


def chance_of_buying(plan: Plan, learner: Learner, city: str) -> npt.NDArray[np.float32]:
    model = learner.model
    return chained(plan, model.predict(model.encode({"customer.city": city}))).propensity[2].copy()


@pytest.mark.parametrize("city", CITIES)
def test_the_chance_at_the_end_of_a_row_is_the_one_that_happens(city: str) -> None:
    plan = funnel()
    truth = float(np.prod(CHANCES[city]))

    found = np.mean([chance_of_buying(plan, lived(plan, 2_500, seed), city) for seed in (1, 2)])

    assert found == pytest.approx(truth, abs=0.02)


def test_without_a_row_a_purchase_behind_a_click_would_look_too_likely() -> None:
    plan = funnel(after={})
    rng = np.random.default_rng(3)
    learner = Learner(plan, model_of(plan))
    for number in range(1_500):
        told = reports_of(number, "phone", CHANCES["Oslo"], rng)
        told = [replace(report, leads_on=False) for report in told if report.outcome != "silence" or len(told) == 1]
        teach(learner, number, "Oslo", told)

    assert chance_of_buying(plan, learner, "Oslo")[0] > np.prod(CHANCES["Oslo"]) + 0.04


def test_both_kernels_put_the_same_steps_together_to_the_same_bits() -> None:
    plan = funnel()
    rng = np.random.default_rng(4)
    chances = rng.uniform(1e-6, 1 - 1e-6, (3, 2)).astype(np.float32)
    said = Prediction(chances, np.log(chances / (1 - chances)), np.full((3, 2), 0.3, dtype=np.float32))
    whole = chained(plan, said)

    assert whole.propensity[2] == pytest.approx(chances.prod(axis=0), rel=1e-5)
    assert whole.log_odds[2] == pytest.approx(np.log(whole.propensity[2] / (1 - whole.propensity[2])), rel=1e-4)
    by_kernel = [arbitrate(plan, {}, whole, "", kernel) for kernel in ("numpy", "numba")]
    assert by_kernel[0].priority.tobytes() == by_kernel[1].priority.tobytes()
    assert by_kernel[0].spread == pytest.approx(by_kernel[1].spread, rel=1e-6)


def test_the_spread_of_a_row_is_that_of_its_product() -> None:
    plan = funnel()
    chances = np.array([[0.5, 0.3], [0.4, 0.7], [0.2, 0.6]], dtype=np.float32)
    spread = np.full_like(chances, 0.1)
    whole = chained(plan, Prediction(chances, np.log(chances / (1 - chances)), spread))
    rng = np.random.default_rng(5)
    drawn = np.log(chances / (1 - chances)) + rng.normal(size=(20_000, 3, 2)) * spread
    product = (1 / (1 + np.exp(-drawn))).prod(axis=1)

    deviation = whole.propensity[2] * (1 - whole.propensity[2]) * whole.spread[2]

    assert deviation == pytest.approx(product.std(axis=0), rel=0.05)


def test_certain_and_impossible_steps_stay_finite() -> None:
    plan = funnel()
    chances = np.array([[1.0, 3e-7], [1.0, 3e-7], [1.0, 3e-7]], dtype=np.float32)
    spread = np.full_like(chances, 2.0)

    whole = chained(plan, Prediction(chances, np.zeros_like(chances), spread))

    for values in (whole.propensity, whole.log_odds, whole.spread):
        assert np.isfinite(values).all()
    assert (whole.propensity > 0).all()


def test_a_row_that_is_nearly_certain_keeps_its_odds_and_leaves_the_steps_of_the_model_as_they_were() -> None:
    chances = np.full((3, 2), 0.999, dtype=np.float32)
    said = Prediction(chances.copy(), np.log(chances / (1 - chances)), np.full_like(chances, 0.3))
    steps = said.log_odds.copy()

    whole = chained(funnel(), said)

    assert whole.log_odds[2] == pytest.approx(np.log(0.999**3 / (1 - 0.999**3)), rel=1e-3)
    assert whole.spread[2] == pytest.approx(0.001 * 0.3 * np.sqrt(3) / (1 - 0.999**3), rel=1e-2)
    assert said.log_odds.tolist() == steps.tolist()
    assert said.propensity.tolist() == chances.tolist()


def test_what_is_withheld_goes_through_steps_of_its_own() -> None:
    plan = replace(funnel(), outcomes=("click", "basket", "click" + WITHHELD, "basket" + WITHHELD))

    assert plan.steps == ((1, 0), (3, 2))


@pytest.mark.parametrize(
    ("reported", "parts", "said"),
    [
        ({"click", "basket"}, {"click": 0.12, "basket": 0.03}, "basket 3 % = click 12 % × 25 % of those"),
        ({"click"}, {"click": 0.12, "basket": 0.03}, ""),
        ({"click", "basket"}, {"click": 0.12}, ""),
        ({"click", "basket"}, {"basket": 0.03}, ""),
    ],
)
def test_a_row_is_told_as_far_as_the_channel_reports_it_and_its_chances_are_known(
    reported: set[str], parts: dict[str, float], said: str
) -> None:
    chances = {f"propensity.{name}": chance for name, chance in parts.items()}

    assert in_a_row(funnel(after={"basket": "click"}), reported, chances) == said


def test_a_plan_without_rows_gives_the_very_prediction() -> None:
    plan = World((Item("one"),)).plan()
    said = Prediction(*(np.full((1, 1), 0.5, dtype=np.float32) for _ in range(3)))

    assert chained(plan, said) is said


@pytest.mark.parametrize("seed", range(20))
def test_shuffled_reports_leave_counts_as_if_they_came_in_order(seed: int) -> None:
    plan = funnel("naive_bayes")
    rng = np.random.default_rng(seed)
    plain, shuffled = (Learner(plan, model_of(plan)) for _ in range(2))
    for number in range(30):
        city = CITIES[number % 2]
        told = reports_of(number, "phone", CHANCES[city], rng)
        # The window may end before a late answer comes; what stands then says that it was not the end.
        told += [Report(f"w-{number}", "phone", "card", "silence", Sign.NEGATIVE, 9, expiry=True)] * (len(told) == 3)
        teach(plain, number, city, told)
        teach(shuffled, number, city, [told[place] for place in rng.permutation(len(told))])

    # Who foresaw what depends on the order; what was counted does not.
    assert shuffled.model.models["main"].digest() == plain.model.models["main"].digest()
    assert plain.model.evidence()[2].sum() < plain.model.evidence()[1].sum() < plain.model.evidence()[0].sum()


def test_answers_and_explanations_say_the_whole_chance_and_its_last_step() -> None:
    plan = funnel()
    learner = lived(plan, 300, 6)
    state = State(learner.model, 0, profile={"customer.city": "Oslo"})
    decision = decide(plan, state, request(), NOON, Draws("s"))
    (first, *_) = decision.placements[0].actions

    (why,) = (one for one in explain(plan, decision, learner.model).placements[0].candidates if one.place == 1)

    step = first.propensity["buy"] / first.propensity["basket"]
    assert first.propensity["buy"] < first.propensity["basket"] < first.propensity["click"]
    assert why.parts["propensity.buy"] == pytest.approx(first.propensity["buy"], abs=1e-6)
    assert why.parts["goal.profit"] == pytest.approx(
        why.parts["propensity.buy"] * (20 if why.action == "tablet" else 10)
    )
    assert (
        f"buy {100 * first.propensity['buy']:.3g} % = basket {100 * first.propensity['basket']:.3g} % × "
        in why.in_a_row
    )
    assert f"× {100 * step:.3g} %" in why.in_a_row
    assert why.in_a_row in why.reason
