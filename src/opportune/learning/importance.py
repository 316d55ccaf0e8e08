"""What each predictor contributes, as data for the model report.

Formulas: docs/concepts/learning-experts.md, "What each predictor contributes".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opportune.learning.base import Predictor
from opportune.learning.cells import MISSING
from opportune.learning.counting import Counts
from opportune.learning.evidence_reading import Reading
from opportune.learning.tempering import Tempering

__all__ = ["TOO_GOOD", "Importance", "importance"]

Doubles = npt.NDArray[np.float64]

ALIKE = 0.8
"""Correlation of what two predictors say from which they are one group."""
TOO_GOOD, AHEAD = 0.8, 0.05
"""Area under the curve of one predictor alone, and its lead over the next, from which it is to be looked at: what is
known only after the answer looks like this."""
ANSWERS_MIN = 200
"""Answers below which nothing is called too good."""


@dataclass(frozen=True, slots=True)
class Importance:
    """One predictor, for one outcome.

    Args:
        name: of the predictor; `type` is its type.
        seen: answers in which it had a value; `missing`, part of all answers in which it had none, in [0, 1].
        bins: bins or levels that have a row of their own.
        information: information value within candidates beyond chance, in nats: 0 nothing, 0.1 a little, 0.5 very much.
        auc: area under the curve of this predictor alone within candidates, in [0.5, 1]; None where it cannot be told.
        trust: factor by which its weight of evidence counts, about 0 to 1; low where others say the same.
        gain: log loss per answer, in nats, that its absence would have cost, by prediction before learning.
        group: name of the most important of the predictors that say much the same; its own name if there is none.
        is_scored: False where it says next to nothing and is left out, until it says more.
        flags: "never seen", "constant", "too good", in words for the report.
    """

    name: str
    type: str
    seen: int
    missing: float
    bins: int
    information: float
    auc: float | None
    trust: float
    gain: float
    group: str
    is_scored: bool
    flags: tuple[str, ...]


def importance(
    predictors: Sequence[Predictor], counts: Counts, reading: Reading, tempering: Tempering, outcome: int
) -> list[Importance]:
    """Measure all predictors, those first whose absence would have cost most."""
    gains = tempering.gains / max(1, tempering.judged)
    idle = tempering.idle()
    order = sorted(range(len(predictors)), key=lambda j: (-gains[j], predictors[j].name))
    groups = _groups(order, tempering)
    told = [_told(counts, reading, outcome, j) for j in range(len(predictors))]
    areas = sorted((auc for _, auc in told if auc is not None), reverse=True)
    # Answers to all outcomes, as cells count them: one of the first node, which is that of all actions.
    total = float(counts.totals[:, 0, 0].sum())
    found = []
    for j in order:
        seen, absent, held = _answers(counts, j, total)
        information, auc = told[j]
        flags = []
        if not seen:
            flags.append("never seen")
        elif held == 1:
            flags.append("constant")
        is_ahead = auc is not None and auc >= TOO_GOOD and (len(areas) < 2 or auc - areas[1] >= AHEAD)
        if is_ahead and total >= ANSWERS_MIN:
            flags.append("too good")
        found.append(
            Importance(
                name=predictors[j].name,
                type=str(predictors[j].type),
                seen=int(seen),
                missing=absent / (seen + absent) if absent else 0.0,
                bins=len(reading.edges[j]) + 1 if reading.blocks[j].is_number else len(reading.own[j]),
                information=information,
                auc=auc,
                trust=float(tempering.mean[j]),
                gain=float(gains[j]),
                group=predictors[groups[j]].name,
                is_scored=not bool(idle[j]),
                flags=tuple(flags),
            )
        )
    return found


def _answers(counts: Counts, predictor: int, total: float) -> tuple[float, float, int]:
    """Answers in which a predictor had a value and in which it had none, and cells that answers are in.

    Answers from before the strategy had the predictor, which stand in none of its cells, are neither.
    """
    cells = counts.lattice.slots[predictor]
    weights = counts.weight(np.array([*cells.values()], dtype=np.int64))
    whole = float(weights.sum())
    absent = float(counts.weight(np.array([cells[MISSING]]))[0]) if MISSING in cells else 0.0
    # A list is in a cell for each of its items.
    return max(0.0, min(whole, total) - absent), absent, int((weights > 0.0).sum())


def _groups(order: Sequence[int], tempering: Tempering) -> dict[int, int]:
    """Head of each predictor's group: the first before it that says much the same, else itself."""
    groups = {j: j for j in order}
    if not tempering.is_full or not tempering.judged:
        return groups
    means = tempering.moments[-1, :-1]
    covariance = tempering.moments[:-1, :-1] - means[:, None] * means
    spread = np.sqrt(np.maximum(np.diag(covariance), 1e-12))
    alike = np.abs(covariance / spread[:, None] / spread) >= ALIKE
    for place, j in enumerate(order):
        groups[j] = next((k for k in order[:place] if groups[k] == k and alike[j, k] and spread[j] > 1e-5), j)
    return groups


def _told(counts: Counts, reading: Reading, outcome: int, predictor: int) -> tuple[float, float | None]:
    """Information value and area under the curve of one predictor's rows, within candidates."""
    cells = counts.lattice.slots[predictor]
    if not cells:
        return 0.0, None
    slots = np.array([slot for _, slot in sorted(cells.items())], dtype=np.int64)
    rows, places = np.unique(reading.row_of[slots], return_inverse=True)
    leaves = np.arange(len(counts.leaves))
    counted = np.maximum(counts.cells[outcome][leaves[:, None], slots].astype(np.float64), 0.0)
    both = np.zeros((2, len(leaves), len(rows)))
    for cell, place in enumerate(places.tolist()):
        happened = np.minimum(counted[:, cell, 1], counted[:, cell, 0])
        both[0, :, place] += happened
        both[1, :, place] += counted[:, cell, 0] - happened
    yes, no = both[:, :, np.argsort(reading.table[outcome, 0, rows], kind="stable")]
    return _information(yes, no), _area(yes, no)


def _information(yes: Doubles, no: Doubles) -> float:
    """Sum over rows of (share of yes - share of no) x log of their ratio, less what chance brings.

    Shares are taken half an answer apart from 0. By chance a sum has (rows - 1) (1 / yes + 1 / no).
    """
    shares = []
    for part in (yes, no):
        own = part + 0.5 / part.shape[1]
        shares.append(own / own.sum(axis=1, keepdims=True))
    by_leaf = ((shares[0] - shares[1]) * np.log(shares[0] / shares[1])).sum(axis=1)
    rows = ((yes + no) > 0.0).sum(axis=1)
    happened, failed = yes.sum(axis=1), no.sum(axis=1)
    by_leaf -= (rows - 1.0) * (1.0 / np.maximum(happened, 1.0) + 1.0 / np.maximum(failed, 1.0))
    weight = happened + failed
    return max(0.0, float((by_leaf * weight).sum() / weight.sum())) if weight.sum() > 0.0 else 0.0


def _area(yes: Doubles, no: Doubles) -> float | None:
    """Chance that a yes stands in a higher row than a no of the same candidate."""
    below = np.cumsum(no, axis=1) - no
    wins = (yes * (below + 0.5 * no)).sum()
    pairs = (yes.sum(axis=1) * no.sum(axis=1)).sum()
    return float(max(wins / pairs, 1.0 - wins / pairs)) if pairs > 0.0 else None
