"""Weights of evidence from counts, and their sums, NumPy form. Notation: evidence.py.

Weights are rounded to whole steps and sums are of whole numbers, so that both kernels give the same bits.

Formulas: docs/concepts/learning-experts.md, "Weights".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["UNIT", "WEIGHT_MAX", "read_action", "read_predictor", "total"]

Whole = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int16]
Cells = npt.NDArray[Any]

UNIT = 4096.0
"""Steps of a weight to 1."""
WEIGHT_MAX = 4.0
"""Most that one predictor says, in log odds."""
PRECISIONS = (2.0, 16.0, 16.0, 64.0)
"""Precision (1 / variance) of a weight before any answer, given the layer above: all, group, action, candidate."""


def total(sheet: Steps, rows: Whole, factors: Whole, found: Whole) -> None:
    """Fill found [Cp] with the sum of factor × row of the sheet [R, Cp]."""
    # Doubles hold whole numbers to 2^53 exactly, and their product with a matrix is fast.
    found[:] = factors.astype(np.float64) @ sheet.take(rows, axis=0).astype(np.float64)


def read_predictor(
    cells: Cells,
    leaves: Whole,
    slots: Whole,
    rows: Whole,
    odds: Doubles,
    nodes: Whole,
    table: Steps,
) -> None:
    """Weigh the rows of one predictor at all nodes.

    Args:
        cells: counts of one outcome, [leaves, slots, 2].
        leaves: int64 [L], in the order of their names; `nodes`, int64 [4, L], are those of their layers, and `odds`
            theirs whatever the predictor says.
        slots: of the predictor; `rows` are theirs, ascending.
        table: int16 [K, R] of the outcome; rows of the predictor that no slot has are left.
    """
    firsts = np.flatnonzero(np.concatenate(([True], rows[1:] != rows[:-1])))
    answers, happened = _sound(cells[leaves[:, None], slots])
    n, o = np.add.reduceat(answers, firsts, axis=1), np.add.reduceat(happened, firsts, axis=1)
    touched = rows[firsts]
    m = np.ones_like(n)
    for own, precision in zip(nodes, PRECISIONS, strict=True):
        starts = np.flatnonzero(np.concatenate(([True], own[1:] != own[:-1])))
        factors = _factors(n, o, odds, m, starts, precision)
        m = m * np.repeat(factors, np.diff(np.append(starts, len(leaves))), axis=0)
        table[own[starts][:, None], touched] = _steps(m[starts])


def read_action(
    cells: Cells,
    leaves: Whole,
    order: Whole,
    row_of: Whole,
    odds: Doubles,
    group: int,
    action: int,
    nodes: Whole,
    table: Steps,
    sheet: Steps,
    bound: Whole,
    bound_nodes: Whole,
) -> None:
    """Weigh all rows of one action and its candidates, given those of its group.

    Args:
        leaves: of the action, in the order of their names; `odds` and `nodes` are theirs.
        order: slots in the order of their cells; `row_of`, by slot, is its row.
        sheet: int16 [R, Cp], where columns `bound` show `bound_nodes`, the action or a candidate of it.
    """
    rows = table.shape[1]
    answers, happened = _sound(cells[leaves[:, None], order])
    places = row_of[order]
    n, o = np.zeros((len(leaves), rows)), np.zeros((len(leaves), rows))
    for leaf in range(len(leaves)):
        n[leaf] = np.bincount(places, answers[leaf], rows)
        o[leaf] = np.bincount(places, happened[leaf], rows)
    m = np.repeat(np.exp(table[group] / UNIT)[None], len(leaves), axis=0)
    m = m * _factors(n, o, odds, m, np.zeros(1, dtype=np.int64), PRECISIONS[2])
    known = n.sum(axis=0) > 0.0
    table[action] = np.where(known, _steps(m[0]), table[group])
    m = m * _factors(n, o, odds, m, np.arange(len(leaves)), PRECISIONS[3])
    table[nodes] = np.where(n > 0.0, _steps(m), table[action])
    sheet[:, bound] = table[bound_nodes].T


def _sound(counted: Cells) -> tuple[Doubles, Doubles]:
    """Counts as they can be: what is taken back without ever being learned leaves others."""
    answers = np.maximum(counted[..., 0].astype(np.float64), 0.0)
    return answers, np.minimum(np.maximum(counted[..., 1].astype(np.float64), 0.0), answers)


def _factors(n: Doubles, o: Doubles, odds: Doubles, m: Doubles, starts: Whole, precision: float) -> Doubles:
    """Factors [nodes, rows] by which one layer moves the odds [L] × m [L, rows] of the layer above."""
    up = odds[:, None] * m
    answers = np.add.reduceat(n, starts, axis=0)
    happened = np.add.reduceat(o, starts, axis=0)
    known = answers > 0.0
    rate = np.add.reduceat(n * (up / (1.0 + up)), starts, axis=0) / np.where(known, answers, 1.0)
    rate = np.where(known, rate, 0.5)
    start = precision / (rate * (1.0 - rate))
    found = (happened + start * rate) / (answers - happened + start * (1.0 - rate))
    factors: Doubles = np.where(known, found * (1.0 - rate) / rate, 1.0)
    return factors


def _steps(m: Doubles) -> Doubles:
    limit = WEIGHT_MAX * UNIT
    found: Doubles = np.rint(np.minimum(np.maximum(np.log(m) * UNIT, -limit), limit))
    return found
