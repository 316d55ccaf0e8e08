"""Learners of effects: how much more reward there is for each customer if an action is shown than if it is not.

Formulas and sources: docs/concepts/uplift.md.

Notation:
    n  choices
    x  float64 [n, d], features; the first column is 1
    y  float64 [n], reward
    t  bool [n], whether the action was shown
    e  float64 [n], probability with which it was shown, in (0, 1)
    m1, m0  float64 [n], reward foretold if shown, and if not
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opportune.evaluate.uplift.regression import linear, logistic, predicted_chance

__all__ = ["LEARNERS", "Trial", "cross_fitted", "doubly_robust_scores", "dr_learner", "t_learner", "x_learner"]

Reals = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

FOLDS = 5

Effect = Callable[[Reals], Reals]
"""Gives the effect foretold for every row of features."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Choices in which an action was shown or not, by chance.

    Args:
        person: who it was; all choices of a person fall into one fold.

    Raises:
        ValueError: lengths differ, a number is not finite, or a probability is 0 or 1.
    """

    features: Reals
    reward: Reals
    shown: Booleans
    chance: Reals
    person: Integers

    def __post_init__(self) -> None:
        n = len(self.reward)
        if not (len(self.features) == len(self.shown) == len(self.chance) == len(self.person) == n):
            raise ValueError("trial: expected columns of one length")
        if not (np.isfinite(self.features).all() and np.isfinite(self.reward).all()):
            raise ValueError("trial: expected finite numbers")
        if n and not (float(self.chance.min()) > 0.0 and float(self.chance.max()) < 1.0):
            raise ValueError("chance: expected probabilities above 0 and below 1")

    def __len__(self) -> int:
        return len(self.reward)

    def where(self, mask: Booleans) -> Trial:
        """Keep some of the choices."""
        return Trial(self.features[mask], self.reward[mask], self.shown[mask], self.chance[mask], self.person[mask])


def t_learner(trial: Trial) -> Effect:
    """Two models: m1(x) - m0(x)."""
    shown, hidden = foretold(trial, trial.shown), foretold(trial, ~trial.shown)
    return lambda x: shown(x) - hidden(x)


def x_learner(trial: Trial) -> Effect:
    """Regress what the other arm's model leaves unexplained; weigh the two answers by e."""
    shown, hidden = foretold(trial, trial.shown), foretold(trial, ~trial.shown)
    t, x = trial.shown, trial.features
    gained = linear(x[t], trial.reward[t] - hidden(x[t]))
    missed = linear(x[~t], shown(x[~t]) - trial.reward[~t])
    share = float(trial.chance.mean()) if len(trial) else 0.5
    return lambda features: share * (features @ missed) + (1.0 - share) * (features @ gained)


def dr_learner(trial: Trial) -> Effect:
    """Regress the doubly robust score of every choice, made with models that did not see it."""
    weights = linear(trial.features, doubly_robust_scores(trial, folds=2))
    return lambda x: np.asarray(x @ weights, dtype=np.float64)


LEARNERS: dict[str, Callable[[Trial], Effect]] = {"t": t_learner, "x": x_learner, "dr": dr_learner}
"""Name in reports → learner."""


def foretold(trial: Trial, rows: Booleans) -> Effect:
    """Learn the reward of one arm: its chance where it is 0 or 1, else its mean."""
    x, y = trial.features[rows], trial.reward[rows]
    if np.isin(trial.reward, (0.0, 1.0)).all():
        chances = logistic(x, y)
        return lambda features: predicted_chance(features, chances)
    weights = linear(x, y)
    return lambda features: np.asarray(features @ weights, dtype=np.float64)


def doubly_robust_scores(trial: Trial, folds: int = FOLDS) -> Reals:
    """Give m1 - m0 + t (y - m1) / e - (1 - t) (y - m0) / (1 - e), by models that did not see the choice.

    The mean over any group estimates the effect there.
    """
    scores = np.empty(len(trial))
    fold = folds_of(trial.person, folds)
    for part in range(folds):
        own = fold == part
        rest = trial.where(~own)
        here = trial.where(own)
        if_shown, if_hidden = foretold(rest, rest.shown)(here.features), foretold(rest, ~rest.shown)(here.features)
        scores[own] = (
            if_shown
            - if_hidden
            + here.shown * (here.reward - if_shown) / here.chance
            - ~here.shown * (here.reward - if_hidden) / (1.0 - here.chance)
        )
    return scores


def cross_fitted(trial: Trial, learner: Callable[[Trial], Effect], folds: int = FOLDS) -> Reals:
    """Foretell the effect of every choice by a learner that saw neither it nor its person."""
    effects = np.empty(len(trial))
    fold = folds_of(trial.person, folds)
    for part in range(folds):
        own = fold == part
        effects[own] = learner(trial.where(~own))(trial.features[own])
    return effects


def folds_of(person: Integers, folds: int) -> Integers:
    """Deal persons out into folds at random, always the same."""
    found, own = np.unique(person, return_inverse=True)
    return np.asarray((np.random.default_rng(1).permutation(len(found)) % folds)[own], dtype=np.int64)
