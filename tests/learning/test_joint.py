"""Bayesian regression with full covariances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from opportune.learning import CandidateKey, Predictor, PropensityModel
from opportune.learning.joint import JointModel
from opportune.records import ValueType
from opportune.testing.models import (
    CATALOGUE,
    OUTCOMES,
    PREDICTORS,
    PropensityModelContract,
    sample_answers,
    sample_facts,
)


class TestJointNumpy(PropensityModelContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        return JointModel(predictors, outcomes, "numpy")


class TestJointNumba(PropensityModelContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        pytest.importorskip("numba")
        return JointModel(predictors, outcomes, "numba")


def taught(kernel: str, count: int) -> JointModel:
    model = JointModel(PREDICTORS, OUTCOMES, kernel)
    model.bind(CATALOGUE)
    for answer in sample_answers(count):
        model.learn(*answer)
    return model
