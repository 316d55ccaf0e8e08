"""Experts that learn side by side, weighed and corrected online."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from opportune.learning import CandidateKey, Predictor, PropensityModel
from opportune.learning.mixture import MixtureModel
from opportune.records import ValueType
from opportune.testing.models import (
    CATALOGUE,
    OUTCOMES,
    PREDICTORS,
    PropensityModelContract,
    sample_answers,
    sample_facts,
)


class MixtureContract(PropensityModelContract):
    # How far experts are trusted stays when an answer is taken back.
    unlearn_tolerance = 0.1


class TestMixtureNumpy(MixtureContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        return MixtureModel(predictors, outcomes, "numpy")


class TestMixtureNumba(MixtureContract):
    def make(self, predictors: Sequence[Predictor], outcomes: Sequence[str]) -> PropensityModel:
        pytest.importorskip("numba")
        return MixtureModel(predictors, outcomes, "numba")
