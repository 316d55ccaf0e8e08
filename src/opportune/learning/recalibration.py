"""Corrects scores of a model that does not learn, by counts of how often what scored so happened.

Formulas: docs/concepts/models.md, "Recalibration".

Notation, beside that of tally.py:
    B  bins of scores (log odds), BINS of equal width over ±SCORE_MAX
    A  actions of all keys
    scores  int64 [O, K, B, 2], answers to a score and how many of them happened
"""

from __future__ import annotations

import numpy as np

from opportune.learning.rates import Doubles
from opportune.learning.tally import Counts, Tally

__all__ = ["BINS", "SCORE_MAX", "fitted", "note"]

SCORE_MAX = 8.0
BINS = 32
WIDTH = 2 * SCORE_MAX / BINS
CENTRES = -SCORE_MAX + WIDTH * (np.arange(BINS) + 0.5)
SLOPE_VARIANCES = (0.25, 0.04)
"""Of the slope before any answer: what all actions share, and one action beside that."""
SHIFT_VARIANCES = (4.0, 0.5)
STEPS = 24
MOVE_MAX = 1.5
"""Log odds that a step moves the answers by at most: below 1.79 it comes nearer to the most probable for certain, since
the logistic curve bends by no more than a factor e^r over r log odds. Longer ones may swing to and fro for ever."""
SETTLED = 1e-9


def note(scores: Counts, score: float, happened: bool, times: int) -> None:
    """Count an answer to a score in scores [B, 2], or with times = -1 take it back where one like it is left."""
    if not np.isfinite(score):
        return
    place = min(max(int((score + SCORE_MAX) / WIDTH), 0), BINS - 1)
    answers, positives = scores[place].tolist()
    if times < 0 and (positives if happened else answers - positives) <= 0:
        return
    scores[place] += (times, times * happened)


def fitted(tally: Tally) -> tuple[Doubles, Doubles]:
    """Slope and shift of every candidate, float64 [O, C] each: log odds = slope × score + shift."""
    scores = tally.arrays["scores"]
    heads = scores.shape[0]
    size = int(tally.actions.max(initial=-1)) + 1
    by_action = np.zeros((heads, size, BINS, 2), dtype=np.int64)
    for head in range(heads):
        np.add.at(by_action[head], tally.actions, scores[head])
    nothing = np.zeros((heads, 1))
    common = _most_probable(by_action.sum(axis=1, keepdims=True), nothing + 1.0, nothing, 0)
    slope, shift = _most_probable(by_action, *common, 1)
    rows = tally.actions[tally.bound]
    return slope[:, rows], shift[:, rows]


def _most_probable(counts: Counts, slope: Doubles, shift: Doubles, layer: int) -> tuple[Doubles, Doubles]:
    """Find the most probable slopes and shifts [O, A] for counts [O, A, B, 2] by Newton's method, from a prior's."""
    answers, positives = counts[..., 0].astype(np.float64), counts[..., 1].astype(np.float64)
    slope0, shift0 = np.broadcast_to(slope, counts.shape[:2]), np.broadcast_to(shift, counts.shape[:2])
    slope, shift = slope0.copy(), shift0.copy()
    slope_trust, shift_trust = 1.0 / SLOPE_VARIANCES[layer], 1.0 / SHIFT_VARIANCES[layer]
    for _ in range(STEPS):
        p = 1.0 / (1.0 + np.exp(-(slope[..., None] * CENTRES + shift[..., None])))
        miss = positives - answers * p
        weight = answers * p * (1.0 - p)
        pull_slope = (miss * CENTRES).sum(axis=-1) - slope_trust * (slope - slope0)
        pull_shift = miss.sum(axis=-1) - shift_trust * (shift - shift0)
        a = (weight * CENTRES**2).sum(axis=-1) + slope_trust
        b = (weight * CENTRES).sum(axis=-1)
        c = weight.sum(axis=-1) + shift_trust
        determinant = a * c - b * b
        steps = (c * pull_slope - b * pull_shift) / determinant, (a * pull_shift - b * pull_slope) / determinant
        moves = np.abs(steps[0][..., None] * CENTRES + steps[1][..., None]).max(axis=-1, where=answers > 0.0, initial=0)
        part = MOVE_MAX / np.maximum(moves, MOVE_MAX)
        slope += part * steps[0]
        shift += part * steps[1]
        if moves.max(initial=0.0) < SETTLED:
            break
    return slope, shift
