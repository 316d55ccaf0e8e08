"""Orders that the rule of promotion asks for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from opportune.learning import Contest, ModelSpec, make_contest
from opportune.learning.promotion import Promotion
from opportune.outcomes import Learner
from opportune.service.course import Course
from opportune.service.promoting import Promoter
from opportune.storage import SqliteStorage
from opportune.testing.models import OUTCOMES


@pytest.fixture
def promoter(tmp_path: Path) -> Iterator[Promoter]:
    with SqliteStorage(tmp_path / "shop.db") as storage:
        yield Promoter(Course(storage))


def learner(contest: Contest) -> Learner:
    plan = SimpleNamespace(promotion=Promotion(by=0.01, after=100, confidence=0.95))
    return cast(Learner, SimpleNamespace(model=contest, plan=plan, position=7))


def a_better_challenger() -> Contest:
    contest = make_contest([ModelSpec(name, "bayes", ()) for name in ("main", "simple")], "main", OUTCOMES)
    for _ in range(400):
        contest.scoreboard.add(0, "loan", {"main": 0.5, "simple": 0.9}, happened=True)
    return contest


def test_an_order_is_given_once_until_it_is_folded(promoter: Promoter) -> None:
    contest = a_better_challenger()

    orders = [promoter.order(learner(contest)) for _ in range(3)]

    assert [order and order.model for order in orders] == ["simple", None, None]


def test_a_champion_that_came_back_is_judged_anew(promoter: Promoter) -> None:
    contest = a_better_challenger()
    promoter.order(learner(contest))
    contest.promote("simple")
    assert promoter.order(learner(contest)) is None

    # As a revision that names another champion, or the return to an earlier version, does.
    contest.promote("main")
    order = promoter.order(learner(contest))

    assert order is not None
    assert order.model == "simple"
