"""State of an `evidence` model as named arrays, and for other predictors, outcomes and names.

Cells, leaves and nodes stand in the order of their names, so that equal states are equal bytes. Notation: evidence.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from opportune.learning.base import Predictor, Snapshot
from opportune.learning.cells import MISSING
from opportune.learning.counting import DEPTHS, Counts, Path
from opportune.learning.evidence_numpy import UNIT, WEIGHT_MAX
from opportune.learning.evidence_reading import Reading
from opportune.learning.kernels import Kernel
from opportune.learning.moves import Moves
from opportune.learning.snapshot import read_array
from opportune.learning.tempering import Tempering
from opportune.records import ValueType

__all__ = ["State", "adopted", "read_state", "write_state"]

COUNT_MAX = 2**31 - 1
FACTORS_MAX = 1e6
LEVEL_MAX = 62
PACKED = 4
"""Weights of 16 bits in one number of 64."""


class State(NamedTuple):
    """All that a model learned; `read_at` is by outcome and node, answers at which an action was read last."""

    counts: Counts
    reading: Reading
    tempering: list[Tempering]
    read_at: dict[tuple[int, int], int]
    turn: int
    credit: int


def write_state(description: Mapping[str, Any], state: State) -> Snapshot:
    """Copy a state."""
    counts, reading = state.counts, state.reading
    heads = len(state.tempering)
    cells = counts.touched()
    leaves = sorted(counts.leaves)
    nodes = sorted(counts.nodes)
    at = np.array([counts.node_of[path] for path in nodes], dtype=np.int64)
    order = np.array([counts.leaf_of[path] for path in leaves], dtype=np.int64)
    slots = np.array([slot for _, _, slot in cells], dtype=np.int64)
    dense = counts.cells[:, order[:, None], slots] if cells else np.zeros((heads, len(leaves), 0, 2))
    where = np.flatnonzero(dense)
    read_at = np.array([[state.read_at.get((head, int(node)), 0) for node in at] for head in range(heads)])
    cuts = [(j, edge) for j, edges in enumerate(reading.edges) for edge in edges]
    cuts += [(j, key) for j, own in enumerate(reading.own) for key in own]
    arrays: dict[str, npt.NDArray[Any]] = {
        "cells": _pairs([(j, key) for j, key, _ in cells]),
        "where": where.astype(np.int64),
        "counted": dense.reshape(-1)[where].astype(np.float64),
        "answers": counts.answers[:, order],
        "totals": counts.totals[:, :, at],
        "cuts": _pairs(sorted(cuts)),
        "table": _packed(reading.table[:, at]),
        "factors": np.stack([one.mean for one in state.tempering]),
        "covariance": np.stack([one.covariance for one in state.tempering]),
        "moments": np.stack([one.moments for one in state.tempering]),
        "gains": np.stack([one.gains for one in state.tempering]),
        "read_at": read_at.reshape(heads, len(nodes)).astype(np.int64),
    }
    meta = dict(description) | {
        "leaves": [list(path) for path in leaves],
        "nodes": [list(path) for path in nodes],
        "levels": list(counts.lattice.level),
        "judged": [one.judged for one in state.tempering],
        "learned": counts.learned,
        "turn": state.turn,
        "credit": state.credit,
    }
    return Snapshot(arrays, meta)


def read_state(
    snapshot: Snapshot,
    description: Mapping[str, Any],
    predictors: Sequence[Predictor],
    heads: int,
    half_life: float,
    kernel: Kernel,
) -> State:
    """Make a state of a snapshot.

    Raises:
        ValueError: the snapshot is not of this model.
    """
    meta = snapshot.meta
    for name, expected in description.items():
        if meta.get(name) != expected:
            raise ValueError(f"snapshot: {name} is not that of this model")
    leaves, nodes = _paths(meta.get("leaves")), _paths(meta.get("nodes"))
    if set(nodes) != {path[:depth] for path in leaves for depth in DEPTHS}:
        raise ValueError("snapshot: nodes are not those of the leaves")
    levels = _whole(meta.get("levels"), len(predictors), LEVEL_MAX)
    learned, turn, credit = _whole([meta.get(name) for name in ("learned", "turn", "credit")], 3, 2**62)
    counts = Counts(len(predictors), heads, half_life)
    counts.learned = learned
    counts.lattice.level = levels
    for path in leaves:
        counts.leaf(path)
    at = np.array([counts.node_of[path] for path in nodes], dtype=np.int64)
    _read_counts(snapshot, counts, at)
    reading = Reading(predictors, heads)
    _read_reading(snapshot, counts, reading, at)
    tempering = _read_tempering(snapshot, len(predictors), heads, kernel)
    read_at = read_array(snapshot, "read_at", np.int64, (heads, len(nodes)))
    found = {(head, int(at[k])): int(value) for (head, k), value in np.ndenumerate(read_at) if value > 0}
    return State(counts, reading, tempering, found, turn % max(1, len(predictors)), credit)


def _read_counts(snapshot: Snapshot, counts: Counts, at: npt.NDArray[np.int64]) -> None:
    heads = len(counts.answers)
    cells = _read_pairs(snapshot, "cells")
    slots = [counts.take_exactly(j, key) for j, key in cells if 0 <= j < len(counts.lattice.level)]
    if len(slots) != len(cells) or len(set(slots)) != len(slots):
        raise ValueError("snapshot: cells: expected distinct ones of the predictors")
    where = _read_flat(snapshot, "where", np.int64)
    counted = _read_flat(snapshot, "counted", np.float64)
    size = heads * 2 * len(counts.leaves) * len(slots)
    if len(where) != len(counted) or (len(where) and not (where[0] >= 0 and where[-1] < size)):
        raise ValueError("snapshot: where: expected places of cells")
    if (np.diff(where) <= 0).any() or (np.abs(counted) > COUNT_MAX).any():
        raise ValueError("snapshot: counted: expected counts, in the order of their places")
    dense = np.zeros(size)
    dense[where] = counted
    shape = (heads, len(counts.leaves), len(slots), 2)
    leaves = np.arange(len(counts.leaves))
    counts.cells[:, leaves[:, None], np.array(slots, dtype=np.int64)] = dense.reshape(shape)
    counts.settle()
    answers = read_array(snapshot, "answers", np.int64, (heads, len(counts.leaves)))
    totals = read_array(snapshot, "totals", np.float64, (heads, 2, len(at)))
    if (answers < 0).any() or (np.abs(totals) > COUNT_MAX).any():
        raise ValueError("snapshot: answers or totals: expected counts")
    counts.answers[:, : len(counts.leaves)] = answers
    counts.totals[:, :, at] = totals


def _read_reading(snapshot: Snapshot, counts: Counts, reading: Reading, at: npt.NDArray[np.int64]) -> None:
    for j, key in _read_pairs(snapshot, "cuts"):
        if not 0 <= j < len(reading.blocks):
            raise ValueError("snapshot: cuts: expected those of the predictors")
        block = reading.blocks[j]
        if len(reading.edges[j]) >= block.own - block.is_number or len(reading.own[j]) >= block.own:
            raise ValueError("snapshot: cuts: too many for a predictor")
        if block.is_number:
            reading.set_edges(j, [*reading.edges[j], key])
        else:
            reading.own[j][key] = block.start + len(reading.own[j])
    heads, rows = len(counts.answers), -(-reading.rows // PACKED)
    packed = read_array(snapshot, "table", np.int64, (heads, len(at), rows))
    table = _unpacked(packed, reading.rows)
    if (np.abs(table.astype(np.int64)) > WEIGHT_MAX * UNIT).any():
        raise ValueError("snapshot: table: weights are out of range")
    reading.grow(counts)
    reading.table[:, at] = table
    for j, key, slot in counts.touched():
        reading.place(slot, reading.cell_row(j, key, counts.lattice.level[j]))


def _read_tempering(snapshot: Snapshot, predictors: int, heads: int, kernel: Kernel) -> list[Tempering]:
    found = [Tempering(predictors, kernel) for _ in range(heads)]
    factors = read_array(snapshot, "factors", np.float64, (heads, *found[0].mean.shape))
    covariance = read_array(snapshot, "covariance", np.float64, (heads, *found[0].covariance.shape))
    moments = read_array(snapshot, "moments", np.float64, covariance.shape)
    gains = read_array(snapshot, "gains", np.float64, factors.shape)
    if any((np.abs(values) > FACTORS_MAX).any() for values in (factors, covariance, moments)):
        raise ValueError("snapshot: factors, covariance or moments are out of range")
    judged = _whole(snapshot.meta.get("judged"), heads, 2**62)
    for k, one in enumerate(found):
        one.mean, one.covariance = factors[k].copy(), covariance[k].copy()
        one.moments, one.gains, one.judged = moments[k].copy(), gains[k].copy(), judged[k]
    return found


def adopted(
    snapshot: Snapshot,
    description: Mapping[str, Any],
    predictors: Sequence[Predictor],
    outcomes: Sequence[str],
    half_life: float,
    moves: Moves,
) -> Snapshot:
    """Give the state of a model of these predictors and outcomes that knows what a snapshot of another one knows.

    Of several leaves that come to one place, the one with the most answers is kept, then the first.

    Raises:
        ValueError: the snapshot is not of such a model.
    """
    meta = snapshot.meta
    if meta.get("model") != description["model"] or meta.get("half_life") != description["half_life"]:
        raise ValueError("snapshot: it is of another model")
    try:
        former = [Predictor(name, ValueType(kind)) for name, kind in meta["predictors"]]
        heads = [str(name) for name in meta["outcomes"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("snapshot: its description is not that of this model") from error
    known = {name: meta[name] for name in description if name in meta}
    old = read_state(snapshot, known, former, len(heads), half_life, "numpy")
    leaves = _chosen(old.counts.leaves, old.counts.answers.sum(axis=0), moves)
    if former == list(predictors) and heads == list(outcomes) and all(new == was for new, was in leaves.items()):
        return snapshot
    places = {j: former.index(p) for j, p in enumerate(predictors) if p in former}
    own_heads = [(k, heads.index(name)) for k, name in enumerate(outcomes) if name in heads]
    state = State(
        Counts(len(predictors), len(outcomes), half_life),
        Reading(predictors, len(outcomes)),
        [Tempering(len(predictors), "numpy") for _ in outcomes],
        {},
        0,
        old.credit,
    )
    _carry_counts(old.counts, state.counts, leaves, places, own_heads)
    _carry_reading(old, state, places, own_heads, moves)
    return write_state(description, state)


def _chosen(leaves: Sequence[Path], answers: npt.NDArray[np.int64], moves: Moves) -> dict[Path, Path]:
    """Old leaf of each new one, in order."""
    chosen: dict[Path, Path] = {}
    counted = dict(zip(leaves, answers.tolist(), strict=False))
    for path in sorted(leaves):
        target = moves.place(path)
        if target not in chosen or counted[path] > counted[chosen[target]]:
            chosen[target] = path
    return {target: chosen[target] for target in sorted(chosen)}


def _carry_counts(
    old: Counts,
    new: Counts,
    leaves: Mapping[Path, Path],
    places: Mapping[int, int],
    heads: Sequence[tuple[int, int]],
) -> None:
    new.learned = old.learned
    for j, was in places.items():
        new.lattice.level[j] = old.lattice.level[was]
    pairs = [
        (new.take_exactly(j, key), slot)
        for j, was in places.items()
        for key, slot in sorted(old.lattice.slots[was].items())
    ]
    to, source = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    for path, was_path in leaves.items():
        was_leaf, was_node = old.leaf_of[was_path], old.node_of[was_path]
        if not any(old.answers[head, was_leaf] for _, head in heads):
            continue
        leaf = new.leaf(path)
        above = [new.node_of[path[:depth]] for depth in DEPTHS]
        for head, was in heads:
            new.cells[head, leaf, to] = old.cells[was, was_leaf, source]
            new.answers[head, leaf] = old.answers[was, was_leaf]
            new.totals[head][:, above] += old.totals[was, :, was_node, None]


def _carry_reading(
    old: State, new: State, places: Mapping[int, int], heads: Sequence[tuple[int, int]], moves: Moves
) -> None:
    reading = new.reading
    reading.grow(new.counts)
    answers = old.counts.totals[:, 0].sum(axis=0)
    chosen: dict[Path, int] = {}
    for path in sorted(old.counts.nodes):
        node, target = old.counts.node_of[path], moves.place(path)
        if target not in chosen or answers[node] > answers[chosen[target]]:
            chosen[target] = node
    for j, was in places.items():
        block, former = reading.blocks[j], old.reading.blocks[was]
        if block.is_number:
            reading.set_edges(j, list(old.reading.edges[was]))
        shift = block.start - former.start
        reading.own[j] = {key: row + shift for key, row in old.reading.own[was].items()}
        own, theirs = slice(block.start, block.start + block.size), slice(former.start, former.start + former.size)
        for path, node in chosen.items():
            at = new.counts.node_of.get(path)
            if at is not None:
                for head, was_head in heads:
                    reading.table[head, at, own] = old.reading.table[was_head, node, theirs]
    rows = [*places, len(reading.blocks)]
    formers = [*places.values(), len(old.reading.blocks)]
    for head, was_head in heads:
        _carry_factors(old.tempering[was_head], new.tempering[head], rows, formers)


def _carry_factors(old: Tempering, new: Tempering, rows: Sequence[int], formers: Sequence[int]) -> None:
    new.mean[rows] = old.mean[formers]
    new.gains[rows] = old.gains[formers]
    new.judged = old.judged
    for own, former in ((new.covariance, old.covariance), (new.moments, old.moments)):
        diagonal = np.diag(former) if old.is_full else former
        if new.is_full and old.is_full:
            own[np.ix_(rows, rows)] = former[np.ix_(formers, formers)]
        elif new.is_full:
            own[rows, rows] = diagonal[formers]
        else:
            own[rows] = diagonal[formers]


def _packed(table: npt.NDArray[np.int16]) -> npt.NDArray[np.int64]:
    """Four weights to a number."""
    rows = -(-table.shape[2] // PACKED) * PACKED
    padded = np.zeros((*table.shape[:2], rows), dtype="<i2")
    padded[:, :, : table.shape[2]] = table
    return padded.view("<i8").astype(np.int64)


def _unpacked(packed: npt.NDArray[np.int64], rows: int) -> npt.NDArray[np.int16]:
    shape = (*packed.shape[:2], packed.shape[2] * PACKED)
    found = np.frombuffer(np.ascontiguousarray(packed, dtype="<i8").tobytes(), dtype="<i2").reshape(shape)
    return found[:, :, :rows].astype(np.int16)


def _pairs(values: Sequence[tuple[int, int]]) -> npt.NDArray[np.int64]:
    return np.array(values, dtype=np.int64).reshape(-1, 2)


def _read_pairs(snapshot: Snapshot, name: str) -> list[tuple[int, int]]:
    found = snapshot.arrays.get(name)
    if found is None or found.dtype != np.int64 or found.ndim != 2 or found.shape[1] != 2:
        raise ValueError(f"snapshot: array {name}: expected int64 pairs")
    pairs = [(j, key) for j, key in found.tolist()]
    if pairs != sorted(set(pairs)) or any(key < MISSING for _, key in pairs):
        raise ValueError(f"snapshot: array {name}: expected distinct pairs in order")
    return pairs


def _read_flat(snapshot: Snapshot, name: str, dtype: type[np.generic]) -> npt.NDArray[Any]:
    found = snapshot.arrays.get(name)
    return read_array(snapshot, name, dtype, (0 if found is None or found.ndim != 1 else len(found),))


def _paths(value: object) -> list[Path]:
    if not isinstance(value, list):
        raise ValueError("snapshot: leaves or nodes are missing")
    found: list[Path] = []
    for names in value:
        if not (isinstance(names, list) and len(names) in DEPTHS and all(isinstance(name, str) for name in names)):
            raise ValueError("snapshot: leaves or nodes: expected lists of 0, 1, 2 or 4 names")
        found.append(tuple(names))
    if found != sorted(set(found)):
        raise ValueError("snapshot: leaves or nodes: expected distinct paths in order")
    return found


def _whole(value: object, size: int, most: int) -> list[int]:
    if not (isinstance(value, list) and len(value) == size):
        raise ValueError("snapshot: whole numbers are missing")
    if not all(isinstance(one, int) and not isinstance(one, bool) and 0 <= one <= most for one in value):
        raise ValueError("snapshot: expected whole numbers from 0")
    return list(value)
