"""Classes of the user's, guarded."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opportune.learning import BayesModel, CandidateKey, Encoded, Prediction, Predictor, PropensityModel, make_model
from opportune.records import Facts, ValueType
from opportune.testing.models import CATALOGUE, OUTCOMES, PREDICTORS, PropensityModelContract, sample_facts

MODULE = "tests.learning.test_custom"


class Plain(BayesModel):
    """What a user might install: here, the family's own regression."""

    name = "plain"


class Raising(Plain):
    """Fails in every call that decisions and learning make."""

    def encode(self, facts: Facts) -> Any:
        raise RuntimeError("secret-of-a-customer")

    def learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        raise KeyError("secret-of-a-customer")


class Infinite(Plain):
    """Says something that is no number of candidate 0."""

    def predict(self, encoded: Encoded) -> Prediction:
        found = super().predict(encoded)
        log_odds, spread = found.log_odds.copy(), found.spread.copy()
        log_odds[0, 0], spread[0, 1] = np.nan, np.inf
        return Prediction(found.propensity, log_odds, spread)


class Narrow(Plain):
    """Forgets a candidate."""

    def predict(self, encoded: Encoded) -> Prediction:
        found = super().predict(encoded)
        return Prediction(found.propensity[:, 1:], found.log_odds[:, 1:], found.spread[:, 1:])


class Listening(Plain):
    """Notes the names that it gets to see."""

    heard: set[str] = set()  # noqa: RUF012

    def encode(self, facts: Facts) -> Any:
        self.heard.update(facts)
        return super().encode(facts)

    def learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        self.heard.update(facts)
        super().learn(facts, candidate, outcome, happened)


class Incomplete(PropensityModel):
    """Not a whole model."""


def made(name: str, **options: Any) -> PropensityModel:
    model = make_model("python", PREDICTORS, OUTCOMES, "numpy", {"place": f"{MODULE}:{name}", "options": options})
    model.bind(CATALOGUE)
    return model


class TestPythonModel(PropensityModelContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        return make_model("python", predictors, outcomes, "numpy", {"place": f"{MODULE}:Plain"})


@pytest.mark.parametrize("name", ["Raising", "Narrow"])
def test_a_class_that_fails_leaves_decisions_to_the_rates(name: str) -> None:
    model = made(name)
    for _ in range(30):
        model.learn(sample_facts(1), 2, 0, True)

    prediction = model.predict(model.encode(sample_facts(1)))

    assert np.isfinite(prediction.log_odds).all()
    assert prediction.propensity[0, 2] > 0.8
    assert model.faults > 0  # type: ignore[attr-defined]


def test_numbers_that_are_not_finite_give_way_to_the_rates_where_they_stand() -> None:
    model, plain = made("Infinite"), made("Plain")

    found, wanted = (one.predict(one.encode(sample_facts(1))) for one in (model, plain))

    assert np.isfinite(found.log_odds).all()
    assert np.isfinite(found.spread).all()
    assert np.array_equal(found.log_odds[:, 2:], wanted.log_odds[:, 2:])
    assert model.faults == 1  # type: ignore[attr-defined]


def test_a_class_sees_its_predictors_and_now_only() -> None:
    model = made("Listening")

    for candidate in range(3):
        facts = sample_facts(4) | {"customer.canary": "barred", "zone": "Europe/Warsaw"}
        model.learn(facts, candidate, 0, True)
        model.predict(model.encode(facts))
        model.weights(facts, candidate, 0)

    assert Listening.heard <= {one.name for one in PREDICTORS} | {"now"}
    assert Listening.heard


@pytest.mark.parametrize(
    ("place", "complaint"),
    [
        ("nothing", "module:Class"),
        ("os; import sys:X", "module:Class"),
        ("no_such_module_here:Model", "cannot be imported"),
        (f"{MODULE}:Missing", "nothing of that name"),
        ("collections:OrderedDict", "something else"),
        (f"{MODULE}:Incomplete", "lacks adopt, bind"),
    ],
)
def test_what_is_no_model_is_refused(place: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^place: .*{complaint}"):
        make_model("python", PREDICTORS, OUTCOMES, "numpy", {"place": place})


def test_options_reach_the_class_and_wrong_ones_are_refused() -> None:
    model = make_model(
        "python",
        (Predictor("customer.age", ValueType.INTEGER),),
        ("accept",),
        "numpy",
        {"place": f"{MODULE}:Plain", "options": {"base_rate": 0.5}},
    )
    model.bind((CandidateKey("g", "a", "app", "t"),))

    assert model.predict(model.encode({})).propensity[0, 0] == 0.5
    with pytest.raises(ValueError, match=r"^options: "):
        made("Plain", colour="red")


def example() -> str:
    """The class that the guide shows."""
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "models.md").read_text(encoding="utf-8")
    return guide.split("```python\n")[1].split("```")[0]


@pytest.fixture(scope="module")
def scorecards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A folder of installed packages that has the guide's class, as a module."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "opportune_scorecards.py").write_text(example(), encoding="utf-8")
    sys.path.insert(0, str(folder))
    yield "opportune_scorecards:Scorecard"
    sys.path.remove(str(folder))
    sys.modules.pop("opportune_scorecards", None)


@pytest.mark.usefixtures("scorecards")
class TestScorecardOfTheGuide(PropensityModelContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        return make_model("python", predictors, outcomes, "numpy", {"place": "opportune_scorecards:Scorecard"})


def test_the_class_of_the_guide_scores_by_its_points(scorecards: str) -> None:
    member = Predictor("customer.member", ValueType.BOOLEAN)
    model = make_model("python", (member,), OUTCOMES, "numpy", {"place": scorecards, "options": {"points": 3}})
    model.bind(CATALOGUE)

    chances = [model.foresee({member.name: it}, 0, 0) for it in (True, False)]

    assert chances == pytest.approx([1 / (1 + np.exp(-1.0)), 1 / (1 + np.exp(2.0))])
