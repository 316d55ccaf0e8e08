"""Weights of evidence from counts, and their sums, compiled: the same steps as evidence_numpy.py."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from opportune.learning import evidence_numpy

__all__ = ["read_action", "read_predictor", "total", "warm_up"]

Whole = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int16]
Cells = npt.NDArray[Any]

UNIT, WEIGHT_MAX = evidence_numpy.UNIT, evidence_numpy.WEIGHT_MAX
PRECISIONS = np.array(evidence_numpy.PRECISIONS)


def _total(sheet: npt.NDArray[np.int16], rows: Whole, factors: Whole, found: Whole) -> None:
    size = len(found)
    # 128 products of 15 and 9 bits fit 32.
    part = np.empty(size, dtype=np.int32)
    for k in range(size):
        found[k] = 0
    for first in range(0, len(rows), 128):
        last = min(first + 128, len(rows))
        for k in range(size):
            part[k] = 0
        eights = first + (last - first) // 4 * 4
        for i in range(first, eights, 4):
            a, b, c, d = sheet[rows[i]], sheet[rows[i + 1]], sheet[rows[i + 2]], sheet[rows[i + 3]]
            s, t = np.int32(factors[i]), np.int32(factors[i + 1])
            u, v = np.int32(factors[i + 2]), np.int32(factors[i + 3])
            for k in range(size):
                part[k] += np.int32(s * np.int32(a[k]) + t * np.int32(b[k])) + np.int32(
                    u * np.int32(c[k]) + v * np.int32(d[k])
                )
        for i in range(eights, last):
            a, s = sheet[rows[i]], np.int32(factors[i])
            for k in range(size):
                part[k] += np.int32(s * np.int32(a[k]))
        for k in range(size):
            found[k] += part[k]


@njit(cache=True)
def _factor(answers: float, happened: float, rate: float, precision: float) -> float:
    start = precision / (rate * (1.0 - rate))
    found = (happened + start * rate) / (answers - happened + start * (1.0 - rate))
    return found * (1.0 - rate) / rate


@njit(cache=True)
def _step(m: float) -> float:
    limit = WEIGHT_MAX * UNIT
    return float(np.rint(min(max(math.log(m) * UNIT, -limit), limit)))


def _read_predictor(
    cells: Cells, leaves: Whole, slots: Whole, rows: Whole, odds: Doubles, nodes: Whole, table: Steps
) -> None:
    size = len(leaves)
    place = np.zeros(len(slots), dtype=np.int64)
    touched = 1
    for s in range(1, len(slots)):
        if rows[s] != rows[s - 1]:
            touched += 1
        place[s] = touched - 1
    own = np.empty(touched, dtype=np.int64)
    for s in range(len(slots)):
        own[place[s]] = rows[s]
    n, o = np.zeros((size, touched)), np.zeros((size, touched))
    for k in range(size):
        for s in range(len(slots)):
            answers = max(np.float64(cells[leaves[k], slots[s], 0]), 0.0)
            n[k, place[s]] += answers
            o[k, place[s]] += min(answers, max(np.float64(cells[leaves[k], slots[s], 1]), 0.0))
    m = np.ones((size, touched))
    for depth in range(len(nodes)):
        first = 0
        while first < size:
            last = first + 1
            while last < size and nodes[depth, last] == nodes[depth, first]:
                last += 1
            for t in range(touched):
                answers, happened, expected = 0.0, 0.0, 0.0
                for k in range(first, last):
                    if n[k, t] > 0.0:
                        up = odds[k] * m[k, t]
                        answers += n[k, t]
                        happened += o[k, t]
                        expected += n[k, t] * (up / (1.0 + up))
                node, row = nodes[depth, first], own[t]
                if answers > 0.0:
                    factor = _factor(answers, happened, expected / answers, PRECISIONS[depth])
                    for k in range(first, last):
                        m[k, t] *= factor
                    table[node, row] = _step(m[first, t])
                elif depth:
                    table[node, row] = table[nodes[depth - 1, first], row]
                else:
                    table[node, row] = 0
            first = last


def _read_action(
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
    size, width = len(leaves), table.shape[1]
    n, o = np.zeros((size, width)), np.zeros((size, width))
    for k in range(size):
        for s in order:
            answers = max(np.float64(cells[leaves[k], s, 0]), 0.0)
            n[k, row_of[s]] += answers
            o[k, row_of[s]] += min(answers, max(np.float64(cells[leaves[k], s, 1]), 0.0))
    for r in range(width):
        answers, happened, expected = 0.0, 0.0, 0.0
        for k in range(size):
            answers += n[k, r]
        before = table[action, r]
        is_changed = False
        m = 1.0
        if answers == 0.0:
            table[action, r] = table[group, r]
        else:
            m = math.exp(table[group, r] / UNIT)
            for k in range(size):
                up = odds[k] * m
                happened += o[k, r]
                expected += n[k, r] * (up / (1.0 + up))
            m *= _factor(answers, happened, expected / answers, PRECISIONS[2])
            table[action, r] = _step(m)
        is_changed = table[action, r] != before
        for k in range(size):
            before = table[nodes[k], r]
            table[nodes[k], r] = table[action, r]
            if n[k, r] > 0.0:
                up = odds[k] * m
                rate = n[k, r] * (up / (1.0 + up)) / n[k, r]
                table[nodes[k], r] = _step(m * _factor(n[k, r], o[k, r], rate, PRECISIONS[3]))
            is_changed = is_changed or table[nodes[k], r] != before
        if is_changed:
            for k in range(len(bound)):
                sheet[r, bound[k]] = table[bound_nodes[k], r]


total = njit(cache=True)(_total)
read_predictor = njit(cache=True)(_read_predictor)
read_action = njit(cache=True)(_read_action)


def warm_up() -> None:
    """Compile, or load from the compiler's cache."""
    rows = np.zeros(1, dtype=np.int64)
    table = np.zeros((4, 1), dtype=np.int16)
    total(np.zeros((1, 8), dtype=np.int16), rows, rows, np.zeros(8, dtype=np.int64))
    for kind in (np.int32, np.float32):
        cells = np.zeros((1, 1, 2), dtype=kind)
        read_predictor(cells, rows, rows, rows, np.ones(1), np.zeros((4, 1), dtype=np.int64), table)
        read_action(cells, rows, rows, rows, np.ones(1), 1, 2, rows + 3, table, table, rows, rows)
