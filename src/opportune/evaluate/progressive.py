"""Progressive validation: fold the journal anew and ask the model before every answer that it learns from.

Figures are computed in journal order, so the same journal gives the same figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec
import numpy as np

from opportune.evaluate.metrics import Booleans, Reals, auc, calibration, log_loss, running_rate, within
from opportune.outcomes import Learner, Lesson

__all__ = ["Progress", "ProgressiveReport", "Trail", "progress", "report"]

CURVE_POINTS = 60
CURVE_START = 100
"""Before that many answers a mean log loss says nothing."""


@dataclass(frozen=True, slots=True)
class Trail:
    """Every answer of the first outcome in journal order, with what was predicted before it.

    One that turned, as silence does where an answer comes late, stands once: where it stood first, as it turned out.
    """

    predicted: Reals
    happened: Booleans
    actions: tuple[str, ...]


class ProgressiveReport(msgspec.Struct, frozen=True, kw_only=True):
    """Test-then-train figures.

    Args:
        auc_within: inside actions; `auc_pooled` over all answers, which actions' own rates flatter.
        curve: (answers so far, log loss over all of them: model, base rate), from CURVE_START answers on.
        calibration: (mean predicted, observed) in bins of equal count.
    """

    answers: int
    rate: float
    auc_pooled: float
    auc_within: float
    log_loss: float
    log_loss_base_rate: float
    log_loss_per_action: float
    auc_per_action: float
    calibration_error: float
    curve: tuple[tuple[int, float, float], ...]
    calibration: tuple[tuple[float, float], ...]


Progress = Callable[[int], None]


def progress(learner: Learner, lessons: Iterable[Lesson], tell: Progress = lambda done: None) -> Trail:
    """Fold lessons into a model, predicting the first outcome before each answer.

    Args:
        learner: with an untrained model, which is trained afterwards.
        lessons: in journal order; what yields them may lead the learner on to the next revision between two of them.
        tell: called with the number of lessons done.
    """
    predicted: list[float] = []
    happened: list[bool] = []
    actions: list[str] = []
    places: dict[tuple[str, tuple[str, str]], int] = {}
    for done, lesson in enumerate(lessons, start=1):
        candidate = learner.candidate_of(lesson)
        answer = next((answer for head, answer in learner.labels(lesson) if head == 0), None)
        about = lesson.decision, lesson.report.shown
        if answer is not None and about in places:
            happened[places[about]] = answer
        elif candidate is not None and answer is not None:
            places[about] = len(happened)
            prediction = learner.model.predict(learner.model.encode(lesson.facts))
            predicted.append(float(prediction.propensity[0, candidate]))
            happened.append(answer)
            actions.append(lesson.action)
        learner.learn(lesson)
        tell(done)
    return Trail(np.array(predicted), np.array(happened, dtype=bool), tuple(actions))


def report(trail: Trail) -> ProgressiveReport:
    """Judge a trail against the base rate so far and against one constant per action so far."""
    p, y = trail.predicted, trail.happened
    base, constant = running_rate(y), running_rate(y, trail.actions)
    means, rates, error = calibration(p, y)
    return ProgressiveReport(
        answers=len(y),
        rate=float(y.mean()) if len(y) else float("nan"),
        auc_pooled=auc(p, y),
        auc_within=within(p, y, trail.actions),
        log_loss=log_loss(p, y),
        log_loss_base_rate=log_loss(base, y),
        log_loss_per_action=log_loss(constant, y),
        auc_per_action=auc(constant, y),
        calibration_error=error,
        curve=_curve(p, base, y),
        calibration=tuple(zip(means.tolist(), rates.tolist(), strict=True)),
    )


def _curve(p: Reals, base: Reals, y: Booleans) -> tuple[tuple[int, float, float], ...]:
    """Log loss over all answers so far, at points evenly apart."""
    if len(y) == 0:
        return ()
    ends = np.unique(np.linspace(min(CURVE_START, len(y)), len(y), CURVE_POINTS).astype(int))
    return tuple((int(end), log_loss(p[:end], y[:end]), log_loss(base[:end], y[:end])) for end in ends)
