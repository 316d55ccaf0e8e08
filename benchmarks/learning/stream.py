"""Answers in order, as every contender meets them, and rounds in which a contender chooses."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opportune.learning import CandidateKey, Predictor
from opportune.records import Facts

__all__ = ["Answer", "Rounds", "Stream", "content_digest", "key"]

CHANNEL, TREATMENT = "any", "plain"


def key(group: str, action: str) -> CandidateKey:
    """Name a candidate that has one channel and one treatment."""
    return CandidateKey(group, action, CHANNEL, TREATMENT)


class Answer(NamedTuple):
    """What was known, what was shown and whether it was accepted; facts that are missing have no key."""

    facts: Facts
    candidate: int
    happened: bool


@dataclass(frozen=True)
class Stream:
    """Answers to predict one by one, each learned before the next is predicted.

    Args:
        candidates: what may be shown, in the order that `Answer.candidate` counts.
        ordered: the order of the answers means something (time), so that no other order may be tried.
        drifts: the rate moves with time, so that pooled figures flatter.
        counted: which answers the measures look at; None for all.
    """

    predictors: tuple[Predictor, ...]
    candidates: tuple[CandidateKey, ...]
    answers: Sequence[Answer]
    ordered: bool = False
    drifts: bool = False
    counted: npt.NDArray[np.bool_] | None = None

    @property
    def happened(self) -> npt.NDArray[np.bool_]:
        """Truth of every answer."""
        return np.array([answer.happened for answer in self.answers])

    @property
    def shown(self) -> npt.NDArray[np.intp]:
        """Candidate of every answer."""
        return np.array([answer.candidate for answer in self.answers], dtype=np.intp)


@dataclass(frozen=True)
class Rounds:
    """Rounds in which one candidate is chosen, and what each would have earned.

    Args:
        rewards: float32 [rounds, candidates], chance of acceptance if chosen; NaN where the log cannot tell.
        logged: the candidate that a random log showed, by round; a round counts and is learned where the choice
            equals it. None where every reward is known.
        block: the order of rounds is free within a block; None where it is free altogether.
    """

    predictors: tuple[Predictor, ...]
    candidates: tuple[CandidateKey, ...]
    facts: Sequence[Facts]
    rewards: npt.NDArray[np.float32]
    logged: npt.NDArray[np.intp] | None = None
    block: npt.NDArray[np.intp] | None = None


def content_digest(data: Stream | Rounds) -> str:
    """Digest of all that a contender is shown, so that figures of other data are never taken for these."""
    content = hashlib.sha256(repr((data.predictors, data.candidates)).encode())
    if isinstance(data, Stream):
        for answer in data.answers:
            content.update(repr(answer).encode())
    else:
        content.update(repr(list(data.facts)).encode())
        content.update(data.rewards.tobytes())
        content.update(b"" if data.logged is None else data.logged.tobytes())
    return content.hexdigest()[:16]
