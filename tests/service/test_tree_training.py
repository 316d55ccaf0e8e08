"""Trees are trained in a process beside the service, and adopted by an entry of the journal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from opportune.learning import Contest, MixtureModel, TreesModel
from opportune.learning import tree_training as training
from opportune.service import tree_job
from opportune.service.course import Course
from opportune.service.proof import prove_models
from opportune.service.publishing import revision_of
from opportune.service.revisions import strategy_from_files
from opportune.service.training import trained
from opportune.service.tree_job import Task, artefact_of
from opportune.service.tree_trainer import TreeTrainer
from opportune.storage import Kind, open_storage
from tests.property.test_fold_laws import Life

from .shop import files

pytest.importorskip("lightgbm")
MODELS = "main:\n  kind: trees\n  hides: [customer.age]\n"


@contextmanager
def life(folder: Path, models: str = MODELS) -> Iterator[Life]:
    """A store whose champion is trees that may not see an age, or another model."""
    with open_storage(str(folder / "shop.db")) as storage:
        one = Life(storage)
        one.strategy, _ = strategy_from_files(files(models=models))
        one.course.strategies.put(one.strategy)
        storage.write([revision_of(one.course, one.strategy, one._id())])
        one.course.read()
        one.learn()
        yield one


def live(one: Life, decisions: int) -> None:
    """Members of the shop accept, others do not."""
    for number in range(decisions):
        age = 20 + number * 7 % 60
        one.decide(age)
        one.answer((0, "accept" if age % 3 == 0 else "reject"))
    one.learn()


def trees_of(one: Life) -> TreesModel:
    contest = one.learner.model
    assert isinstance(contest, Contest)
    model = contest.models["main"]
    assert isinstance(model, TreesModel)
    return model


def mixture_of(one: Life) -> MixtureModel:
    contest = one.learner.model
    assert isinstance(contest, Contest)
    model = contest.models["main"]
    assert isinstance(model, MixtureModel)
    return model


def ordered(one: Life, trainer: TreeTrainer, seconds: float = 60.0) -> bool:
    """Wait for the trainer's order and write it; False where none comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        order = trainer.order(one.learner)
        if order is not None:
            one.storage.write([order])
            return True
        if trainer._job is None:
            return False
        time.sleep(0.05)
    return False


def test_trees_are_trained_adopted_and_come_back_with_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "FIRST", 220)
    with life(tmp_path) as one:
        trainer = TreeTrainer(one.storage.url)
        assert trainer.order(one.learner) is None
        live(one, 240)
        assert trees_of(one).trained == 0

        try:
            assert ordered(one, trainer)
        finally:
            trainer.close()
        one.learn()

        assert trees_of(one).trained == int(trees_of(one).evidence().sum())
        member, stranger = (trees_of(one).foresee({"customer.member": it}, 0, 0) for it in (True, False))
        assert member > stranger + 0.2
        (entry,) = one.storage.journal(0, 10, (Kind.CHANGE,))
        assert entry.body.order == "part"  # type: ignore[union-attr]
        resumed = trained(one.storage, Course(one.storage), "numpy")
        assert resumed is not None
        assert resumed.model.digest() == one.learner.model.digest()
        one.keep()
        assert prove_models(one.storage)[1] == []
        # Not due again so soon.
        assert trainer.order(one.learner) is None
        assert trainer._job is None


def test_the_usual_model_is_given_trees_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "FIRST", 220)
    with life(tmp_path, "main:\n  kind: mixture\n  hides: [customer.age]\n") as one:
        trainer = TreeTrainer(one.storage.url)
        live(one, 240)
        assert mixture_of(one).trees is not None
        assert not mixture_of(one).trees.has_trees  # type: ignore[union-attr]

        try:
            assert ordered(one, trainer)
        finally:
            trainer.close()
        one.learn()

        trees = mixture_of(one).trees
        assert trees is not None
        assert trees.trained == int(mixture_of(one).evidence().sum())
        live(one, 20)
        # What was learned with them is what the journal tells, from its beginning and from what was kept.
        resumed = trained(one.storage, Course(one.storage), "numpy")
        assert resumed is not None
        assert resumed.model.digest() == one.learner.model.digest()
        one.keep()
        assert prove_models(one.storage)[1] == []
        kept = trained(one.storage, Course(one.storage), "numpy")
        assert kept is not None
        assert kept.model.digest() == one.learner.model.digest()


def test_a_model_that_was_learned_anew_gets_its_trees_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "FIRST", 220)
    with life(tmp_path) as one:
        live(one, 240)
        learned_anew = trees_of(one).snapshot()
        trainer = TreeTrainer(one.storage.url)
        try:
            assert ordered(one, trainer)
            one.learn()
            assert trainer.order(one.learner) is None
            assert trainer._job is None

            trees_of(one).restore(learned_anew)
            assert trees_of(one).trained == 0

            assert trainer.order(one.learner) is None
            assert trainer._job is not None
        finally:
            trainer.close()


def test_hidden_attributes_and_the_cap_hold_in_training_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[training.Truth] = []
    monkeypatch.setattr(tree_job, "train", lambda predictors, outcomes, truths, answers: heard.extend(truths))
    with life(tmp_path) as one:
        live(one, 30)

        artefact_of(one.storage, Task(url="", model="main", until=one.storage.last_sequence(), answers=30))

        assert len(heard) == int(np.sum(trees_of(one).evidence()))
        assert any("customer.member" in truth.facts for truth in heard)
        assert not any("customer.age" in truth.facts for truth in heard)


def test_a_training_that_fails_is_not_tried_again_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "FIRST", 10)
    with life(tmp_path) as one:
        live(one, 12)
        trainer = TreeTrainer(str(tmp_path / "nowhere" / "else.db"))
        try:
            assert not ordered(one, trainer)
            assert trainer.order(one.learner) is None
            assert trainer._job is None
        finally:
            trainer.close()


def test_a_training_that_runs_ends_with_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "FIRST", 10)
    with life(tmp_path) as one:
        live(one, 12)
        trainer = TreeTrainer(one.storage.url)
        assert trainer.order(one.learner) is None
        assert trainer._job is not None
        process = trainer._job.process

        trainer.close()

        assert process.poll() is not None


def test_nothing_is_trained_where_no_other_process_can_open_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "FIRST", 10)
    with life(tmp_path) as one:
        live(one, 12)
        trainer = TreeTrainer("")

        assert trainer.order(one.learner) is None
        assert trainer._job is None
