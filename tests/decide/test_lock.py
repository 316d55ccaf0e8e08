"""A decision keeps the interpreter's lock: who waits for it meanwhile gets it between two decisions.

A thread that gets it within a decision takes the processor's caches with it, and the writer's thread commits what one
turn of the event loop decides in several parts, each of which costs as much as the whole.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

SIZE, ROUNDS = 1_000, 200

SCRIPT = f"""
import os, sys, threading, time

os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}})

import numpy as np

from benchmarks.decide_limits import LimitedEngine, limited_plan
from benchmarks.engine import Engine, build_plan, usual_model
from benchmarks.world import make_world

world = make_world({SIZE}, customers=10)
plan, model = build_plan(world), usual_model(world, "numba")
if sys.argv[1] == "limited":
    engine = LimitedEngine(limited_plan(plan, world), world, model, 40)
else:
    engine = Engine(plan, world, model)
for customer in range(10):
    # The first decision after a profile was read lets go of the lock once.
    engine.decide(customer)
turns, stop = 0, False


def wait_for_turns():
    global turns
    while not stop:
        turns += 1
        time.sleep(0)


def count(work):
    before = turns
    for number in range({ROUNDS}):
        work(number % 10)
    return turns - before


# Nobody is asked to let go of the lock; who lets it go by itself hands it over, since there is one processor.
sys.setswitchinterval(1_000)
waiting = threading.Thread(target=wait_for_turns)
waiting.start()
time.sleep(0.01)
rows, constants = np.zeros((1, {SIZE}), dtype=np.float32), np.ones((1, 1), dtype=np.float32)


def assign(number):
    rows[:] = constants
    engine.decide(number)


print(count(engine.decide), count(assign))
stop = True
waiting.join()
"""


@pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="needs numba")
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs processors that can be chosen")
@pytest.mark.parametrize("limits", ["free", "limited"])
def test_nobody_else_gets_the_lock_within_a_decision(limits: str) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, limits], capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stderr
    within, control = map(int, done.stdout.split())
    assert control > ROUNDS / 10
    assert within == 0
