"""How much an outcome is expected to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from opportune.learning import CandidateKey, Predictor, Snapshot, from_bytes, to_bytes
from opportune.learning.amounts import AmountModel
from opportune.learning.moves import Moves
from opportune.learning.snapshot import state_digest
from opportune.records import Renamed, ValueType

AGE, CITY = Predictor("customer.age", ValueType.NUMBER), Predictor("customer.city", ValueType.TEXT)
KEYS = tuple(CandidateKey("things", name, "shop", "card") for name in ("bike", "car", "new"))
BOUNDS = {"buy": (0.0, 1e12)}


def model_of(bounds: dict[str, tuple[float, float]] = BOUNDS, predictors: tuple[Predictor, ...] = (AGE, CITY)):  # type: ignore[no-untyped-def]
    model = AmountModel(predictors, bounds)
    model.bind(KEYS)
    return model


def truth(candidate: int, age: float, city: str) -> float:
    return 4_000 * (1 + candidate) * (1 + (age - 40) / 80) * (1.5 if city == "Oslo" else 1.0)


def lived(count: int, seed: int = 1, unit: float = 1.0) -> AmountModel:
    """A stream of skewed amounts of two of three candidates."""
    model, rng = model_of(), np.random.default_rng(seed)
    for _ in range(count):
        age, city, candidate = rng.uniform(20, 60), ("Oslo", "Rome")[rng.integers(2)], int(rng.integers(2))
        amount = truth(candidate, age, city) * np.exp(rng.normal() * 0.8 - 0.32) * unit
        model.learn({"customer.age": age, "customer.city": city}, candidate, "buy", float(amount))
    return model


def expected(model: AmountModel, age: float = 40.0, city: str = "Oslo") -> list[float]:
    found: list[float] = model.expect({"customer.age": age, "customer.city": city}, "buy")[0].tolist()
    return found


def test_it_comes_to_expect_what_comes_by_customer_and_action() -> None:
    model = lived(3_000)

    cases = [(candidate, age, city) for candidate in (0, 1) for age in (25, 40, 55) for city in ("Oslo", "Rome")]
    misses = [expected(model, age, city)[candidate] / truth(candidate, age, city) - 1 for candidate, age, city in cases]

    assert max(map(abs, misses)) < 0.25
    assert abs(float(np.mean(misses))) < 0.08


def test_the_mean_of_skewed_amounts_is_kept() -> None:
    model, rng = model_of(predictors=()), np.random.default_rng(2)
    amounts = np.exp(rng.normal(size=5_000)) * 50
    for amount in amounts.tolist():
        model.learn({}, 0, "buy", amount)

    assert expected(model)[0] == pytest.approx(amounts.mean(), rel=0.08)
    # Negative control: half of all amounts are less than that.
    assert expected(model)[0] > 1.4 * float(np.median(amounts))


def test_a_new_action_is_expected_to_be_like_the_others_and_its_spread_says_that_it_is_new() -> None:
    model = lived(1_000)
    mean, spread = model.expect({}, "buy")

    assert min(mean[:2]) * 0.8 < mean[2] < max(mean[:2])
    assert spread[2] > 2.5 * max(spread[:2])


def test_every_outcome_is_asked_of_what_another_one_learned_first() -> None:
    """A city that is known from the amounts of one outcome is new to the other, and no more than that."""
    model = model_of({"buy": (0.0, 1e12), "rent": (0.0, 1e12)})
    for number, city in enumerate(("Oslo", "Rome", "Bern")):
        model.learn({"customer.city": city}, 0, ("buy", "rent")[number % 2], 50.0)
        for outcome in ("buy", "rent"):
            mean, spread = model.expect({"customer.city": city}, outcome)
            assert np.isfinite(mean).all()
            assert (spread > 0.0).all()
    model.unlearn({"customer.city": "Rome"}, 0, "rent", 50.0)

    other = model_of(model.bounds)
    other.restore(from_bytes(to_bytes(model.snapshot())))
    for one in (model, other):
        one.learn({"customer.city": "Lima"}, 1, "rent", 20.0)
    assert to_bytes(other.snapshot()) == to_bytes(model.snapshot())


def test_a_first_amount_that_is_like_no_other_is_forgotten() -> None:
    model, rng = model_of(predictors=()), np.random.default_rng(3)
    for amount in (1.0, *(50_000 * np.exp(rng.normal(size=2_000) * 0.3 - 0.045)).tolist()):
        model.learn({}, 0, "buy", amount)

    assert expected(model)[0] == pytest.approx(50_000, rel=0.1)


def test_only_who_brought_an_amount_can_give_it_back() -> None:
    keys = (KEYS[0], CandidateKey("things", "bike", "shop", "tile"))
    model = model_of()
    model.bind(keys)
    model.learn({}, 0, "buy", 70.0)
    state = to_bytes(model.snapshot())

    model.unlearn({}, 1, "buy", 70.0)

    assert to_bytes(model.snapshot()) == state


def test_amounts_count_the_same_in_any_unit() -> None:
    cents, euros = lived(500), lived(500, unit=2.0**-7)

    assert np.array(expected(cents)) * 2.0**-7 == pytest.approx(np.array(expected(euros)), rel=1e-9)


def test_what_is_usual_moves_on_after_a_million_amounts() -> None:
    state, model = lived(50).snapshot(), model_of()
    _, usual, *rest = state.arrays["0/scale"].tolist()
    model.restore(Snapshot({**state.arrays, "0/scale": np.array([1e6, usual, *rest])}, state.meta))

    for _ in range(10):
        model.learn({}, 0, "buy", 1e9)

    assert model.snapshot().arrays["0/scale"][1] == pytest.approx(usual + 0.2)


def test_amounts_that_are_always_as_expected_leave_some_doubt() -> None:
    state, model = lived(50).snapshot(), model_of()
    _, usual, power, _, centre = state.arrays["0/scale"].tolist()
    model.restore(Snapshot({**state.arrays, "0/scale": np.array([1e6, usual, power, 1e-4, centre])}, state.meta))

    for _ in range(10):
        model.learn({}, 0, "buy", float(model.expect({}, "buy")[0][0]))

    assert model.snapshot().arrays["0/scale"][3] >= 1e-4


def test_one_forged_amount_moves_little() -> None:
    model = lived(1_000)
    before = expected(model)

    model.learn({"customer.age": 40.0, "customer.city": "Oslo"}, 0, "buy", 1e12)

    assert expected(model)[0] < 1.6 * before[0]
    assert expected(model)[1] < 1.3 * before[1]


def test_one_forged_amount_moves_little_where_all_others_are_1() -> None:
    model = model_of(predictors=())
    for amount in [1.0] * 500 + [1e12]:
        model.learn({}, 0, "buy", amount)

    assert expected(model)[0] < 1.6


@pytest.mark.parametrize(("told", "bounds_to"), [(1e300, 100.0), (-1e300, 10.0)])
def test_amounts_beyond_their_bounds_count_as_the_bound(told: float, bounds_to: float) -> None:
    bound, other = (model_of({"buy": (10.0, 100.0)}) for _ in range(2))
    for model, amount in ((bound, told), (other, bounds_to)):
        model.learn({}, 0, "buy", amount)

    assert state_digest(bound.snapshot()) == state_digest(other.snapshot())
    assert bound.expect({}, "buy")[1].max() <= 90.0
    assert all(10.0 <= amount <= 100.0 for amount in expected(model_of({"buy": (10.0, 100.0)})))


@settings(max_examples=60, deadline=None)
@given(
    some.lists(
        some.tuples(
            some.floats() | some.integers(-(10**400), 10**400),
            some.floats() | some.just(10**400),
            some.text(max_size=3),
            some.booleans(),
        ),
        max_size=12,
    )
)
def test_nothing_that_comes_in_makes_it_say_what_is_no_number(stream: list[tuple[float, float, str, bool]]) -> None:
    model = model_of({"buy": (-1e12, 1e12)})
    for amount, age, city, keep in stream:
        facts = {"customer.age": age, "customer.city": city}
        told = float(max(min(amount, 10**300), -(10**300)))
        model.learn(facts, 0, "buy", told)
        if not keep:
            model.unlearn(facts, 0, "buy", told)
        for values in model.expect(facts, "buy"):
            assert np.isfinite(values).all()


def test_what_is_taken_back_at_once_leaves_hardly_a_trace() -> None:
    model, facts = lived(500), {"customer.age": 30.0, "customer.city": "Oslo"}
    before = expected(model, 30.0)

    model.learn(facts, 1, "buy", 40_000.0)
    moved = abs(expected(model, 30.0)[1] - before[1])
    model.unlearn(facts, 1, "buy", 40_000.0)

    assert moved > 200
    assert abs(expected(model, 30.0)[1] - before[1]) < 0.1 * moved


@pytest.mark.parametrize(("count", "amount"), [(3, 9_000.0), (40, 300.0), (1_500, 40_000.0)])
def test_what_is_taken_back_moves_neither_what_is_expected_nor_how_sure_that_is(count: int, amount: float) -> None:
    """The mean of all that a new action is expected to bring goes back as well."""
    model, facts = lived(count), {"customer.age": 30.0, "customer.city": "Oslo"}
    before = model.expect(facts, "buy")

    model.learn(facts, 1, "buy", amount)
    after = model.expect(facts, "buy")
    model.unlearn(facts, 1, "buy", amount)

    mean, spread = model.expect(facts, "buy")
    assert (abs(mean - before[0]) < 0.2 * abs(after[0] - before[0])).all()
    assert abs(spread[1] - before[1][1]) < 0.25 * abs(after[1][1] - before[1][1])


def test_the_second_of_two_amounts_goes_from_the_mean_of_all_where_it_is_taken_back() -> None:
    model = lived(1)
    before = expected(model)[2]
    model.learn({}, 1, "buy", 9_000.0)
    after = expected(model)[2]

    model.unlearn({}, 1, "buy", 9_000.0)

    assert abs(expected(model)[2] - before) < 0.2 * abs(after - before)


def test_however_much_is_taken_back_what_was_learned_is_no_less_sure_than_what_never_was() -> None:
    model, facts = lived(40), {"customer.age": 60.0, "customer.city": "Oslo"}
    for _ in range(15):
        model.unlearn(facts, 1, "buy", 5_000.0)
        spread = model.expect(facts, "buy")[1]
        assert spread[1] <= spread[2]


def test_taking_back_the_only_amount_of_an_action_begins_it_anew() -> None:
    model, facts = lived(300), {"customer.age": 30.0, "customer.city": "Oslo"}
    before = model.expect(facts, "buy")[1][2]

    model.learn(facts, 2, "buy", 9_000.0)
    model.unlearn(facts, 2, "buy", 9_000.0)
    model.unlearn(facts, 2, "buy", 9_000.0)

    assert model.expect(facts, "buy")[1][2] == pytest.approx(before, rel=0.02)


def test_where_the_only_amount_is_taken_back_none_is_known() -> None:
    model, untaught = model_of(), model_of()
    model.learn({}, 0, "buy", 50_000.0)

    model.unlearn({}, 0, "buy", 50_000.0)

    for found, known in zip(model.expect({}, "buy"), untaught.expect({}, "buy"), strict=True):
        assert found.tolist() == known.tolist()


@pytest.mark.parametrize(
    ("amounts", "mean"), [([0.0] + [50_000.0] * 9, 50_000), ([0.0] * 20 + [50_000.0, 0.0] * 100, 25_000)]
)
def test_first_amounts_of_nothing_leave_open_what_is_usual(amounts: list[float], mean: float) -> None:
    model = model_of(predictors=())
    for amount in amounts:
        model.learn({}, 0, "buy", amount)

    assert expected(model)[0] == pytest.approx(mean, rel=0.2)


def test_a_state_that_was_read_says_and_learns_the_same_bits_where_amounts_were_taken_back() -> None:
    """Of an action without amounts nothing is kept, so it must be as if there never had been any."""
    model, other, facts = lived(100), model_of(), {"customer.age": 30.0, "customer.city": "Oslo"}
    model.learn(facts, 2, "buy", 90_000.0)
    model.unlearn(facts, 2, "buy", 90_000.0)
    other.restore(from_bytes(to_bytes(model.snapshot())))

    for age in np.linspace(20, 60, 50):
        for found, said in zip(*(one.expect({"customer.age": age}, "buy") for one in (model, other)), strict=True):
            assert found.tobytes() == said.tobytes()
    # So much more that the unit of the weights follows.
    for candidate in [0] * 200 + [2]:
        for one in (model, other):
            one.learn(facts, candidate, "buy", 9_000_000.0)
    assert to_bytes(other.snapshot()) == to_bytes(model.snapshot())


def test_a_state_goes_through_bytes_and_learns_on_to_the_same_bits() -> None:
    model = lived(200)
    other = model_of()
    other.restore(from_bytes(to_bytes(model.snapshot())))
    for one in (model, other):
        one.learn({"customer.age": 33.0, "customer.city": "Bern"}, 2, "buy", 123.0)

    assert to_bytes(other.snapshot()) == to_bytes(model.snapshot())
    assert expected(other) == expected(model)


def test_binding_another_catalogue_keeps_what_is_known_of_keys_that_come_back() -> None:
    model = lived(200)
    before = expected(model)

    model.bind(KEYS[::-1])
    assert expected(model) == before[::-1]
    model.bind(KEYS[2:])
    assert expected(model) == before[2:]
    model.bind(KEYS)
    assert expected(model) == before


def test_renamed_actions_and_predictors_that_stay_keep_what_they_know() -> None:
    model = lived(400)
    keys = (CandidateKey("things", "auto", "shop", "card"), KEYS[0])
    other = AmountModel((CITY,), {"buy": (0.0, 1e12), "rent": (0.0, 10.0)})
    other.bind(keys)

    other.adopt(model.snapshot(), Moves(keys, (Renamed("action", "car", "auto"),)))

    assert expected(other)[0] == pytest.approx(expected(model, 40.0)[1], rel=0.2)
    assert other.expect({}, "rent")[0].tolist() == [0.0, 0.0]


def test_of_two_actions_that_became_one_the_one_that_learned_more_is_kept() -> None:
    model, other = model_of(predictors=()), model_of(predictors=())
    for amount, candidate, count in ((9_000.0, 1, 3), (2_000.0, 0, 50)):
        for _ in range(count):
            model.learn({}, candidate, "buy", amount)

    other.adopt(model.snapshot(), Moves(KEYS, (Renamed("action", "car", "bike"),)))

    assert expected(other)[0] == expected(model)[0]


def test_a_renamed_treatment_keeps_what_it_knows() -> None:
    keys = tuple(CandidateKey("things", "bike", "shop", name) for name in ("card", "tile"))
    model, other = model_of(predictors=()), model_of(predictors=())
    model.bind(keys)
    for number in range(200):
        model.learn({}, number % 2, "buy", (2_000.0, 9_000.0)[number % 2])
    renamed = (replace(keys[0], treatment="banner"), keys[1])
    other.bind(renamed)

    other.adopt(model.snapshot(), Moves(renamed, (Renamed("treatment", "card", "banner", "shop", "bike"),)))

    assert expected(other) == expected(model)


def test_a_changed_strategy_goes_on_to_expect_by_numbers_what_was_expected_before() -> None:
    model, adopted = lived(400), model_of()

    adopted.adopt(model.snapshot(), Moves(KEYS))

    for age in (22.0, 58.0):
        assert expected(adopted, age) == expected(model, age)
    assert expected(adopted, 22.0) != expected(adopted, 58.0)


@pytest.mark.parametrize("change", [{"model": "bayes"}, {"outcomes": ["sell"]}, {"columns": {}}])
def test_a_foreign_or_damaged_state_is_refused(change: dict[str, object]) -> None:
    state = lived(50).snapshot()
    model = model_of()

    with pytest.raises(ValueError, match="snapshot"):
        model.restore(Snapshot(state.arrays, {**state.meta, **change}))


@pytest.mark.parametrize("former", [((AGE,), BOUNDS), ((AGE, CITY), {"rent": (0.0, 10.0)})])
def test_a_state_of_other_predictors_or_outcomes_is_not_taken_for_its_own(
    former: tuple[tuple[Predictor, ...], dict[str, tuple[float, float]]],
) -> None:
    with pytest.raises(ValueError, match="other predictors or outcomes"):
        model_of().restore(AmountModel(*former).snapshot())


@pytest.mark.parametrize("damaged", ["variances", "scale"])
def test_a_state_with_a_variance_that_is_none_is_refused(damaged: str) -> None:
    state = lived(50).snapshot()
    arrays = {**state.arrays, f"0/{damaged}": np.zeros_like(state.arrays[f"0/{damaged}"])}

    with pytest.raises(ValueError, match="not positive"):
        model_of().restore(Snapshot(arrays, state.meta))
