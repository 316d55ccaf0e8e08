"""A loop that is closed: what was learned decides what is shown, and what is shown is answered late or never."""

from __future__ import annotations

import heapq
import random
from dataclasses import replace
from typing import Any

import pytest

from opportune.decide import Draws, State, decide
from opportune.decide.plan import Exploration
from opportune.learning import ModelSpec
from opportune.outcomes import Learner, Lesson, Report, new_model
from opportune.records import Sign
from tests.worlds import NOON, PREDICTORS, Item, World, request

RATES = {"a": 0.05, "b": 0.10, "c": 0.18}
DELAY = 60
"""Decisions between showing and a "yes", on average."""
DECISIONS = 3_000


def told_by(kind: str, window: int) -> tuple[list[float], float]:
    """Decide and learn, silence after so many decisions; give the propensities of the best action, and its share."""
    plan = World([Item(name) for name in RATES], Exploration("thompson", 0.2, 0.02), {"main": 1}).plan()
    plan = replace(plan, models=(ModelSpec("main", kind, PREDICTORS),))
    learner = Learner(plan, new_model(plan))
    chance, due, told, shown = random.Random(4), [], [], 0
    said: dict[int, tuple[Report, ...]] = {}

    def report(number: int, action: str, happened: bool, facts: dict[str, Any]) -> None:
        outcome, sign = ("accept", Sign.POSITIVE) if happened else ("reject", Sign.NEGATIVE)
        new = Report(f"{number}-{happened}", action, "card", outcome, sign, 0, expiry=not happened)
        before = said.get(number, ())
        said[number] = (*before, new)
        sequence = learner.position + 1
        learner.learn(Lesson(sequence, f"d{number}", 0, "", facts, "desk", before, new, said[number]))

    for number in range(DECISIONS):
        while due and due[0][0] <= number:
            _, happened, about, action, knew = heapq.heappop(due)
            if happened or about not in said:
                report(about, action, happened, knew)
        facts = {"customer.age": chance.randint(18, 80)}
        state = State(model=learner.model, position=0, profile=facts)
        decision = decide(plan, state, request(f"r{number}"), NOON, Draws(f"s{number}"))
        best = learner.model.predict(learner.model.encode(facts)).propensity[0, 2]
        action = decision.placements[0].actions[0].action
        shown += action == "c"
        if number >= DECISIONS // 3:
            told.append(float(best))
        if chance.random() < RATES[action]:
            heapq.heappush(due, (number + 1 + int(chance.expovariate(1 / DELAY)), True, number, action, facts))
        heapq.heappush(due, (number + window, False, number, action, facts))
    return told, shown / DECISIONS


@pytest.mark.parametrize("kind", ["bayes", "mixture"])
def test_silence_that_comes_soon_and_gives_way_to_later_answers_teaches_the_truth(kind: str) -> None:
    told, share = told_by(kind, window=10)

    assert 0.13 <= sum(told) / len(told) <= 0.23
    assert share > 0.6


@pytest.mark.parametrize("kind", ["bayes", "mixture"])
def test_silence_that_comes_long_after_the_answers_does_not(kind: str) -> None:
    told, _ = told_by(kind, window=1_500)

    assert max(told) > 0.5


@pytest.mark.parametrize("kind", ["bayes", "mixture", "naive_bayes"])
def test_answers_that_took_the_place_of_silence_are_not_counted_beside_it(kind: str) -> None:
    plan = replace(World([Item("a")]).plan(), models=(ModelSpec("main", kind, PREDICTORS),))
    model, chance = new_model(plan), random.Random(7)
    turned: list[tuple[int, dict[str, Any]]] = []
    happened = 0
    for number in range(4_000):
        facts = {"customer.age": chance.randint(18, 80)}
        model.learn(facts, 0, 0, False)
        if chance.random() < 0.3:
            turned.append((number + 25, facts))
        while turned and turned[0][0] <= number:
            _, known = turned.pop(0)
            model.unlearn(known, 0, 0, False)
            model.learn(known, 0, 0, True)
            happened += 1

    told = [float(model.predict(model.encode({"customer.age": age})).propensity[0, 0]) for age in range(20, 80, 5)]
    score = model.scoreboard.rows["accept", "a"].scores["main"]

    assert sum(told) / len(told) == pytest.approx(0.3, abs=0.03)
    assert sum(score.no) + sum(score.yes) == 4_000
    assert sum(score.yes) == happened
    assert sum(score.chance) / 4_000 == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("kind", ["bayes", "mixture"])
def test_after_many_answers_in_a_heap_propensities_come_back_with_the_next_decisions(kind: str) -> None:
    plan = replace(World([Item("a")]).plan(), models=(ModelSpec("main", kind, PREDICTORS),))
    model, chance = new_model(plan), random.Random(5)
    told: list[float] = []

    def facts() -> dict[str, Any]:
        return {"customer.age": chance.randint(18, 80)}

    def turn(known: dict[str, Any]) -> None:
        model.unlearn(known, 0, 0, False)
        model.learn(known, 0, 0, True)

    campaign = [facts() for _ in range(1_500)]
    for known in campaign:
        model.learn(known, 0, 0, False)
    for known in campaign:
        if chance.random() < 0.2:
            turn(known)
    due: list[tuple[int, dict[str, Any]]] = []
    for number in range(600):
        known = facts()
        model.learn(known, 0, 0, False)
        if chance.random() < 0.2:
            due.append((number + 20, known))
        while due and due[0][0] <= number:
            turn(due.pop(0)[1])
        if number >= 150 and number % 10 == 0:
            told.append(float(model.predict(model.encode(facts())).propensity[0, 0]))

    assert sum(told) / len(told) == pytest.approx(0.2, abs=0.1)
    assert max(told) < 0.6
