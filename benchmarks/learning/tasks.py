"""What is asked of contenders: a set of data, the form in which they meet it, and its seeds."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from benchmarks.learning.late import introduced_late, young_actions
from benchmarks.learning.sets import STREAMS, optdigits, starbucks_offers
from benchmarks.learning.stream import Rounds, Stream

__all__ = ["TASKS", "Choosing", "Predicting", "Task", "load"]

Places = npt.NDArray[np.intp]
SEEDS = 3
RARE, RARER, RARE_ROUNDS = 0.20, 0.02, 20_000
"""Chance of acceptance of the right choice and of a wrong one, where answers are rare."""


@dataclass(frozen=True)
class Task:
    """One table.

    Args:
        name: on the command line; its first word is that of the data set.
        title: over the table.
        about: a sentence under it.
    """

    name: str
    title: str
    about: str
    read: Callable[[], Stream | Rounds]

    @property
    def set(self) -> str:
        """Name of the data set."""
        return self.name.partition("-")[0]


@dataclass(frozen=True)
class Predicting(Task):
    """Predict each answer, then learn it.

    Args:
        horizons: where actions are young: log loss over so many first answers of each; else none.
    """

    horizons: tuple[int, ...] = ()

    def orders(self, stream: Stream) -> int:
        """Number of orders that are tried: one where the order means something."""
        return 1 if stream.ordered else SEEDS


@dataclass(frozen=True)
class Choosing(Task):
    """Choose, and learn the answer `delay` rounds later.

    Args:
        rounds: so many, over the data as often as it takes; None for once over the data.
        marks: reward is told after so many rounds and in the end.
        rare: answers are drawn with the chances RARE and RARER; the share of right choices is told.
    """

    delay: int = 0
    rounds: int | None = None
    marks: tuple[int, ...] = (300, 1_000, 3_000)
    rare: bool = False


@functools.cache
def _stream(name: str) -> Stream:
    """Read a set once for all tasks."""
    return STREAMS[name]()


@functools.cache
def _digits() -> Rounds:
    return optdigits.read()


def _rare() -> Rounds:
    data = _digits()
    return replace(data, rewards=np.where(data.rewards > 0.5, RARE, RARER).astype(np.float32))


_ALL: list[Task] = [
    Predicting(
        "bank", "Bank marketing", "Calls in date order, without `duration`; the rate drifts.", partial(_stream, "bank")
    ),
    Predicting("coupon", "In-vehicle coupons", "Ten actions in five groups.", partial(_stream, "coupon")),
    Predicting("telco", "Telco churn", "One action.", partial(_stream, "telco")),
    Predicting(
        "starbucks", "Rewards-app offers", "Eight offers in two groups, in time order.", partial(_stream, "starbucks")
    ),
    Predicting(
        "journey",
        "Complete Journey",
        "Redemptions of 27 campaigns in three groups; campaigns begin throughout the year.",
        partial(_stream, "journey"),
    ),
    Predicting(
        "coupon-late",
        "In-vehicle coupons, half of the actions introduced late",
        "Every second action of a group joins after half of the answers; its first answers are counted.",
        lambda: introduced_late(_stream("coupon"), counted=300),
        horizons=(100, 300),
    ),
    Predicting(
        "starbucks-late",
        "Rewards-app offers, half of the actions introduced late",
        "Every second offer of a group joins after half of the answers; its first answers are counted.",
        lambda: introduced_late(_stream("starbucks"), counted=300),
        horizons=(100, 300),
    ),
    Predicting(
        "journey-late",
        "Complete Journey, young campaigns",
        "The first answers of every campaign but the first of its type.",
        lambda: young_actions(_stream("journey"), counted=100),
        horizons=(30, 100),
    ),
    Choosing("optdigits", "Digits", "Ten actions without relatives, one right.", _digits),
    Choosing("optdigits-delay-100", "Digits, answers 100 rounds late", "", _digits, delay=100, marks=(1_000,)),
    Choosing("optdigits-delay-1000", "Digits, answers 1,000 rounds late", "", _digits, delay=1_000, marks=(3_000,)),
    Choosing(
        "optdigits-rare",
        "Digits, rare answers",
        "Accepted with a chance of 0.20 where right, 0.02 where wrong; the share of right choices.",
        _rare,
        rounds=RARE_ROUNDS,
        marks=(3_000,),
        rare=True,
    ),
    Choosing(
        "starbucks-replay",
        "Rewards-app offers by replay",
        "A round counts where the choice equals the offer that was sent at random.",
        lambda: starbucks_offers.replayed(_stream("starbucks")),
    ),
]
TASKS: dict[str, Task] = {task.name: task for task in _ALL}


@functools.cache
def load(name: str, rows: int | None = None) -> Stream | Rounds:
    """Read the data of a task, its first `rows` alone where given.

    Raises:
        FileNotFoundError: the data are not there.
    """
    data = TASKS[name].read()
    if rows is None:
        return data
    if isinstance(data, Stream):
        counted = None if data.counted is None else data.counted[:rows]
        return replace(data, answers=data.answers[:rows], counted=counted)
    return replace(
        data,
        facts=data.facts[:rows],
        rewards=data.rewards[:rows],
        logged=None if data.logged is None else data.logged[:rows],
        block=None if data.block is None else data.block[:rows],
    )
