"""What tests of several models do alike: teach sample answers, compare kernels, compare processes."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, TypeVar

import numpy as np

from opportune.learning import PropensityModel
from opportune.testing.models import CATALOGUE, OUTCOMES, PREDICTORS, sample_answers, sample_facts

__all__ = ["expect_alike", "said_by_processes", "teach"]

Model = TypeVar("Model", bound=PropensityModel)

PROGRAM = """
import hashlib
import sys
padding = [bytearray(n) for n in range(1, int(sys.argv[4]), 7)]
from opportune.learning import make_model
from opportune.testing.models import *
model = make_model(sys.argv[1], PREDICTORS, OUTCOMES, sys.argv[2])
model.bind(CATALOGUE)
scores = []
for answer in sample_answers(int(sys.argv[3])):
    prediction = model.predict(model.encode(answer[0]))
    scores.append(prediction.log_odds.tobytes() + prediction.spread.tobytes())
    model.learn(*answer)
print(model.digest(), hashlib.blake2b(b"".join(scores)).hexdigest())
"""


def teach(kind: type[Model], kernel: str, count: int) -> Model:
    """Give a model that learned the first sample answers."""
    make: Any = kind
    model: Model = make(PREDICTORS, OUTCOMES, kernel)
    model.bind(CATALOGUE)
    for answer in sample_answers(count):
        model.learn(*answer)
    return model


def expect_alike(one: PropensityModel, other: PropensityModel, tolerance: float) -> None:
    """Expect the same log odds and spreads of twenty sample facts."""
    for number in range(20):
        first = one.predict(one.encode(sample_facts(number)))
        second = other.predict(other.encode(sample_facts(number)))

        assert np.allclose(first.log_odds, second.log_odds, atol=tolerance)
        assert np.allclose(first.spread, second.spread, atol=tolerance)


def said_by_processes(kind: str, kernel: str, count: int) -> set[str]:
    """Give what processes with other hash seeds, addresses and threads predict and learn of the same answers."""
    return {
        subprocess.run(
            [sys.executable, "-c", PROGRAM, kind, kernel, str(count), padding],
            env={"PYTHONHASHSEED": seed, "OPENBLAS_NUM_THREADS": threads, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, padding, threads in (("1", "2", "1"), ("77", "3001", "2"))
    }
