"""Who takes part in a mixture: experts, what they are trusted to begin with, and the sizes that leave room for them.

Table and reasons: docs/concepts/learning.md, "mixture".
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

from opportune.learning.base import CandidateKey, Predictor, PropensityModel
from opportune.learning.bayes import BayesModel
from opportune.learning.evidence import EvidenceModel
from opportune.learning.joint import JointModel
from opportune.learning.pairs import PairsModel
from opportune.learning.trees import TreesModel

__all__ = ["EXPERTS", "LEAD", "LINEAR", "TREES", "Expert", "fitting"]

JOINT_PREDICTORS_MAX, JOINT_CELLS_MAX = 64, 1 << 20
"""Predictors, and numbers in its covariances (8 MB), beyond which a `joint` expert takes no part: with 100 predictors
and 10 actions two of them would cost a decision three times what all the rest of it does."""
EARNING_PREDICTORS_MAX = 48
"""Predictors beyond which experts that look at each alone take no part: many that say the same make them too sure. On
digits of 64 numbers that cost a tenth of the first rewards."""
FAST_FORGETTING, FAST_LOOSENESS = 3e-3, 0.6
"""Of the second `joint` expert, which follows what changes within hundreds of answers."""

Make = Callable[[Sequence[Predictor], Sequence[str], str], PropensityModel]


class Expert(NamedTuple):
    """A member of the mixture.

    Args:
        name: distinct.
        make: from predictors, outcomes and kernel.
        start: weight before any answer, against those of the others that take part.
        variance: of that weight.
        fits: whether it takes part, from predictors, the number of outcomes and the catalogue.
    """

    name: str
    make: Make
    start: float
    variance: float
    fits: Callable[[Sequence[Predictor], int, Sequence[CandidateKey]], bool]


def _always(_predictors: Sequence[Predictor], _outcomes: int, _catalogue: Sequence[CandidateKey]) -> bool:
    return True


def _few(predictors: Sequence[Predictor], outcomes: int, catalogue: Sequence[CandidateKey]) -> bool:
    blocks = 1 + len({(key.group, key.action) for key in catalogue})
    rows = JointModel.rows_most(predictors)
    return len(predictors) <= JOINT_PREDICTORS_MAX and outcomes * blocks * rows * rows <= JOINT_CELLS_MAX


def _middling(predictors: Sequence[Predictor], outcomes: int, catalogue: Sequence[CandidateKey]) -> bool:
    return len(predictors) <= EARNING_PREDICTORS_MAX and outcomes * len(catalogue) <= 100


def _small(predictors: Sequence[Predictor], outcomes: int, catalogue: Sequence[CandidateKey]) -> bool:
    return len(predictors) <= EARNING_PREDICTORS_MAX and outcomes * len(catalogue) <= 48


TREES = "trees"
EARNED = 0.03
"""Variance of the weight of an expert that is of use once it has some hundred answers, and would drown the others
before: it begins at 0 and earns trust."""

_fast = functools.partial(JointModel, forgetting=FAST_FORGETTING, looseness=FAST_LOOSENESS)

EXPERTS = (
    Expert("bayes", BayesModel, 0.3, 0.01, _always),
    Expert("joint", JointModel, 0.5, 0.01, _few),
    Expert("joint_fast", _fast, 0.2, 0.01, _few),
    Expert("evidence", EvidenceModel, 0.0, EARNED, _middling),
    Expert("pairs", PairsModel, 0.0, EARNED, _small),
    # Says nothing until trees were trained for it in the background.
    Expert(TREES, TreesModel, 0.0, EARNED, _small),
)
LINEAR = "bayes", "joint", "joint_fast"
"""Experts that read facts alike: the first reads, and learns how, for all of them."""
LEAD = "joint", "bayes"
"""Whose spread is the mixture's: that of the first which takes part."""


def fitting(predictors: Sequence[Predictor], outcomes: int, catalogue: Sequence[CandidateKey]) -> tuple[str, ...]:
    """Name the experts that a catalogue leaves room for, in the order of EXPERTS."""
    return tuple(expert.name for expert in EXPERTS if expert.fits(predictors, outcomes, catalogue))
