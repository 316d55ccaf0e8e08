"""Champion and challengers: one is asked, all learn, and none can harm another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from opportune.learning import BayesModel, Contest, ModelSpec, Moves, Predictor, PropensityModel, make_contest
from opportune.records import Facts, Renamed
from opportune.testing.models import (
    CATALOGUE,
    OUTCOMES,
    PREDICTORS,
    PropensityModelContract,
    sample_answers,
    sample_facts,
)

MAIN = ModelSpec("main", "bayes", PREDICTORS)
SIMPLE = ModelSpec("simple", "bayes", PREDICTORS[:1], {"base_rate": 0.4})


class Fragile(BayesModel):
    """Breaks at its twentieth answer, by an error or by what it foresees."""

    breaks = "learn"

    def __init__(self, predictors: Sequence[Predictor], outcomes: Sequence[str], kernel: str = "auto") -> None:
        super().__init__(predictors, outcomes, kernel)
        self.seen = 0

    def score_and_learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> tuple[float, float]:
        self.seen += 1
        if self.breaks == "learn" and self.seen > 20:
            raise ZeroDivisionError
        said = super().score_and_learn(facts, candidate, outcome, happened)
        return (float("nan"), 1.0) if self.breaks == "foresee" and self.seen > 20 else said


def fragile(breaks: str) -> Contest:
    """A contest with a challenger that breaks."""

    def make(spec: ModelSpec, outcomes: Sequence[str], kernel: str) -> PropensityModel:
        kinds: dict[str, type[BayesModel]] = {"main": BayesModel, "fragile": Fragile}
        made: PropensityModel = kinds[spec.name](spec.predictors, outcomes, kernel)
        if isinstance(made, Fragile):
            made.breaks = breaks
        return made

    contest = Contest([MAIN, replace(MAIN, name="fragile")], "main", OUTCOMES, make)
    contest.bind(CATALOGUE)
    return contest


def contest_of(*specs: ModelSpec, champion: str = "main") -> Contest:
    """A contest that has learned nothing."""
    contest = make_contest(specs, champion, OUTCOMES)
    contest.bind(CATALOGUE)
    return contest


def taught(contest: Contest, count: int = 60) -> Contest:
    """The contest after some answers."""
    for answer in sample_answers(count):
        contest.learn(*answer)
    return contest


def said(model: PropensityModel) -> list[float]:
    """What a model says of a request."""
    values: list[float] = model.predict(model.encode(sample_facts(3))).log_odds.ravel().tolist()
    return values


class TestContest(PropensityModelContract):
    """It keeps the laws of the family, like any model."""

    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        specs = (ModelSpec("main", "bayes", tuple(predictors)), ModelSpec("simple", "bayes", tuple(predictors[:1])))
        return make_contest(specs, "main", outcomes)


def test_the_champion_says_what_it_would_say_alone() -> None:
    alone = BayesModel(PREDICTORS, OUTCOMES)
    alone.bind(CATALOGUE)
    for answer in sample_answers(60):
        alone.learn(*answer)

    contest = taught(contest_of(MAIN, SIMPLE))

    assert said(contest) == said(alone)
    assert contest.weights(sample_facts(3), 0, 0) == alone.weights(sample_facts(3), 0, 0)
    assert contest.foresee(sample_facts(3), 2, 1) == pytest.approx(alone.foresee(sample_facts(3), 2, 1))


def test_who_is_promoted_decides_and_nothing_that_was_learned_is_lost() -> None:
    contest, simple = taught(contest_of(MAIN, SIMPLE)), taught(contest_of(SIMPLE, champion="simple"))
    before, digest = said(contest), contest.digest()

    contest.promote("simple")
    assert (contest.name, said(contest)) == ("simple", said(simple))
    contest.promote("main")

    assert (contest.name, said(contest), contest.digest()) == ("main", before, digest)


def test_nobody_unknown_is_promoted() -> None:
    contest = taught(contest_of(MAIN, SIMPLE))
    before = contest.digest()

    with pytest.raises(ValueError, match="none of this name"):
        contest.promote("other")
    with pytest.raises(ValueError, match="no part"):
        contest.take_part_of("simple", "trees", b"x")
    with pytest.raises(ValueError, match="none of this name"):
        contest.take_part_of("other", "trees", b"x")

    assert contest.digest() == before


@pytest.mark.parametrize("breaks", ["learn", "foresee"])
def test_a_challenger_that_fails_is_set_aside_and_harms_nobody(breaks: str) -> None:
    contest = taught(fragile(breaks), 120)

    assert list(contest.failed) == ["fragile"]
    assert said(contest) == said(taught(contest_of(MAIN), 120))
    assert contest.evidence().sum() == 120
    with pytest.raises(ValueError, match="set aside"):
        contest.promote("fragile")
    again = fragile(breaks)
    again.restore(contest.snapshot())
    assert (again.failed, again.digest()) == (contest.failed, contest.digest())
    again.adopt(contest.snapshot(), Moves(CATALOGUE))
    assert again.failed == {}
    assert again.models["fragile"].evidence().sum() == 0


def test_a_revision_keeps_models_that_stay_and_begins_new_ones_untaught() -> None:
    contest = taught(contest_of(MAIN, SIMPLE))
    third = ModelSpec("third", "bayes", PREDICTORS)

    later = contest_of(MAIN, third)
    later.adopt(contest.snapshot(), Moves(CATALOGUE))

    assert said(later.models["main"]) == said(contest)
    assert later.models["third"].evidence().sum() == 0
    assert list(later.scoreboard.rows["", ""].scores) == ["main"]


def test_a_renamed_model_takes_along_what_it_learned_and_its_promotion() -> None:
    contest = taught(contest_of(MAIN, SIMPLE))
    contest.promote("simple")

    later = contest_of(MAIN, replace(SIMPLE, name="plain"))
    later.adopt(contest.snapshot(), Moves(CATALOGUE, [Renamed("model", "simple", "plain")]))

    assert (later.name, said(later)) == ("plain", said(contest))
    assert list(later.scoreboard.rows["", ""].scores) == ["main", "plain"]


@pytest.mark.parametrize("is_first", [False, True])
def test_a_model_that_takes_the_name_of_one_that_is_gone_knows_what_it_learned_itself(is_first: bool) -> None:
    contest = taught(contest_of(*(SIMPLE, MAIN) if is_first else (MAIN, SIMPLE)))
    before = contest.models["simple"].digest()

    later = contest_of(replace(SIMPLE, name="main"))
    later.adopt(contest.snapshot(), Moves(CATALOGUE, [Renamed("model", "simple", "main")]))

    assert later.models["main"].digest() == before
    assert later.scoreboard.rows["", ""].scores["main"].loss == contest.scoreboard.rows["", ""].scores["simple"].loss


def test_a_promotion_survives_a_revision_unless_the_project_names_another_champion() -> None:
    contest = taught(contest_of(MAIN, SIMPLE, replace(MAIN, name="third")))
    contest.promote("simple")
    same, other, without = (
        contest_of(MAIN, SIMPLE, replace(MAIN, name="third")),
        contest_of(MAIN, SIMPLE, replace(MAIN, name="third"), champion="third"),
        contest_of(MAIN, replace(MAIN, name="third")),
    )

    for later in (same, other, without):
        later.adopt(contest.snapshot(), Moves(CATALOGUE))

    assert [later.champion for later in (same, other, without)] == ["simple", "third", "main"]


def test_a_state_of_other_models_is_refused_and_changes_nothing() -> None:
    contest = taught(contest_of(MAIN, SIMPLE))
    before = contest.digest()

    for other in (contest_of(MAIN), contest_of(MAIN, SIMPLE, champion="simple")):
        with pytest.raises(ValueError, match="other models"):
            contest.restore(other.snapshot())
    with pytest.raises(ValueError, match="not of champion"):
        contest.restore(contest.models["main"].snapshot())

    assert contest.digest() == before


def test_a_model_sees_nothing_but_what_it_may() -> None:
    contest = taught(contest_of(SIMPLE, champion="simple"))
    facts = dict(sample_facts(3))

    hidden = {name: value for name, value in facts.items() if name in ("customer.age", "now")}

    one, two = (contest.predict(contest.encode(each)).log_odds.copy() for each in (facts, hidden))
    assert np.array_equal(one, two)


def test_a_plain_model_that_becomes_a_mixture_keeps_what_it_knew() -> None:
    contest = taught(contest_of(MAIN), 120)
    later = contest_of(replace(MAIN, kind="mixture"))

    later.adopt(contest.snapshot(), Moves(CATALOGUE))

    assert np.array_equal(later.evidence(), contest.evidence())
    # What was foreseen by another kind says nothing of this one.
    assert all("main" not in row.scores for row in later.scoreboard.rows.values())
    again = contest_of(MAIN)
    again.adopt(later.snapshot(), Moves(CATALOGUE))
    assert not again.evidence().any()
