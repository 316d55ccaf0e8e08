"""Synthetic bandit logs with known truth, of the kind that Open Bandit Pipeline's published comparison uses.

30 actions, contexts of five normal numbers, logistic rewards; the log prefers bad actions (softmax of -3 times the
chance of a reward), the other policy is learned from a log of its own, and the reward model knows no interactions, so
that it is wrong.
"""

from __future__ import annotations

import numpy as np

from opportune.evaluate.off_policy import Sample
from opportune.evaluate.uplift.regression import logistic, predicted_chance

__all__ = ["synthetic"]

ACTIONS, NUMBERS, COLDNESS = 30, 5, -3.0
WEAK = 100.0
FOLDS = 3


def synthetic(seed: int, rounds: int) -> tuple[Sample, float, float]:
    """Draw a log; give it with the true mean reward of the other policy, and that of the log's own."""
    rng = np.random.default_rng(seed)
    taste = 0.35 * rng.uniform(-1, 1, (NUMBERS, ACTIONS))
    by_context, by_action = rng.uniform(-1, 1, NUMBERS), rng.uniform(-1, 1, ACTIONS)

    def log():
        x = rng.normal(size=(rounds, NUMBERS))
        z = x @ taste + (x @ by_context)[:, None] + by_action
        chance = 1 / (1 + np.exp(-(z - z.mean()) / z.std()))
        policy = softmax(COLDNESS * chance)
        action = (policy.cumsum(axis=1) > rng.random((rounds, 1))).argmax(axis=1)
        return x, chance, policy, action, (rng.random(rounds) < chance[np.arange(rounds), action]).astype(float)

    x, _, _, action, reward = log()
    weights = [logistic(with_one(x[action == k]), reward[action == k], WEAK) for k in range(ACTIONS)]
    x, chance, policy, action, reward = log()
    other = softmax(with_one(x) @ np.stack(weights, axis=1))
    foretold = cross_fitted(x, action, reward, rng)
    rows = np.arange(rounds)
    sample = Sample(
        reward=reward,
        logged=policy[rows, action],
        wanted=other[rows, action],
        person=rows,
        predicted=foretold[rows, action],
        expected=(other * foretold).sum(axis=1),
        beyond=np.zeros(rounds),
        base=(policy * foretold).sum(axis=1),
    )
    return sample, float((other * chance).sum(axis=1).mean()), float((policy * chance).sum(axis=1).mean())


def cross_fitted(x, action, reward, rng):
    """Foretell the reward of every action for every row by a model that never saw the row."""
    folds = rng.integers(0, FOLDS, len(x))
    foretold = np.zeros((len(x), ACTIONS))
    for fold in range(FOLDS):
        own = folds == fold
        b = logistic(design(x[~own], action[~own]), reward[~own], WEAK)
        for k in range(ACTIONS):
            foretold[own, k] = predicted_chance(design(x[own], np.full(own.sum(), k)), b)
    return foretold


def design(x, action):
    return np.column_stack([with_one(x), np.eye(ACTIONS)[action]])


def with_one(x):
    return np.column_stack([np.ones(len(x)), x])


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
