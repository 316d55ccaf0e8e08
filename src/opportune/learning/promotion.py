"""When a challenger is so much better that it takes over by itself."""

from __future__ import annotations

from dataclasses import dataclass

from opportune.learning.contest import Contest
from opportune.learning.scoreboard_figures import Difference, difference

__all__ = ["Promotion", "better"]


@dataclass(frozen=True, slots=True)
class Promotion:
    """What a challenger must show.

    Args:
        by: least share by which its log loss is lower than the champion's.
        after: least number of answers that both foresaw.
        confidence: of the difference being at least so large, at least 0.5.
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
        # An interval of both sides whose upper end alone is asked for.
        told = difference(row, name, contest.champion, 2.0 * rule.confidence - 1.0)
        if told is None or told.high is None or told.answers < rule.after or not told.share:
            continue
        usual = told.mean / told.share
        if told.high <= -rule.by * usual and told.mean < 0.0:
            found.append((told.mean, name, told))
    return min(found)[1:] if found else None
