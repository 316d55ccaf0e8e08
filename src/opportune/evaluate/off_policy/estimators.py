"""Estimators of what another policy would have earned, from a log that says how probable every choice was.

Formulas and sources: docs/concepts/off-policy.md.

Notation:
    n  logged choices
    r  float64 [n], reward
    q  float64 [n], `logged`: probability with which the log's policy chose what was chosen, in (0, 1]
    p  float64 [n], `wanted`: probability with which the other policy would have chosen it, in [0, 1]
    w  float64 [n], weight p / q
    f  float64 [n], `predicted`: reward foretold for what was chosen
    e  float64 [n], `expected`: reward foretold for the other policy, the mean over its choices
    b  float64 [n], `base`: the same for the log's own policy

Every estimator is a ratio of two sums over choices, so that one bootstrap serves them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["ESTIMATORS", "Ratio", "Sample", "direct", "doubly_robust", "gain", "ips", "snips", "switch", "switch_limit"]

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SWITCH_LIMITS = (np.inf, 1000.0, 300.0, 100.0, 30.0, 10.0)
"""Weights above which switch-DR may trust the foretold reward alone; the largest limit is DR."""


class Ratio(NamedTuple):
    """What every choice adds to the two sums of an estimator, float64 [n] each."""

    over: Reals
    under: Reals


@dataclass(frozen=True, slots=True)
class Sample:
    """Logged choices with one reward.

    Args:
        person: int64 [n], who it was; choices of one person are not independent.
        predicted, expected: must not know the choice's own reward, as the model that decided did not.
        beyond: float64 [n], probability of all that the other policy would have chosen and the log's never could; nan
            where that is not known.
        base: foretold by the same forecasts as `expected`; None where the log's other probabilities are not known.

    Raises:
        ValueError: lengths differ, a number is not finite, or a probability is out of range.
    """

    reward: Reals
    logged: Reals
    wanted: Reals
    person: Integers
    predicted: Reals
    expected: Reals
    beyond: Reals
    base: Reals | None = None

    def __post_init__(self) -> None:
        columns = (self.reward, self.logged, self.wanted, self.person, self.predicted, self.expected, self.beyond)
        if len({column.shape for column in columns}) > 1 or self.reward.ndim != 1:
            raise ValueError("sample: expected columns of one length")
        if not all(np.isfinite(column).all() for column in columns[:-1]):
            raise ValueError("sample: expected finite numbers")
        if (self.logged <= 0.0).any() or (self.logged > 1.0 + 1e-6).any():
            raise ValueError("logged: expected probabilities above 0, at most 1")
        if (self.wanted < 0.0).any() or (self.wanted > 1.0 + 1e-6).any():
            raise ValueError("wanted: expected probabilities in [0, 1]")

    def __len__(self) -> int:
        return len(self.reward)

    @property
    def weights(self) -> Reals:
        """How much more probable the other policy would have made each choice."""
        return self.wanted / self.logged

    def where(self, mask: npt.NDArray[np.bool_]) -> Sample:
        """Keep some of the choices."""
        return Sample(
            reward=self.reward[mask],
            logged=self.logged[mask],
            wanted=self.wanted[mask],
            person=self.person[mask],
            predicted=self.predicted[mask],
            expected=self.expected[mask],
            beyond=self.beyond[mask],
            base=None if self.base is None else self.base[mask],
        )


def ips(sample: Sample) -> Ratio:
    """Inverse probability: mean of w r."""
    return Ratio(sample.weights * sample.reward, np.ones(len(sample)))


def snips(sample: Sample) -> Ratio:
    """Self-normalised inverse probability: sum of w r over sum of w."""
    return Ratio(sample.weights * sample.reward, sample.weights)


def direct(sample: Sample) -> Ratio:
    """Direct method: mean of e; as right as the model, however narrow its interval."""
    return Ratio(sample.expected, np.ones(len(sample)))


def doubly_robust(sample: Sample) -> Ratio:
    """Doubly robust: mean of e + w (r - f)."""
    return switch(sample, np.inf)


def gain(sample: Sample) -> Ratio:
    """What the other policy earns more than the log: mean of e - b + (w - 1) (r - f).

    Right wherever the doubly robust estimate is, and zero where both choose alike, whatever the model says. Without b,
    that estimate less what was earned.
    """
    if sample.base is None:
        over, under = doubly_robust(sample)
        return Ratio(over - sample.reward, under)
    surprise = (sample.weights - 1.0) * (sample.reward - sample.predicted)
    return Ratio(sample.expected - sample.base + surprise, np.ones(len(sample)))


def switch(sample: Sample, limit: float | None = None) -> Ratio:
    """Switch-DR: doubly robust where w is at most the limit, the model alone elsewhere.

    Args:
        limit: None lets the data choose, see `switch_limit`.
    """
    most = switch_limit(sample) if limit is None else limit
    weights = sample.weights
    kept = np.where(weights <= most, weights, 0.0)
    return Ratio(sample.expected + kept * (sample.reward - sample.predicted), np.ones(len(sample)))


def switch_limit(sample: Sample) -> float:
    """Choose the limit with the least estimated square error: variance of what is kept, square of what is left out."""
    weights, surprise = sample.weights, sample.reward - sample.predicted
    errors = []
    for limit in SWITCH_LIMITS:
        kept = np.where(weights <= limit, weights, 0.0)
        left_out = float(((weights - kept) * surprise).mean()) if len(weights) else 0.0
        noise = float((sample.expected + kept * surprise).var()) / len(weights) if len(weights) else 0.0
        errors.append(noise + left_out**2)
    return SWITCH_LIMITS[int(np.argmin(errors))]


ESTIMATORS: dict[str, Callable[[Sample], Ratio]] = {
    "ips": ips,
    "snips": snips,
    "direct": direct,
    "dr": doubly_robust,
    "switch_dr": switch,
}
"""Name in reports → estimator."""
