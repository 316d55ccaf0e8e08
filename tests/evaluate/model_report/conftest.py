"""A report on models that learned from decisions in a store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from opportune.decide import Draws, State, decide
from opportune.evaluate.model_report import ModelReport, report_of
from opportune.learning import ModelSpec, Predictor
from opportune.outcomes import new_model
from opportune.records import Origin, ValueType
from opportune.storage import SaveDecision, open_storage
from tests.worlds import NOON, Item, World, request

BARRED = (Predictor("customer.name", ValueType.TEXT),)
CITIES = ("Oslo", "Rome", "Bergen & <Voss>")


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> ModelReport:
    """1,200 decisions, each answered; people over 45 say yes in Oslo, and younger ones elsewhere."""
    rng = np.random.default_rng(3)
    world = World([Item("loan"), Item("card"), Item("thanks", value=0.5)]).plan()
    young = tuple(one for one in world.predictors if one.name != "context.minutes")
    plan = replace(
        world, models=(ModelSpec("main", "mixture", world.predictors), ModelSpec("young", "evidence", young))
    )
    models = new_model(plan, "numpy")
    path: Path = tmp_path_factory.mktemp("report") / "store.db"
    with open_storage(str(path)) as storage:
        for number in range(1_200):
            age = int(rng.integers(18, 90 if number > 700 else 60))
            facts = {"customer.age": age, "customer.city": CITIES[rng.integers(len(CITIES))]}
            asked = request(f"r-{number}", context={"minutes": float(rng.exponential(4))})
            state = State(model=models, position=number, profile=facts)
            decision = decide(plan, state, asked, NOON + timedelta(minutes=number), Draws(f"s-{number}"))
            storage.write([SaveDecision(decision=decision, answer=b"{}", origin=Origin.ENGINE)])
            shown = plan.index_of(decision.placements[0].actions[0].action, "desk")
            liked = 0.7 if (age > 45) == (facts["customer.city"] == "Oslo") else 0.1
            models.learn(decision.facts, shown, 0, bool(rng.random() < liked))
        return report_of(storage, plan, models, storage.last_sequence(), NOON, BARRED)
