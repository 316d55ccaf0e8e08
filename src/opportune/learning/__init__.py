"""Propensity models that learn online, and the draw that explores with them.

Adding a member of the family: one file with its class, one line in MODELS, one heading in docs/concepts/learning.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from opportune.learning.base import CandidateKey, Encoded, Prediction, Predictor, PropensityModel, Snapshot
from opportune.learning.bayes import BayesModel
from opportune.learning.contest import Contest, ModelSpec
from opportune.learning.custom import PythonModel
from opportune.learning.evidence import EvidenceModel
from opportune.learning.exploration import METHODS, Method, Race, Selection, select
from opportune.learning.joint import JointModel
from opportune.learning.kernels import Kernel, resolve_kernel, warm_up
from opportune.learning.mixture import MixtureModel
from opportune.learning.moves import Moves
from opportune.learning.naive_bayes import NaiveBayesModel
from opportune.learning.onnx_model import OnnxModel
from opportune.learning.pairs import PairsModel
from opportune.learning.snapshot import from_bytes, to_bytes
from opportune.learning.trees import TreesModel
from opportune.learning.vowpal_wabbit import VowpalWabbitModel

__all__ = [
    "METHODS",
    "MODELS",
    "USUAL",
    "BayesModel",
    "CandidateKey",
    "Contest",
    "Encoded",
    "EvidenceModel",
    "JointModel",
    "Kernel",
    "Method",
    "MixtureModel",
    "ModelSpec",
    "Moves",
    "NaiveBayesModel",
    "OnnxModel",
    "PairsModel",
    "Prediction",
    "Predictor",
    "PropensityModel",
    "PythonModel",
    "Race",
    "Selection",
    "Snapshot",
    "TreesModel",
    "VowpalWabbitModel",
    "from_bytes",
    "make_contest",
    "make_model",
    "resolve_kernel",
    "select",
    "to_bytes",
    "warm_up",
]

MODELS: dict[str, type[PropensityModel]] = {
    "bayes": BayesModel,
    "evidence": EvidenceModel,
    "joint": JointModel,
    "mixture": MixtureModel,
    "naive_bayes": NaiveBayesModel,
    "onnx": OnnxModel,
    "pairs": PairsModel,
    "python": PythonModel,
    "trees": TreesModel,
    "vowpal_wabbit": VowpalWabbitModel,
}


USUAL = ModelSpec(name="main", kind="mixture", predictors=())
"""The model of a project that describes none, but for its predictors."""


def make_model(
    name: str,
    predictors: Sequence[Predictor],
    outcomes: Sequence[str],
    kernel: str = "auto",
    settings: Mapping[str, Any] | None = None,
) -> PropensityModel:
    """Make a model of the family by name.

    Args:
        settings: keyword arguments of the member, see docs/guides/models.md.

    Raises:
        ValueError: there is no such member, or it cannot be made of these predictors, outcomes or kernel.
    """
    member = MODELS.get(name)
    if member is None:
        raise ValueError(f"model: expected one of {', '.join(sorted(MODELS))}")
    make: Any = member
    return cast("PropensityModel", make(predictors, outcomes, kernel, **(settings or {})))


def make_contest(
    specs: Sequence[ModelSpec],
    champion: str,
    outcomes: Sequence[str],
    kernel: str = "auto",
    amounts: Mapping[str, tuple[float, float]] | None = None,
) -> Contest:
    """Make champion and challengers, as one model.

    Args:
        amounts: outcome → smallest and largest amount, of those of which it is learned how much they are.

    Raises:
        ValueError: as `make_model`, or the champion is none of them.
    """

    def make(spec: ModelSpec, heads: Sequence[str], kernel: str) -> PropensityModel:
        return make_model(spec.kind, spec.predictors, heads, kernel, spec.settings)

    return Contest(specs, champion, outcomes, make, kernel, amounts)
