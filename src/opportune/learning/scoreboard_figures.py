"""What the sums of a scoreboard say: figures of each model, and how it differs from the champion. Formulas:
docs/concepts/contest.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import msgspec

from opportune.learning.scoreboard import Row, Score, Scoreboard

__all__ = ["Difference", "Figures", "difference", "figures", "student"]

BLOCKS_LEAST = 6
"""Blocks that a difference must have an interval from: fewer say too little of how much they vary."""
CONFIDENCE = 0.95


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """How much more log loss per answer a model has than the champion, in nats; below 0 it is better.

    Args:
        answers: that both foresaw, in blocks that both foresaw from beginning to end.
        mean: over those; `low` and `high` bound it with 95 % confidence, None where too little is known.
        share: `mean` as a share of the champion's log loss on the same answers.
    """

    answers: int
    mean: float
    low: float | None
    high: float | None
    share: float


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """How well a model foresaw the answers that it learned afterwards.

    Args:
        outcome: name of the outcome; "" for all of them.
        action: name of the action; "" for all of them.
        answers: that it foresaw; `happened` how many of them were a yes.
        log_loss: nats per answer; `log_loss_constant` that of the rate alone, known in hindsight.
        brier: squared error per answer.
        auc: chance that a yes had a higher propensity than a no, from bins; None without both. Pooled over actions
            where `action` is "".
        calibration_error: mean distance of propensity and share of yes, over bins; `calibration_chance` is what a
            model that is right shows on so many answers.
        difference: from the champion; None for the champion itself, and where they have no answers in common.
    """

    model: str
    outcome: str
    action: str
    answers: int
    happened: int
    log_loss: float
    log_loss_constant: float
    brier: float
    auc: float | None
    calibration_error: float
    calibration_chance: float
    difference: Difference | None


def figures(board: Scoreboard, models: Sequence[str], champion: str) -> list[Figures]:
    """Give the figures of all models: over everything first, then by outcome, then by outcome and action."""
    found = []
    for head, action in sorted(board.rows, key=lambda key: (bool(key[1]), key)):
        row = board.rows[head, action]
        for name in models:
            score = row.scores.get(name)
            if score is None or not sum(score.count):
                continue
            other = None if name == champion else difference(row, name, champion)
            found.append(_figures(score, name, head, action, other))
    return found


def difference(row: Row, model: str, champion: str, confidence: float = CONFIDENCE) -> Difference | None:
    """Compare two models by the blocks of a row; None where none was foreseen by both from beginning to end."""
    one, other = row.scores.get(model), row.scores.get(champion)
    if one is None or other is None:
        return None
    common = [k for k, count in enumerate(row.count) if 0 < count == one.count[k] == other.count[k]]
    total = sum(row.count[k] for k in common)
    if not total:
        return None
    mores = [one.loss[k] - other.loss[k] for k in common]
    mean, blocks = math.fsum(mores) / total, len(common)
    low = high = None
    if blocks >= BLOCKS_LEAST:
        squares = math.fsum((more - mean * row.count[k]) ** 2 for k, more in zip(common, mores, strict=True))
        reach = student((1.0 + confidence) / 2.0, blocks - 1) * math.sqrt(blocks / (blocks - 1) * squares) / total
        low, high = mean - reach, mean + reach
    usual = math.fsum(other.loss[k] for k in common) / total
    return Difference(answers=total, mean=mean, low=low, high=high, share=mean / usual if usual else 0.0)


def student(probability: float, degrees: int) -> float:
    """Quantile of Student's t; from 5 degrees of freedom on 0.3 % off at 0.975, and too far out beyond.

    Source: D. L. Wallace, Bounds on normal approximations to Student's and the chi-square distributions, 1959.
    """
    z = NormalDist().inv_cdf(probability)
    exponent = (z * (8 * degrees + 3) / (8 * degrees + 1)) ** 2 / degrees
    return math.copysign(math.sqrt(degrees * math.expm1(exponent)), z)


def _figures(score: Score, model: str, head: str, action: str, other: Difference | None) -> Figures:
    answers = sum(score.count)
    errors = (abs(yes - chance) for yes, chance in zip(score.yes, score.chance, strict=True))
    return Figures(
        model=model,
        outcome=head,
        action=action,
        answers=answers,
        happened=sum(score.yes),
        log_loss=math.fsum(score.loss) / answers,
        log_loss_constant=_constant(sum(score.yes) / answers),
        brier=math.fsum(score.brier) / answers,
        auc=_auc(score.no, score.yes),
        calibration_error=math.fsum(errors) / answers,
        calibration_chance=_chance(score) / answers,
        difference=other,
    )


def _constant(rate: float) -> float:
    """Log loss of the rate itself, in nats per answer."""
    return sum(-share * math.log(share) for share in (rate, 1.0 - rate) if share > 0.0)


def _chance(score: Score) -> float:
    """Distance of yeses and propensities that a right model shows in all bins: E|N(0, s)| = s √(2 / π) in each."""
    bins = ((no + yes, chance) for no, yes, chance in zip(score.no, score.yes, score.chance, strict=True) if no + yes)
    return math.fsum(math.sqrt(2.0 / math.pi * chance * (1.0 - chance / answers)) for answers, chance in bins)


def _auc(no: Sequence[int], yes: Sequence[int]) -> float | None:
    """Share of pairs in order; pairs inside of a bin count half."""
    below, ordered = 0, 0.0
    for without, within in zip(no, yes, strict=True):
        ordered += within * (below + without / 2)
        below += without
    pairs = sum(no) * sum(yes)
    return ordered / pairs if pairs else None
