"""The same state, request, moment and seed give the same bytes in every process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def digest(count, kernel, hash_seed, *more):
    command = [sys.executable, "-m", "tests.decide.many_decisions", str(count), kernel, *more]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.full)])
@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_decisions_are_identical_in_another_process_and_after_a_restart(kernel, count):
    one = digest(count, kernel, "1")

    assert len(one) == 32
    assert digest(count, kernel, "2") == one
    assert digest(count, kernel, "3", "restart") == one
