"""What every propensity model must do: subclass, say how to make one, and run with pytest.

Example:
    class TestMyModel(PropensityModelContract):
        def make(self, predictors, outcomes):
            return MyModel(predictors, outcomes)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from opportune.learning import (
    CandidateKey,
    Moves,
    Prediction,
    Predictor,
    PropensityModel,
    Snapshot,
    from_bytes,
    to_bytes,
)
from opportune.records import Facts, Renamed, Value, ValueType

__all__ = ["CATALOGUE", "OUTCOMES", "PREDICTORS", "PropensityModelContract", "sample_answers", "sample_facts"]

PREDICTORS = (
    Predictor("customer.age", ValueType.INTEGER),
    Predictor("customer.balance", ValueType.NUMBER),
    Predictor("customer.city", ValueType.TEXT),
    Predictor("customer.vip", ValueType.BOOLEAN),
    Predictor("customer.products", ValueType.TEXTS),
    Predictor("customer.since", ValueType.TIMESTAMP),
)
OUTCOMES = ("accept", "click")
CATALOGUE = tuple(
    CandidateKey(group, f"{group}_{number}", channel, "main")
    for group in ("loans", "savings", "service")
    for number in range(3)
    for channel in ("app", "call")
)
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)

Answer = tuple[Facts, int, int, bool]


def sample_facts(number: int) -> dict[str, Value]:
    """Facts of one made-up request; the same number gives the same facts, now and then one is missing."""
    facts: dict[str, Value] = {
        "customer.age": 18 + number * 7 % 60,
        "customer.balance": (number * 37 % 101 - 30) * 12.5,
        "customer.city": f"city-{number * 13 % 9}",
        "customer.vip": number % 5 == 0,
        "customer.products": [f"product-{number % 4}", f"product-{number * 3 % 7}"],
        "customer.since": NOW - timedelta(days=number * 11 % 900),
        "now": NOW,
    }
    names = [predictor.name for predictor in PREDICTORS]
    if number % 3 == 0:
        del facts[names[number // 3 % len(names)]]
    return facts


def sample_answers(count: int) -> list[Answer]:
    """Made-up answers: vip customers accept, others click now and then."""
    return [
        (sample_facts(n), n * 5 % len(CATALOGUE), n % 2, n % 5 == 0 if n % 2 == 0 else n % 7 == 0) for n in range(count)
    ]


class PropensityModelContract:
    """Laws of the family; see `opportune.learning.PropensityModel`."""

    unlearn_tolerance: float = 0.02
    """How far log odds may stay from those of a model that never learned an answer which was taken back at once; a
    member that is not additive may state its own."""

    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        """A new model that has learned nothing; to be written by the subclass."""
        raise NotImplementedError

    def _taught(self, count: int = 60) -> PropensityModel:
        model = self.make(PREDICTORS, OUTCOMES)
        model.bind(CATALOGUE)
        for answer in sample_answers(count):
            model.learn(*answer)
        return model

    def test_it_answers_for_every_outcome_and_candidate(self) -> None:
        model = self._taught()

        prediction = model.predict(model.encode(sample_facts(1)))

        for values in (prediction.propensity, prediction.log_odds, prediction.spread, model.evidence()):
            assert values.shape == (len(OUTCOMES), len(CATALOGUE))
            assert values.dtype == np.float32
        _assert_sound(prediction)

    def test_propensity_is_the_sigmoid_of_the_log_odds(self) -> None:
        model = self._taught()

        prediction = model.predict(model.encode(sample_facts(1)))

        expected = 1.0 / (1.0 + np.exp(-prediction.log_odds.astype(np.float64)))
        assert np.allclose(prediction.propensity, expected, atol=1e-5)

    def test_one_propensity_is_that_of_the_prediction(self) -> None:
        model = self._taught()
        propensity = model.predict(model.encode(sample_facts(1))).propensity.copy()

        for outcome in range(len(OUTCOMES)):
            for candidate in (0, 4, len(CATALOGUE) - 1):
                foreseen = model.foresee(sample_facts(1), candidate, outcome)
                assert math.isclose(foreseen, float(propensity[outcome, candidate]), rel_tol=1e-3, abs_tol=1e-5)

    def test_what_it_says_while_it_learns_is_what_it_would_have_predicted(self) -> None:
        model, other = self._taught(), self._taught()

        for facts, candidate, outcome, happened in sample_answers(60):
            _, predicted, doubted = _scores(other, facts)
            log_odds, spread = model.score_and_learn(facts, candidate, outcome, happened)
            other.learn(facts, candidate, outcome, happened)

            # Scales may know the facts already, and what is kept for predictions alone may be rounded.
            assert abs(log_odds - predicted[outcome, candidate]) <= 0.1
            assert abs(spread - doubted[outcome, candidate]) <= 0.1
        assert model.digest() == other.digest()

    def test_the_same_answers_give_the_same_state(self) -> None:
        assert self._taught().digest() == self._taught().digest()

    def test_other_answers_give_another_state(self) -> None:
        assert self._taught(60).digest() != self._taught(61).digest()

    def test_predicting_learns_nothing(self) -> None:
        model = self._taught()
        before = model.digest()

        model.predict(model.encode(sample_facts(77) | {"customer.city": "never seen"}))

        assert model.digest() == before

    def test_state_survives_save_and_load(self) -> None:
        model = self._taught()
        other = self.make(PREDICTORS, OUTCOMES)
        other.bind(CATALOGUE)

        other.restore(from_bytes(to_bytes(model.snapshot())))

        assert other.digest() == model.digest()
        assert np.array_equal(other.evidence(), model.evidence())
        for number in range(8):
            _assert_equal(_scores(model, sample_facts(number)), _scores(other, sample_facts(number)))

    def test_its_state_holds_no_text_of_anybody(self) -> None:
        kept = to_bytes(self._taught().snapshot())

        assert not [text for text in (b"city-", b"product-") if text in kept]

    def test_a_loaded_state_goes_on_learning_as_the_saved_one(self) -> None:
        model = self._taught()
        other = self.make(PREDICTORS, OUTCOMES)
        other.restore(from_bytes(to_bytes(model.snapshot())))
        other.bind(CATALOGUE)

        for answer in sample_answers(30):
            model.learn(*answer)
            other.learn(*answer)

        assert other.digest() == model.digest()

    def test_learning_moves_the_propensity_towards_the_answer(self) -> None:
        for happened in (True, False):
            model = self._taught()
            facts = sample_facts(2)
            before = _scores(model, facts)[0][0, 4]
            for _ in range(3):
                model.learn(facts, 4, 0, happened)

            after = _scores(model, facts)[0][0, 4]

            assert after > before if happened else after < before

    def test_learning_one_outcome_leaves_the_others(self) -> None:
        model = self._taught()
        evidence = model.evidence().copy()

        model.learn(sample_facts(2), 4, 0, True)

        evidence[0, 4] += 1
        assert np.array_equal(model.evidence(), evidence)

    def test_an_answer_taken_back_at_once_leaves_next_to_nothing(self) -> None:
        state = self._taught().snapshot()
        for facts, candidate, outcome, happened in sample_answers(24):
            model = self.make(PREDICTORS, OUTCOMES)
            model.bind(CATALOGUE)
            model.restore(state)
            never, before = _scores(model, sample_facts(1)), model.evidence().copy()

            model.learn(facts, candidate, outcome, happened)
            model.unlearn(facts, candidate, outcome, happened)

            after = _scores(model, sample_facts(1))
            assert np.array_equal(model.evidence(), before)
            if model.additive:
                _assert_equal(after, never)
            else:
                assert np.abs(after[1] - never[1]).max() <= self.unlearn_tolerance

    def test_answers_taken_back_in_any_order_come_near_to_never_learned(self) -> None:
        model, never = self._taught(60), self._taught(60)
        wrong = [(facts, 4, 0, True) for facts, *_ in sample_answers(12)]
        for answer in wrong:
            model.learn(*answer)
        taught = _scores(model, sample_facts(1))[1]

        for answer in wrong[::2] + wrong[1::2]:
            model.unlearn(*answer)

        assert np.array_equal(model.evidence(), never.evidence())
        after, wanted = _scores(model, sample_facts(1)), _scores(never, sample_facts(1))
        _assert_sound(model.predict(model.encode(sample_facts(1))))
        if model.additive:
            _assert_equal(after, wanted)
        else:
            assert abs(after[1][0, 4] - wanted[1][0, 4]) < 0.5 * abs(taught[0, 4] - wanted[1][0, 4])

    def test_there_is_nothing_to_take_back_where_nothing_was_learned(self) -> None:
        model = self.make(PREDICTORS, OUTCOMES)
        model.bind(CATALOGUE)
        before = _scores(model, sample_facts(1))

        model.unlearn(sample_facts(2), 4, 0, True)

        assert not model.evidence().any()
        _assert_equal(_scores(model, sample_facts(1)), before)

    def test_there_is_nothing_to_take_back_where_only_relatives_learned(self) -> None:
        model = self.make(PREDICTORS, OUTCOMES)
        model.bind(CATALOGUE)
        for facts, *_, happened in sample_answers(12):
            model.learn(facts, 4, 0, happened)
        before = model.digest()

        for candidate, outcome in ((5, 0), (4, 1)):
            for facts, *_, happened in sample_answers(12):
                model.unlearn(facts, candidate, outcome, happened)

        assert model.digest() == before

    def test_what_is_not_bound_cannot_be_taken_back(self) -> None:
        model = self._taught()
        before = model.digest()

        for candidate, outcome in ((len(CATALOGUE), 0), (-1, 0), (0, len(OUTCOMES)), (0, -1)):
            for step in (model.learn, model.unlearn):
                try:
                    step(sample_facts(2), candidate, outcome, True)
                except IndexError:
                    continue
                raise AssertionError("expected an IndexError")

        assert model.digest() == before

    def test_strange_facts_taken_back_never_give_strange_numbers(self) -> None:
        model = self._taught(5)
        for facts in _strange_facts():
            model.learn(facts, 0, 0, True)
        for facts in _strange_facts()[::-1]:
            model.unlearn(facts, 0, 0, False)
            _assert_sound(model.predict(model.encode(facts)))
        from_bytes(to_bytes(model.snapshot()))

    def test_strange_facts_never_give_strange_numbers(self) -> None:
        model = self._taught(5)
        for facts in _strange_facts():
            model.learn(facts, 0, 0, True)
            model.learn(facts, 3, 1, False)
            _assert_sound(model.predict(model.encode(facts)))
        _assert_sound(model.predict(model.encode(sample_facts(1))))
        from_bytes(to_bytes(model.snapshot()))

    def test_another_catalogue_keeps_what_is_known(self) -> None:
        model = self._taught()
        facts = sample_facts(8)
        known = dict(zip(CATALOGUE, _scores(model, facts)[0].T.tolist(), strict=True))
        digest = model.digest()
        stranger = CandidateKey("cards", "gold", "app", "main")

        for catalogue in (CATALOGUE[::-1], CATALOGUE[3:7], (*CATALOGUE[5:], stranger, *CATALOGUE[:5])):
            model.bind(catalogue)
            found = dict(zip(catalogue, _scores(model, facts)[0].T.tolist(), strict=True))

            assert all(np.allclose(found[key], known[key], atol=1e-6) for key in catalogue if key != stranger)
            assert model.digest() == digest

    def test_a_model_that_adopts_its_own_state_is_the_same(self) -> None:
        model = self._taught()
        other = self.make(PREDICTORS, OUTCOMES)
        other.bind(CATALOGUE)
        other.adopt(model.snapshot(), Moves(CATALOGUE))

        assert other.digest() == model.digest()

    def test_a_renamed_candidate_goes_on_with_what_was_learned(self) -> None:
        model = self._taught()
        renamed = [Renamed("action", "loans_0", "credits_0"), Renamed("group", "service", "help")]
        names = {"loans_0": "credits_0", "service": "help"}
        catalogue = tuple(
            CandidateKey(names.get(key.group, key.group), names.get(key.action, key.action), key.channel, key.treatment)
            for key in CATALOGUE
        )
        other = self.make(PREDICTORS, OUTCOMES)
        other.bind(catalogue)
        other.adopt(model.snapshot(), Moves(catalogue, renamed))

        _assert_equal(_scores(other, sample_facts(4)), _scores(model, sample_facts(4)))
        assert np.array_equal(other.evidence(), model.evidence())

    @pytest.mark.parametrize("treatment", ["main", "tile"])
    def test_all_answers_of_an_action_that_moved_can_be_taken_back(self, treatment: str) -> None:
        """Into a group which knew nothing of it or, from long ago, another treatment of it."""
        before, after = (CandidateKey(group, "gold", "app", "main") for group in ("cards", "credits"))
        once = CandidateKey("credits", "gold", "app", treatment)
        model = self._taught()
        answers = [(facts, happened) for facts, _, _, happened in sample_answers(16)]
        for key, own in ((once, answers[:6]), (before, answers[6:])):
            if key == after:
                continue
            model.bind([key])
            for facts, happened in own:
                model.learn(facts, 0, 0, happened)
        other = self.make(PREDICTORS, OUTCOMES)
        catalogue = (*CATALOGUE, *dict.fromkeys((after, once)))
        other.bind(catalogue)
        other.adopt(model.snapshot(), Moves(catalogue))

        for candidate in range(len(CATALOGUE), len(catalogue)):
            for facts, happened in answers:
                other.unlearn(facts, candidate, 0, happened)

        again = self.make(PREDICTORS, OUTCOMES)
        again.bind(catalogue)
        again.restore(from_bytes(to_bytes(other.snapshot())))
        assert again.digest() == other.digest()
        assert not again.evidence()[:, len(CATALOGUE) :].any()
        _assert_equal(_scores(again, sample_facts(4)), _scores(other, sample_facts(4)))

    def test_predictors_and_outcomes_that_stay_keep_what_was_learned(self) -> None:
        model = self._taught()
        predictors = (Predictor("context.queue", ValueType.INTEGER), *PREDICTORS[:0:-1])
        other = self.make(predictors, ("buy", OUTCOMES[1]))
        other.bind(CATALOGUE)
        other.adopt(model.snapshot(), Moves(CATALOGUE))
        stranger = self.make(predictors, ("buy", OUTCOMES[1]))
        stranger.bind(CATALOGUE)
        facts = {name: value for name, value in sample_facts(4).items() if name != PREDICTORS[0].name}

        assert np.array_equal(other.evidence(), [np.zeros(len(CATALOGUE)), model.evidence()[1]])
        kept, known, fresh = (_scores(one, facts)[1] for one in (other, model, stranger))
        assert np.abs(kept[1] - known[1]).mean() < np.abs(fresh[1] - known[1]).mean()
        again = self.make(predictors, ("buy", OUTCOMES[1]))
        again.adopt(model.snapshot(), Moves(CATALOGUE))
        assert again.digest() == other.digest()

    def test_a_predictor_of_another_type_begins_anew(self) -> None:
        model = self._taught()
        changed = tuple(
            Predictor(one.name, ValueType.TEXT if one.type is ValueType.BOOLEAN else one.type) for one in PREDICTORS
        )
        other = self.make(changed, OUTCOMES)
        other.bind(CATALOGUE)
        other.adopt(model.snapshot(), Moves(CATALOGUE))

        contributions = dict(other.weights(sample_facts(1) | {"customer.vip": "yes"}, 4, 0))
        assert contributions["customer.vip"] == 0.0
        _assert_sound(other.predict(other.encode(sample_facts(1))))

    def test_it_adopts_no_state_of_something_else(self) -> None:
        model = self._taught()
        before, state = model.digest(), model.snapshot()

        assert _refused(lambda: model.adopt(Snapshot(state.arrays, {}), Moves(CATALOGUE)))
        assert _refused(lambda: model.adopt(Snapshot({}, state.meta), Moves(CATALOGUE)))
        assert model.digest() == before

    def test_it_refuses_a_catalogue_that_names_a_candidate_twice(self) -> None:
        model = self.make(PREDICTORS, OUTCOMES)

        assert _refused(lambda: model.bind((CATALOGUE[0], CATALOGUE[0])))

    def test_an_empty_catalogue_is_answered(self) -> None:
        model = self._taught(3)
        model.bind(())

        assert model.predict(model.encode(sample_facts(1))).propensity.shape == (len(OUTCOMES), 0)

    def test_a_model_without_predictors_learns_rates(self) -> None:
        model = self.make((), ("accept",))
        model.bind(CATALOGUE[:2])
        before = _scores(model, {})[0][0, 0]

        for _ in range(20):
            model.learn({}, 0, 0, True)

        assert _scores(model, {})[0][0, 0] > before

    def test_it_refuses_the_state_of_another_model(self) -> None:
        model = self._taught()
        before = model.digest()
        state = model.snapshot()

        assert _refused(lambda: self.make(PREDICTORS[1:], OUTCOMES).restore(state))
        assert _refused(lambda: self.make(PREDICTORS, OUTCOMES[:1]).restore(state))
        assert _refused(lambda: model.restore(Snapshot(state.arrays, {})))
        assert _refused(lambda: model.restore(Snapshot({}, state.meta)))
        assert model.digest() == before

    def test_it_refuses_numbers_that_are_not_finite(self) -> None:
        model = self._taught()
        state = model.snapshot()
        for name, values in state.arrays.items():
            if values.dtype.kind == "f" and values.size:
                spoiled = values.copy()
                spoiled.flat[0] = math.nan
                arrays = {**state.arrays, name: spoiled}

                assert _refused(lambda arrays=arrays: model.restore(Snapshot(arrays, state.meta)))

    def test_weights_name_the_predictors_largest_first(self) -> None:
        model = self._taught()

        weights = model.weights(sample_facts(5), 2, 0)

        assert {name for name, _ in weights} <= {predictor.name for predictor in PREDICTORS}
        sizes = [abs(value) for _, value in weights]
        assert sizes == sorted(sizes, reverse=True)
        assert all(math.isfinite(size) for size in sizes)


def _strange_facts() -> list[dict[str, Value]]:
    numbers: list[Value] = [math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, 10**400, True, "12", ["x"], NOW]
    texts: list[Value] = ["", "x" * 100_000, "\ud800", 7, False, ["a"], math.nan, NOW]
    strange: list[dict[str, Value]] = [{}]
    strange += [{"customer.age": value, "customer.balance": value, "now": NOW} for value in numbers]
    strange += [{"customer.city": value, "customer.vip": value, "customer.products": value} for value in texts]
    strange += [{"customer.city": f"level-{n}", "customer.products": [f"item-{n}"] * 50} for n in range(100)]
    strange += [{"customer.since": value, "now": NOW} for value in (NOW, datetime(1, 1, 1, tzinfo=UTC), "soon")]
    strange += [{"customer.since": datetime(2026, 1, 1), "now": NOW}, {"customer.since": NOW}]  # noqa: DTZ001
    return strange


def _assert_sound(prediction: Prediction) -> None:
    assert np.isfinite(prediction.log_odds).all()
    assert np.isfinite(prediction.spread).all()
    assert (prediction.spread > 0.0).all()
    assert ((prediction.propensity > 0.0) & (prediction.propensity < 1.0)).all()


def _scores(model: PropensityModel, facts: Facts) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float32]], ...]:
    prediction = model.predict(model.encode(facts))
    return prediction.propensity.copy(), prediction.log_odds.copy(), prediction.spread.copy()


def _assert_equal(
    first: tuple[np.ndarray[tuple[int, ...], np.dtype[np.float32]], ...],
    second: tuple[np.ndarray[tuple[int, ...], np.dtype[np.float32]], ...],
) -> None:
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one, other)


def _refused(call: object) -> bool:
    assert callable(call)
    try:
        call()
    except ValueError:
        return True
    return False
