"""When a challenger is so much better that it takes over by itself. Formulas: docs/concepts/contest.md."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

from opportune.learning.contest import Contest
from opportune.learning.scoreboard_figures import Difference, difference

__all__ = ["Promotion", "better"]

NORMAL = NormalDist()
DEVIATIONS_MAX = 16.0
"""Beyond every bound: that of a confidence of 0.999 is 7 when answers are 10^14 times as many as at first."""
HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Promotion:
    """What a challenger must show.

    Args:
        by: least share by which its log loss is lower than the champion's.
        after: least number of answers that both foresaw.
        confidence: of the difference being at least so large whenever it is looked at, 0.5..0.999.
    """

    by: float
    after: int
    confidence: float


def better(contest: Contest, rule: Promotion) -> tuple[str, Difference] | None:
    """Give the challenger that is better by the rule, with its difference; of several the one with the lowest loss."""
    row = contest.scoreboard.rows.get(("", ""))
    if row is None:
        return None
    found: list[tuple[float, str, Difference]] = []
    for name in contest.models:
        if name == contest.champion:
            continue
        told = difference(row, name, contest.champion)
        if told is None or told.answers < rule.after or not told.share:
            continue
        growth = told.answers / rule.after
        told = difference(row, name, contest.champion, _of_one_look(rule.confidence, growth))
        if told is None or told.high is None:
            continue
        usual = told.mean / told.share
        if told.high <= -rule.by * usual and told.mean < 0.0:
            found.append((told.mean, name, told))
    return min(found)[1:] if found else None


def _of_one_look(confidence: float, growth: float) -> float:
    """Give the confidence of an interval of both sides whose upper end alone is asked for, so that the rule keeps its
    own though it looks again and again.

    Args:
        growth: answers by now as a multiple of those after which the rule first looks, at least 1.
    """
    first = _where(lambda deviations: -_risk(deviations), confidence - 1.0)
    now = _where(_weight, _weight(first) + math.log(growth) / 2.0)
    return 2.0 * NORMAL.cdf(now) - 1.0


def _risk(deviations: float) -> float:
    """Chance that a walk ever passes the bound that begins at so many standard deviations."""
    density, below = NORMAL.pdf(deviations), NORMAL.cdf(deviations)
    return 1.0 - below + density * (deviations + density / below)


def _weight(deviations: float) -> float:
    """Logarithm of Φ / φ."""
    return math.log(NORMAL.cdf(deviations)) + deviations**2 / 2.0


def _where(rising: Callable[[float], float], value: float) -> float:
    """Find the number of deviations, at least 0, where a function reaches a value."""
    low, high = 0.0, DEVIATIONS_MAX
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if rising(middle) >= value else (middle, high)
    return high
