"""State of a `pairs` model as named arrays, and for other predictors, outcomes and names. Notation: pairs.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.learning import pairs_numpy
from opportune.learning.base import Predictor, Snapshot
from opportune.learning.moves import Moves
from opportune.learning.pairs_coding import Coding
from opportune.learning.pairs_weights import BIAS_DEPTHS, PairWeights, Path
from opportune.learning.screening import Note, Screening
from opportune.learning.snapshot import read_array
from opportune.records import ValueType

__all__ = ["adopted", "read_state", "write_state"]

WEIGHT_MAX = 1e6
COUNT_MAX = 2**62
SCREENED = ("errors", "chances", "shared_errors", "shared_chances", "gains", "cells")


def write_state(description: Mapping[str, Any], coding: Coding, weights: PairWeights) -> Snapshot:
    """Copy a state: actions and nodes in the order of their names."""
    actions, nodes = sorted(weights.actions), sorted(weights.nodes)
    columns = [0, *(weights.column_of[action] for action in actions)]
    at = [weights.node_of[path] for path in nodes]
    arrays: dict[str, npt.NDArray[Any]] = {
        "answers": weights.answers[:, at],
        "bias": weights.bias[:, :, at],
        "shared": weights.shared.copy(),
        "own": weights.own[..., columns],
        "pairs": weights.pairs.copy(),
        "own_pairs": weights.own_pairs[..., columns],
        "chosen": weights.chosen.copy(),
        "chosen_own": weights.chosen_own.copy(),
        "scores": weights.scores.copy(),
    }
    for name in SCREENED:
        arrays[name] = np.stack([getattr(one, name) for one in weights.screenings])
    meta = dict(description) | {
        "actions": [list(path) for path in actions],
        "nodes": [list(path) for path in nodes],
        "coding": coding.state(),
        "screened": [[one.first, one.answers] for one in weights.screenings],
    }
    return Snapshot(arrays, meta)


def read_state(
    snapshot: Snapshot, description: Mapping[str, Any], predictors: Sequence[Predictor], heads: int, note: Note
) -> tuple[Coding, PairWeights]:
    """Make coding and weights of a snapshot.

    Raises:
        ValueError: the snapshot is not of this model.
    """
    meta = snapshot.meta
    for name, expected in description.items():
        if meta.get(name) != expected:
            raise ValueError(f"snapshot: {name} is not that of this model")
    coding = Coding(predictors).restored(meta.get("coding"))
    actions, nodes = _paths(meta.get("actions"), (2,)), _paths(meta.get("nodes"), BIAS_DEPTHS)
    leaves = [path for path in nodes if len(path) == BIAS_DEPTHS[-1]]
    above = {path[:depth] for path in leaves for depth in BIAS_DEPTHS} | {()}
    if set(nodes) != above or set(actions) != {path[:2] for path in leaves}:
        raise ValueError("snapshot: nodes are not those of the candidates")
    weights = PairWeights(len(predictors), heads, coding.rows, note)
    for path in leaves:
        weights.admit(path)
    _read_weights(snapshot, weights, actions, nodes)
    _read_screenings(snapshot, weights)
    return coding, weights


def _read_weights(snapshot: Snapshot, weights: PairWeights, actions: Sequence[Path], nodes: Sequence[Path]) -> None:
    columns = [0, *(weights.column_of[action] for action in actions)]
    at = [weights.node_of[path] for path in nodes]
    heads = len(weights.answers)
    answers = read_array(snapshot, "answers", np.int64, (heads, len(at)))
    if (answers < 0).any() or (answers > COUNT_MAX).any():
        raise ValueError("snapshot: answers: expected counts")
    weights.answers[:, at] = answers
    weights.bias[:, :, at] = _read_pair(snapshot, "bias", (heads, 2, len(at)))
    weights.shared[:] = _read_pair(snapshot, "shared", weights.shared.shape)
    weights.own[..., columns] = _read_pair(snapshot, "own", (*weights.own.shape[:-1], len(columns)))
    weights.pairs[:] = _read_pair(snapshot, "pairs", weights.pairs.shape)
    weights.own_pairs[..., columns] = _read_pair(snapshot, "own_pairs", (*weights.own_pairs.shape[:-1], len(columns)))
    weights.scores[:] = read_array(snapshot, "scores", np.float64, weights.scores.shape)
    most = weights.screenings[0].pairs.shape[1]
    for name in ("chosen", "chosen_own"):
        chosen = read_array(snapshot, name, np.int64, getattr(weights, name).shape)
        if (chosen < -1).any() or (chosen >= most).any():
            raise ValueError(f"snapshot: {name}: expected numbers of pairs")
        getattr(weights, name)[:] = chosen


def _read_pair(snapshot: Snapshot, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Means and variances."""
    found: npt.NDArray[np.float32] = read_array(snapshot, name, np.float32, shape)
    if (np.abs(found) > WEIGHT_MAX).any() or (found[:, 1] <= 0.0).any():
        raise ValueError(f"snapshot: {name}: weights or variances are out of range")
    return found


def _read_screenings(snapshot: Snapshot, weights: PairWeights) -> None:
    heads = len(weights.screenings)
    for name in SCREENED:
        like = getattr(weights.screenings[0], name)
        found = read_array(snapshot, name, like.dtype.type, (heads, *like.shape))
        if (np.abs(found) > 1e12).any() or (name.endswith("chances") and (found < 0).any()):
            raise ValueError(f"snapshot: {name}: out of range")
        for one, own in zip(weights.screenings, found, strict=True):
            setattr(one, name, own.copy())
    screened = snapshot.meta.get("screened")
    if not (isinstance(screened, list) and len(screened) == heads):
        raise ValueError("snapshot: screened is missing")
    for one, entry in zip(weights.screenings, screened, strict=True):
        match entry:
            case [int() as first, int() as answers] if 0 <= first <= one.pairs.shape[1] and 0 <= answers <= COUNT_MAX:
                one.first, one.answers = first, answers
            case _:
                raise ValueError("snapshot: screened: expected pairs of numbers")


def adopted(
    snapshot: Snapshot,
    description: Mapping[str, Any],
    predictors: Sequence[Predictor],
    outcomes: Sequence[str],
    moves: Moves,
) -> Snapshot:
    """Give the state of a model of these predictors and outcomes that knows what a snapshot of another one knows.

    Chosen pairs of predictors that stay go on; what was known of the others is looked at anew.

    Raises:
        ValueError: the snapshot is not of such a model.
    """
    meta = snapshot.meta
    if meta.get("model") != description["model"]:
        raise ValueError("snapshot: it is of another model")
    try:
        former = [Predictor(name, ValueType(kind)) for name, kind in meta["predictors"]]
        heads = [str(name) for name in meta["outcomes"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("snapshot: its description is not that of this model") from error
    known = {name: meta[name] for name in description if name in meta}
    old_coding, old = read_state(snapshot, known, former, len(heads), pairs_numpy.note)
    leaves = _chosen(old, moves)
    if former == list(predictors) and heads == list(outcomes) and all(new == was for new, was in leaves.items()):
        return snapshot
    coding = Coding(predictors)
    coding.carry(old_coding)
    new = PairWeights(len(predictors), len(outcomes), coding.rows, pairs_numpy.note)
    own_heads = [(k, heads.index(name)) for k, name in enumerate(outcomes) if name in heads]
    for path, was in leaves.items():
        if any(old.answers[head, old.node_of[was]] for _, head in own_heads):
            new.admit(path)
    places = {j: former.index(p) for j, p in enumerate(predictors) if p in former}
    rows = _rows(coding, old_coding, places)
    for head, was_head in own_heads:
        _carry_nodes(old, new, head, was_head, leaves)
        _carry_rows(old, new, head, was_head, leaves, rows)
        _carry_pairs(old, new, head, was_head, leaves, places)
    return write_state(description, coding, new)


def _chosen(old: PairWeights, moves: Moves) -> dict[Path, Path]:
    """Old leaf of each new one, in order: the one with the most answers."""
    answers = old.answers.sum(axis=0)
    chosen: dict[Path, Path] = {}
    for path in sorted(path for path in old.nodes if len(path) == BIAS_DEPTHS[-1]):
        target = moves.place(path)
        if target not in chosen or answers[old.node_of[path]] > answers[old.node_of[chosen[target]]]:
            chosen[target] = path
    return {target: chosen[target] for target in sorted(chosen)}


def _rows(coding: Coding, former: Coding, places: Mapping[int, int]) -> tuple[list[int], list[int]]:
    """Rows of predictors that stay, and what they were."""
    rows: list[int] = []
    formers: list[int] = []
    for j, was in places.items():
        size = int(coding.starts[j + 1] - coding.starts[j])
        rows += range(int(coding.starts[j]), int(coding.starts[j]) + size)
        formers += range(int(former.starts[was]), int(former.starts[was]) + size)
    lines = {former.predictors[j]: k for k, j in enumerate(former.reader.numbers)}
    for k, j in enumerate(coding.reader.numbers):
        if coding.predictors[j] in lines:
            rows.append(int(coding.starts[-1]) + k)
            formers.append(int(former.starts[-1]) + lines[coding.predictors[j]])
    return rows, formers


def _carry_nodes(old: PairWeights, new: PairWeights, head: int, was_head: int, leaves: Mapping[Path, Path]) -> None:
    new.bias[head, :, 0] = old.bias[was_head, :, 0]
    for path, node in new.node_of.items():
        if len(path) == BIAS_DEPTHS[-1]:
            was = old.node_of[leaves[path]]
            new.bias[head, :, node] = old.bias[was_head, :, was]
            count = old.answers[was_head, was]
            above = [new.node_of[path[:depth]] for depth in BIAS_DEPTHS]
            new.answers[head, above] += count
    for path, was_path in _actions(leaves).items():
        if path in new.node_of:
            new.bias[head, :, new.node_of[path]] = old.bias[was_head, :, old.node_of[was_path]]


def _actions(leaves: Mapping[Path, Path]) -> dict[Path, Path]:
    """Old action of each new one."""
    return {path[:2]: was[:2] for path, was in reversed(list(leaves.items()))}


def _carry_rows(
    old: PairWeights,
    new: PairWeights,
    head: int,
    was_head: int,
    leaves: Mapping[Path, Path],
    rows: tuple[list[int], list[int]],
) -> None:
    own, formers = rows
    new.shared[head][:, own] = old.shared[was_head][:, formers]
    for path, was in _actions(leaves).items():
        column = new.column_of.get(path)
        if column is not None:
            new.own[head][:, own, column] = old.own[was_head][:, formers, old.column_of[was]]


def _carry_pairs(
    old: PairWeights,
    new: PairWeights,
    head: int,
    was_head: int,
    leaves: Mapping[Path, Path],
    places: Mapping[int, int],
) -> None:
    later_of = {was: j for j, was in places.items()}
    pairs: Screening = new.screenings[head]
    number: dict[tuple[int | None, int | None], int] = {(int(a), int(b)): k for k, (a, b) in enumerate(pairs.pairs.T)}
    split = old.chosen.shape[1]
    actions = [(new.column_of[a], old.column_of[b]) for a, b in _actions(leaves).items() if a in new.column_of]
    for is_own, chosen, former in ((False, new.chosen, old.chosen), (True, new.chosen_own, old.chosen_own)):
        for place, pair in enumerate(former[was_head].tolist()):
            both = [later_of.get(int(j)) for j in old.screenings[was_head].pairs[:, pair]] if pair >= 0 else [None]
            # A pair whose predictors changed places has its cells the other way round: it is looked at anew.
            found = number.get((both[0], both[-1]))
            if found is None or place >= chosen.shape[1]:
                continue
            chosen[head, place] = found
            score = split + place if is_own else place
            new.scores[head, score] = old.scores[was_head, score]
            if is_own:
                for column, was in actions:
                    new.own_pairs[head, :, place, :, column] = old.own_pairs[was_head, :, place, :, was]
            else:
                new.pairs[head, :, place] = old.pairs[was_head, :, place]


def _paths(value: object, depths: Sequence[int]) -> list[Path]:
    if not isinstance(value, list):
        raise ValueError("snapshot: actions or nodes are missing")
    found: list[Path] = []
    for names in value:
        if not (isinstance(names, list) and len(names) in depths and all(isinstance(name, str) for name in names)):
            raise ValueError("snapshot: actions or nodes: expected lists of names")
        found.append(tuple(names))
    if found != sorted(set(found)):
        raise ValueError("snapshot: actions or nodes: expected distinct ones in order")
    return found
