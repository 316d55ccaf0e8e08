"""The contract of propensity models.

Notation: C candidates (the fixed axis of the bound catalogue), O scored outcomes ("heads"), D encoded features.

A model is deterministic: the same sequence of `learn` calls gives the same state, bit by bit, in every process.
It is not thread-safe: one thread predicts and learns. It does no I/O, reads no clock and draws no random numbers.
Learned state belongs to candidate *keys*, not to positions: binding another catalogue keeps what is known of keys that
stay, and of those that come back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from opportune.records import Facts, ValueType

if TYPE_CHECKING:
    from opportune.learning.moves import Moves

__all__ = ["CandidateKey", "Encoded", "Prediction", "Predictor", "PropensityModel", "Snapshot"]

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CandidateKey:
    """Names that place a candidate among its relatives: group → action → (channel, treatment)."""

    group: str
    action: str
    channel: str
    treatment: str

    def __str__(self) -> str:
        return f"{self.group}/{self.action}/{self.channel}/{self.treatment}"


@dataclass(frozen=True, slots=True)
class Predictor:
    """One fact that models may see; `name` is its key in the facts, such as "customer.age"."""

    name: str
    type: ValueType


class Encoded:
    """A model's own form of one request's facts; opaque to others and valid until that model learns next."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model says of every candidate of the bound catalogue.

    Args:
        propensity: float32 [O, C], probability of the outcome if shown now, in (0, 1), never NaN.
        log_odds: float32 [O, C].
        spread: float32 [O, C], standard deviation of the log odds, > 0.
        amount: float32 [O, C], how much the outcome is expected to be if it happens, 0 where that is not learned; None
            where it is of no outcome. `amount_spread` is its standard deviation.
    """

    propensity: Floats
    log_odds: Floats
    spread: Floats
    amount: Floats | None = None
    amount_spread: Floats | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Learned state as data: named arrays and a JSON-able description; never a pickle."""

    arrays: Mapping[str, npt.NDArray[Any]]
    meta: Mapping[str, Any]


class PropensityModel(ABC):
    """Probability of each scored outcome for each candidate, learned online.

    Args of every member's constructor: `predictors` that it may see and the `outcomes` (heads) that it predicts.
    """

    name: str
    """Name of the family member, such as "bayes"."""
    additive: ClassVar[bool] = False
    """Whether what is learned is a sum over the answers: `unlearn` is then exact, in any order."""
    adopts: ClassVar[frozenset[str]] = frozenset()
    """Names of members, beside its own, whose state it can adopt."""
    kernel: str
    """"numpy" or "numba"."""
    outcomes: tuple[str, ...]

    @abstractmethod
    def bind(self, catalogue: Sequence[CandidateKey]) -> None:
        """Fix the candidate axis of all later calls; state of known keys stays, new keys start from their relatives.

        Raises:
            ValueError: a key stands in the catalogue twice.
        """

    @abstractmethod
    def encode(self, facts: Facts) -> Encoded:
        """Encode one request's facts once, for `predict`; unknown keys are ignored, absent ones are missing."""

    def encode_known(self, facts: Facts, memory: dict[str, Any]) -> Encoded:
        """Encode as `encode` does; a member may keep in `memory` what it read of the facts "customer.<name>" alone.

        Args:
            memory: kept beside a profile, and dropped where one of its facts changes.
        """
        return self.encode(facts)

    @abstractmethod
    def predict(self, encoded: Encoded) -> Prediction:
        """Score all candidates in one array operation; the arrays may be reused by the next call."""

    @abstractmethod
    def learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Learn one answer: head `outcome` of `candidate` did or did not happen for these facts.

        Raises:
            IndexError: the candidate or the outcome is not bound; nothing is learned.
        """

    def foresee(self, facts: Facts, candidate: int, outcome: int) -> float:
        """Give the propensity of one head of one candidate, as `predict` does; a member may have a cheaper way.

        Raises:
            IndexError: the candidate or the outcome is not bound.
        """
        return float(self.predict(self.encode(facts)).propensity[outcome, candidate])

    def take_part(self, part: str, artefact: bytes) -> None:
        """Take over what was trained in the background, such as trees; members without such parts refuse it.

        Raises:
            ValueError: the model has no such part, or these bytes are not of it; nothing is changed.
        """
        raise ValueError(f"model {self.name}: it has no part {part!r} of {len(artefact)} bytes")

    def score_and_learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> tuple[float, float]:
        """Learn one answer as `learn` does, and give the log odds and spread from just before it.

        A member that works them out while learning may give those; scales and vocabularies may know the facts already.

        Raises:
            IndexError: the candidate or the outcome is not bound; nothing is learned.
        """
        before = self.predict(self.encode(facts))
        log_odds, spread = float(before.log_odds[outcome, candidate]), float(before.spread[outcome, candidate])
        self.learn(facts, candidate, outcome, happened)
        return log_odds, spread

    @abstractmethod
    def unlearn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Take back one `learn` call of the same arguments: the answer was corrected or withdrawn.

        Where `additive`, the model then predicts bit by bit as if it had never learned the answer, in whatever order
        answers were learned and taken back. Elsewhere nearly so, and the nearer the later the answer was learned;
        scales and vocabularies, which tell of facts rather than of outcomes, may stay. Where head `outcome` of the
        candidate has no evidence left, nothing happens.

        Raises:
            IndexError: the candidate or the outcome is not bound; nothing is changed.
        """

    @abstractmethod
    def evidence(self) -> Floats:
        """Number of answers learned and not taken back, float32 [O, C]."""

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """Copy the learned state."""

    @abstractmethod
    def restore(self, snapshot: Snapshot) -> None:
        """Take over a state; the bound catalogue stays bound.

        Raises:
            ValueError: the state is not of this model (name, predictors, outcomes, shapes, values not finite).
        """

    @abstractmethod
    def adopt(self, snapshot: Snapshot, moves: Moves) -> None:
        """Take over what a model of other predictors, outcomes or names knew; the bound catalogue stays bound.

        What is known of predictors (by name and type) and outcomes that stay is kept, what is new begins as untaught,
        and what is gone is dropped. State of keys goes where `moves` leads; of several that would come to one place,
        the one with the most answers. Where nothing is different, the state stays the same bit by bit.

        Raises:
            ValueError: the state is not of this kind of model.
        """

    @abstractmethod
    def digest(self) -> str:
        """Hex digest of the learned state, equal exactly where the state is equal bit by bit."""

    @abstractmethod
    def weights(self, facts: Facts, candidate: int, outcome: int) -> list[tuple[str, float]]:
        """Contribution of each predictor to the log odds of one candidate, largest absolute value first.

        What does not come from a predictor (the base rate of the candidate) is left out.
        """
