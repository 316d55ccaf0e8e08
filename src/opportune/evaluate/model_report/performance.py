"""Figures of quality from a scoreboard."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise

from opportune.evaluate.model_report.parts import ActionHealth, Bin, Maturity, ModelHealth
from opportune.learning.scoreboard import Row, Score, Scoreboard
from opportune.learning.scoreboard_figures import Figures, figures

__all__ = ["performance"]

NEW_ANSWERS, NEW_EITHER = 100, 5
MATURE_ANSWERS, MATURE_EITHER = 1_000, 50
TENTH = 0.1


def performance(board: Scoreboard, kinds: Mapping[str, str], champion: str) -> list[ModelHealth]:
    """Judge all models, champion first, outcome by outcome; what nobody answered yet is left out.

    Args:
        kinds: name → kind of every model.
    """
    names = sorted(kinds, key=lambda name: (name != champion, name))
    told = figures(board, names, champion)
    found = []
    for name in names:
        for outcome in board.outcomes:
            own = [one for one in told if one.model == name and one.outcome == outcome]
            whole = next((one for one in own if not one.action), None)
            if whole is None:
                continue
            parts = [one for one in own if one.action]
            row = board.rows[outcome, ""]
            found.append(_model(whole, row, row.scores[name], parts, kinds[name], name == champion))
    return found


def _model(whole: Figures, row: Row, score: Score, parts: list[Figures], kind: str, is_champion: bool) -> ModelHealth:
    return ModelHealth(
        model=whole.model,
        kind=kind,
        is_champion=is_champion,
        outcome=whole.outcome,
        answers=whole.answers,
        happened=whole.happened,
        rate=whole.happened / whole.answers,
        auc_pooled=whole.auc,
        auc_within=_within(parts),
        log_loss=whole.log_loss,
        log_loss_constant=whole.log_loss_constant,
        calibration_error=whole.calibration_error,
        calibration_chance=whole.calibration_chance,
        reliability=tuple(_bins(score)),
        gains=_gains(score),
        lift=_lift(_gains(score)),
        trend=_trend(row, score),
        actions=tuple(_action(one) for one in sorted(parts, key=lambda one: -one.answers)),
    )


def _action(one: Figures) -> ActionHealth:
    return ActionHealth(
        action=one.action,
        answers=one.answers,
        happened=one.happened,
        rate=one.happened / one.answers,
        auc=one.auc,
        log_loss=one.log_loss,
        log_loss_constant=one.log_loss_constant,
        calibration_error=one.calibration_error,
        calibration_chance=one.calibration_chance,
        maturity=_maturity(one.answers, one.happened),
    )


def _maturity(answers: int, happened: int) -> Maturity:
    either = min(happened, answers - happened)
    if answers < NEW_ANSWERS or either < NEW_EITHER:
        return "new"
    return "mature" if answers >= MATURE_ANSWERS and either >= MATURE_EITHER else "growing"


def _within(parts: Iterable[Figures]) -> float | None:
    pairs = [(one.auc, one.happened * (one.answers - one.happened)) for one in parts if one.auc is not None]
    total = sum(weight for _, weight in pairs)
    return math.fsum(area * weight for area, weight in pairs) / total if total else None


def _bins(score: Score) -> Iterable[Bin]:
    for no, yes, chance in zip(score.no, score.yes, score.chance, strict=True):
        if no + yes:
            yield Bin(propensity=chance / (no + yes), rate=yes / (no + yes), answers=no + yes)


def _gains(score: Score) -> tuple[tuple[float, float], ...]:
    answers, happened = sum(score.no) + sum(score.yes), sum(score.yes)
    if not happened:
        return ()
    points = [(0.0, 0.0)]
    taken = won = 0
    for no, yes in zip(reversed(score.no), reversed(score.yes), strict=True):
        if no + yes:
            taken, won = taken + no + yes, won + yes
            points.append((taken / answers, won / happened))
    return tuple(points)


def _lift(gains: tuple[tuple[float, float], ...]) -> float | None:
    """Yeses of the first TENTH of answers against a random tenth; between two bins in a straight line."""
    for (before, won), (taken, more) in pairwise(gains):
        if taken >= TENTH:
            return (won + (more - won) * (TENTH - before) / (taken - before)) / TENTH
    return None


def _trend(row: Row, score: Score) -> tuple[tuple[int, float], ...]:
    points, reached = [], 0
    for count, own, loss in zip(row.count, score.count, score.loss, strict=True):
        reached += count
        if own:
            points.append((reached, loss / own))
    return tuple(points)
