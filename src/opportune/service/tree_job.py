"""Trains trees in a process of its own, with the lowest claim on the machine: `python -m opportune.service.tree_job`.

What to do comes as JSON on the standard input, so that no address of a store stands in the list of processes; the
artefact goes to the standard output, nothing where there are too few answers.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Sequence

import msgspec

from opportune.learning import Predictor
from opportune.learning.rates import Doubles
from opportune.learning.supplied import SuppliedModel
from opportune.learning.tree_training import WINDOW, Truth, train
from opportune.outcomes import Learner
from opportune.records import Facts
from opportune.service.course import Course
from opportune.service.rebuilding import lesson_of, truths
from opportune.storage import Storage, open_storage

__all__ = ["Task", "artefact_of", "main"]

NICE = 10


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What to train.

    Args:
        url: of the store.
        model: name of the model in the plan.
        until: last journal entry whose reports count.
        answers: that the model has learned.
    """

    url: str
    model: str
    until: int
    answers: int


class _Listener(SuppliedModel):
    """Takes down what a model would have learned, the latest WINDOW answers."""

    name = "listener"

    def __init__(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> None:
        super().__init__(predictors, outcomes, recalibrate=False)
        self.heard: deque[Truth] = deque(maxlen=WINDOW)

    def score(self, facts: Facts) -> Doubles | None:
        """Say nothing."""
        return None

    def learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Take down one answer, with the facts that the model may see."""
        self.heard.append(Truth(self._seen(facts), self.catalogue[candidate], self.outcomes[outcome], happened))


def artefact_of(storage: Storage, task: Task) -> bytes | None:
    """Train on what is finally true of the latest decisions, as of a journal position; None where that is too little.

    Raises:
        StoreError: the store cannot be read.
        ValueError: the plan has no such model, or LightGBM is not installed.
    """
    course = Course(storage)
    plan = course.plan_at(task.until)
    spec = None if plan is None else next((one for one in plan.models if one.name == task.model), None)
    if plan is None or spec is None:
        raise ValueError(f"model {task.model}: the plan has none of this name")
    listener = _Listener(spec.predictors, plan.outcomes)
    listener.bind(plan.candidates)
    # The learner brings along what counts as an answer, former names, and how much one person may teach.
    learner = Learner(plan, listener, task.until, course.names(task.until))
    for account in truths(storage, task.until):
        if account.facts and account.reports:
            learner.learn_truth(lesson_of(account, task.until))
    return train(spec.predictors, plan.outcomes, list(listener.heard), task.answers)


def main() -> None:
    """Do what the standard input says."""
    os.nice(NICE)
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    storage = open_storage(task.url, read_only=True)
    try:
        found = artefact_of(storage, task)
    finally:
        storage.close()
    sys.stdout.buffer.write(found or b"")


if __name__ == "__main__":
    main()
