"""State of a `naive_bayes` model as data, and what of it stays for other predictors, outcomes and names.

Notation, beside that of naive_bayes.py:
    M  remembered answers, all outcomes after one another
    answers  int64 [M, 6]: outcome, row of the key, happened, times, hash, number of values
    values   int64 [V, 2]: predictor and cell of every value of every remembered answer, one answer after the other
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.learning.base import Predictor, Snapshot
from opportune.learning.cells import MISSING, CellReader, Lattice
from opportune.learning.moves import Moves
from opportune.learning.remembered import HASH_BITS, Remembered, Remembrance
from opportune.learning.snapshot import read_array
from opportune.learning.tally import Counts, Tally, names_of

__all__ = ["carried", "read_state", "written"]

LEVEL_MAX = 62

State = tuple[Tally, Lattice, list[Remembered]]


def written(tally: Tally, lattice: Lattice, remembered: Sequence[Remembered]) -> Snapshot:
    """Give a state in an order of its own, whatever the order of learning was."""
    cells = tally.arrays["cells"]
    held = np.abs(cells).sum(axis=(0, 1, 3)).tolist()
    slots: list[int] = []
    keys: list[list[int]] = []
    for found in lattice.slots:
        own = sorted((key, slot) for key, slot in found.items() if held[slot])
        slots += [slot for _, slot in own]
        keys.append([key for key, _ in own])
    state = tally.snapshot()
    place = {tuple(names): row for row, names in enumerate(state.meta["keys"])}
    answers, values = _laid_out(remembered, place)
    arrays: dict[str, npt.NDArray[Any]] = dict(state.arrays)
    arrays |= {"cells": state.arrays["cells"][:, :, slots], "answers": answers, "values": values}
    return Snapshot(arrays, dict(state.meta) | {"levels": list(lattice.level), "cells": keys})


def _laid_out(remembered: Sequence[Remembered], place: dict[tuple[str, ...], int]) -> tuple[Counts, Counts]:
    answers: list[tuple[int, ...]] = []
    values: list[tuple[int, int]] = []
    for outcome, one in enumerate(remembered):
        for code, answer in sorted(one.kept.items()):
            if answer.row not in place:
                continue
            answers.append((outcome, place[answer.row], int(answer.happened), answer.times, code, len(answer.keys)))
            values += zip(answer.owners, answer.keys, strict=True)
    return (
        np.array(answers, dtype=np.int64).reshape(-1, 6),
        np.array(values, dtype=np.int64).reshape(-1, 2),
    )


def read_state(snapshot: Snapshot, outcomes: Sequence[str], predictors: int, size: int) -> State:
    """Read what `written` gave.

    Args:
        predictors: how many there are.
        size: of the remembered answers of an outcome.

    Raises:
        ValueError: something is missing, of another shape or out of range.
    """
    levels, keys = snapshot.meta.get("levels"), snapshot.meta.get("cells")
    if not (_are_levels(levels, predictors) and _are_cells(keys, predictors)):
        raise ValueError("snapshot: levels or cells are missing or wrong")
    assert isinstance(levels, list)
    assert isinstance(keys, list)
    lattice = Lattice(predictors)
    lattice.level = list(levels)
    for predictor, own in enumerate(keys):
        for key in own:
            lattice.slots[predictor][key] = lattice.size
            lattice.size += 1
    tally = Tally(outcomes, {"cells": (lattice.size, 2)}).restored(snapshot, ())
    tally.widen("cells", max(8, 2 * lattice.size))
    return tally, lattice, _read_answers(snapshot, outcomes, predictors, size)


def _read_answers(snapshot: Snapshot, outcomes: Sequence[str], predictors: int, size: int) -> list[Remembered]:
    answers, values = snapshot.arrays.get("answers"), snapshot.arrays.get("values")
    if answers is None or values is None or answers.ndim != 2 or values.ndim != 2:
        raise ValueError("snapshot: remembered answers are missing")
    read_array(snapshot, "answers", np.int64, (len(answers), 6))
    read_array(snapshot, "values", np.int64, (len(values), 2))
    keys = snapshot.meta["keys"]
    limits = np.array([len(outcomes), len(keys), 2, 1 << 53, 1 << HASH_BITS, len(values) + 1])
    if (answers < 0).any() or (answers >= limits).any() or answers[:, 5].sum() != len(values):
        raise ValueError("snapshot: remembered answers are out of range")
    if (values[:, 0] < 0).any() or (values[:, 0] >= predictors).any():
        raise ValueError("snapshot: values of remembered answers are out of range")
    found = [Remembered(size) for _ in outcomes]
    first = 0
    for outcome, row, happened, times, code, count in answers.tolist():
        own = values[first : first + count]
        first += count
        one = Remembrance(tuple(keys[row]), bool(happened), times, tuple(own[:, 0].tolist()), tuple(own[:, 1].tolist()))
        found[outcome].kept[code] = one
    return found


def carried(snapshot: Snapshot, predictors: Sequence[Predictor], outcomes: Sequence[str], moves: Moves) -> Snapshot:
    """Give the state of a model of these predictors and outcomes that knows what a snapshot of another one knows.

    Raises:
        ValueError: the snapshot is not of such a model.
    """
    try:
        former = [(str(name), str(kind)) for name, kind in snapshot.meta["predictors"]]
        heads = [str(name) for name in snapshot.meta["outcomes"]]
        names = [tuple(key) for key in snapshot.meta["keys"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("snapshot: its description is not that of this model") from error
    _, lattice, remembered = read_state(snapshot, heads, len(former), 1)
    own = [(one.name, str(one.type)) for one in predictors]
    later = Lattice(len(own))
    columns: list[int] = []
    for place, one in enumerate(own):
        if one in former:
            source = former.index(one)
            later.level[place] = lattice.level[source]
            later.slots[place] = {key: len(columns) + i for i, key in enumerate(lattice.slots[source])}
            columns += lattice.slots[source].values()
    later.size = len(columns)
    arrays = dict(snapshot.arrays) | {"cells": snapshot.arrays["cells"][:, :, columns]}
    moved = Tally(outcomes, {"cells": (len(columns), 2)})
    moved = moved.restored(moved.carried(Snapshot(arrays, snapshot.meta), moves), ())
    stays = {names_of(key) for key in moved.keys}
    rows = _targets(names, snapshot.arrays["counts"][..., 0].sum(axis=0), moves)
    again = {former.index(one): place for place, one in enumerate(own) if one in former}
    reader = CellReader(predictors)
    singles = [*reader.numbers, *reader.choices]
    kept = [Remembered(1) for _ in outcomes]
    for outcome, name in enumerate(outcomes):
        if name in heads:
            found = remembered[heads.index(name)].kept.items()
            moved_answers = ((code, _moved_answer(one, rows, again, singles)) for code, one in found)
            kept[outcome].kept = {code: one for code, one in moved_answers if one is not None and one.row in stays}
    return written(moved, later, kept)


def _targets(names: Sequence[tuple[str, ...]], answers: Counts, moves: Moves) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Old names -> new ones, of keys whose counts stay; of several that come to one place, as `Tally.carried` does."""
    chosen: dict[tuple[str, ...], int] = {}
    for k, own in enumerate(names):
        target = moves.place(own)
        if target not in chosen or answers[k] > answers[chosen[target]]:
            chosen[target] = k
    return {names[k]: target for target, k in chosen.items()}


def _moved_answer(
    one: Remembrance, rows: dict[tuple[str, ...], tuple[str, ...]], again: dict[int, int], singles: Sequence[int]
) -> Remembrance | None:
    if one.row not in rows:
        return None
    known = [(again[owner], key) for owner, key in zip(one.owners, one.keys, strict=True) if owner in again]
    single = dict(known)
    # Predictors of one value each come first in every answer; of new ones nothing was known.
    values = [(place, single.get(place, MISSING)) for place in singles]
    values += [(place, key) for place, key in known if place not in singles]
    return one._replace(
        row=rows[one.row], owners=tuple(owner for owner, _ in values), keys=tuple(key for _, key in values)
    )


def _are_levels(levels: object, count: int) -> bool:
    return (
        isinstance(levels, list)
        and len(levels) == count
        and all(type(level) is int and 0 <= level <= LEVEL_MAX for level in levels)
    )


def _are_cells(cells: object, count: int) -> bool:
    return (
        isinstance(cells, list)
        and len(cells) == count
        and all(
            isinstance(own, list)
            and all(type(key) is int and abs(key) < 1 << 62 for key in own)
            and own == sorted(set(own))
            for own in cells
        )
    )
