"""Facts of one request as numbers, for models that are linear in them.

Formulas: docs/concepts/learning.md, "Encoding".

Notation:
    N  number predictors (number, integer, timestamp)
    D  dense features: a line and a curve for each number, 2 N
    F  rows: D dense features, then rows that are 0 or 1: bias, "missing" of each number, rows of categories
    z  scaled number, float64 [N], in ±Z_MAX; steps in encoding_numpy.py and encoding_numba.py

What scales and levels know comes from `observe` alone: they are a fold of the learned answers.
"""

from __future__ import annotations

import functools
import math
from array import array
from collections.abc import Sequence
from datetime import datetime
from itertools import repeat
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from opportune.learning import encoding_numpy
from opportune.learning.base import Encoded, Predictor, Snapshot
from opportune.learning.encoding_numpy import MAGNITUDE_MAX
from opportune.learning.kernels import Kernel
from opportune.learning.marks import as_mark, mark_of
from opportune.learning.snapshot import read_array
from opportune.records import Facts, ValueType

__all__ = ["LEVELS_MAX", "Encoder", "LinearForm"]

LEVELS_MAX = 64
"""Levels of one category that get a row of their own, first come; later ones share the row "other"."""
LEVEL_LENGTH_MAX = 200
ITEMS_MAX = 32
"""Items of one list that are looked at."""
_NUMBERS = (ValueType.NUMBER, ValueType.INTEGER, ValueType.TIMESTAMP)
_NAN = math.nan
_DAY_SECONDS = 86_400.0

Doubles = npt.NDArray[np.float64]


@functools.cache
def _numba() -> ModuleType:
    from opportune.learning import encoding_numba

    return encoding_numba


PROFILE = "customer."
"""Prefix of the facts that a profile holds; no other fact has it."""
READ = "encoder"
"""Where a profile's memory has what the last encoder read of it."""


class _Read(NamedTuple):
    """What one encoder read of a profile, while its levels are so many; nobody writes to it."""

    encoder: object
    levels: int
    raw: Doubles
    rows: npt.NDArray[np.int64]


class LinearForm(Encoded):
    """Values of the dense features, float32 [D], and the rows that are 1, intp."""

    __slots__ = ("dense", "rows")

    def __init__(self, dense: npt.NDArray[np.float32], rows: npt.NDArray[np.int64]) -> None:
        self.dense = dense
        self.rows = rows


class Encoder:
    """Turns facts into a `LinearForm`; learns scales and levels from the facts that it observes."""

    def __init__(self, predictors: Sequence[Predictor], kernel: Kernel) -> None:
        self.kernel = kernel
        self._steps: Any = _numba() if kernel == "numba" else encoding_numpy
        self.predictors = tuple(predictors)
        self._numbers: list[str] = []
        self._times: list[int] = []
        # Side by side, so that no Python code runs per predictor: names, rows of levels, row of all other values.
        self._choices: list[str] = []
        self._tables: list[dict[Any, int]] = []
        self._otherwise: list[int] = []
        self._lists: list[tuple[str, dict[Any, int], int]] = []
        self._open: dict[int, dict[Any, int]] = {}
        self._rows: dict[int, dict[str, int]] = {}
        """By predictor, mark of each level → its row."""
        self._unmet: dict[int, dict[str, int]] = {}
        """Those of them that are known from a state alone: which text such a mark is of shows when it is met."""
        self._others: set[int] = set()
        owners = self._place_numbers()
        self.dense = 2 * len(self._numbers)
        self.bias = self.dense
        self.owners: list[int] = [*owners, *owners, -1, *owners]
        """Predictor index of every row; -1 for the bias."""
        for index, predictor in enumerate(self.predictors):
            self._place_category(index, predictor)
        self.fixed = len(self.owners)
        """Rows that exist before any level is learned."""
        self.levels: list[tuple[int, str]] = []
        """(predictor index, mark of a level) of the rows after the fixed ones, in the order of learning."""
        self._token = object()
        self._is_of_profile = not self._times and all(p.name.startswith(PROFILE) for p in self.predictors)
        size = len(self._numbers)
        self.seen: Doubles = np.zeros(size)
        self.mean: Doubles = np.zeros(size)
        self.variance: Doubles = np.zeros(size)
        self._factor: Doubles = np.zeros(size)

    def _place_numbers(self) -> list[int]:
        owners: list[int] = []
        for index, predictor in enumerate(self.predictors):
            if predictor.type in _NUMBERS:
                if predictor.type is ValueType.TIMESTAMP:
                    self._times.append(len(owners))
                self._numbers.append(predictor.name)
                owners.append(index)
        return owners

    def _place_category(self, index: int, predictor: Predictor) -> None:
        missing = len(self.owners)
        table: dict[Any, int] = {None: missing}
        if predictor.type is ValueType.BOOLEAN:
            table |= {False: missing + 1, True: missing + 2}
            self._add_choice(predictor.name, table, missing)
            self.owners += [index] * 3
        elif predictor.type in (ValueType.TEXT, ValueType.TEXTS):
            # The row after "missing" is "other": levels not seen yet, or too many of them.
            if predictor.type is ValueType.TEXT:
                self._add_choice(predictor.name, table, missing + 1)
            else:
                self._lists.append((predictor.name, table, missing + 1))
            self._open[index] = table
            self._rows[index] = {}
            self._others.add(missing + 1)
            self.owners += [index] * 2

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the predictors that scales belong to, in the order of `seen`, `mean` and `variance`."""
        return tuple(self._numbers)

    @property
    def open(self) -> int:
        """Number of predictors whose levels are learned."""
        return len(self._open)

    def _add_choice(self, name: str, table: dict[Any, int], otherwise: int) -> None:
        self._choices.append(name)
        self._tables.append(table)
        self._otherwise.append(otherwise)

    def encode(self, facts: Facts) -> LinearForm:
        """Encode by what is known so far."""
        return self._form(self._raw(facts), facts)

    def encode_known(self, facts: Facts, memory: dict[str, Any]) -> LinearForm:
        """Encode as `encode` does, where `memory` is kept beside the facts of the profile and goes with them."""
        if not self._is_of_profile:
            return self.encode(facts)
        read = memory.get(READ)
        if read is None or read.encoder is not self._token or read.levels != len(self.levels):
            raw = self._raw(facts).copy()
            read = memory[READ] = _Read(self._token, len(self.levels), raw, self._form(raw, facts).rows)
        dense = np.empty(self.dense, dtype=np.float32)
        if self.dense:
            self._steps.scale(read.raw, self.mean, self._factor, dense)
        return LinearForm(dense, read.rows)

    def observe(self, facts: Facts) -> LinearForm:
        """Learn scales and levels from these facts, then encode them."""
        raw = self._raw(facts)
        if len(raw):
            self._steps.observe(raw, self.seen, self.mean, self.variance, self._factor)
        form = self._form(raw, facts)
        if self._others.isdisjoint(form.rows.tolist()):
            return form
        for index, table in self._open.items():
            value = facts.get(self.predictors[index].name)
            if isinstance(value, str):
                self._admit(index, table, value)
            elif isinstance(value, list):
                for item in value[:ITEMS_MAX]:
                    self._admit(index, table, item)
        return self._form(raw, facts)

    def _admit(self, index: int, table: dict[Any, int], level: object) -> None:
        if isinstance(level, str) and level not in table and _is_storable(level):
            rows = self._rows[index]
            if len(rows) < LEVELS_MAX:
                self.add_level(index, mark_of(level))
                self._meet(index, table, level)

    def _meet(self, index: int, table: dict[Any, int], level: object) -> None:
        """Give a text that is met for the first time the row of its mark, where there is one."""
        if isinstance(level, str) and level not in table and _is_storable(level):
            row = self._unmet.get(index, {}).pop(mark_of(level), None)
            if row is not None:
                table[level] = row
                if not self._unmet[index]:
                    del self._unmet[index]

    def _meet_all(self, facts: Facts) -> None:
        for index in list(self._unmet):
            value, table = facts.get(self.predictors[index].name), self._open[index]
            for item in value[:ITEMS_MAX] if isinstance(value, list) else (value,):
                self._meet(index, table, item)

    def add_level(self, index: int, level: str) -> None:
        """Give a level of predictor `index` its own row.

        Args:
            level: its mark.

        Raises:
            ValueError: the predictor has no levels, or it has this one, or too many.
        """
        rows = self._rows.get(index)
        if rows is None or level in rows or len(rows) >= LEVELS_MAX:
            raise ValueError(f"levels: predictor {index} cannot take another level")
        rows[level] = len(self.owners)
        self._unmet.setdefault(index, {})[level] = len(self.owners)
        self.owners.append(index)
        self.levels.append((index, level))

    def restored(self, snapshot: Snapshot) -> Encoder:
        """Make an encoder of the same predictors that knows what the snapshot knows.

        Raises:
            ValueError: scales or levels in the snapshot are not of these predictors.
        """
        other = Encoder(self.predictors, self.kernel)
        levels = snapshot.meta.get("levels")
        if not isinstance(levels, list):
            raise ValueError("snapshot: levels are missing")
        for entry in levels:
            match entry:
                case [int() as index, str() as level]:
                    other.add_level(index, as_mark(level))
                case _:
                    raise ValueError("snapshot: levels: expected pairs of predictor index and text")
        shape = other.seen.shape
        seen, mean, variance = (read_array(snapshot, one, np.float64, shape) for one in ("seen", "mean", "variance"))
        if (seen < 0.0).any() or (variance < 0.0).any():
            raise ValueError("snapshot: seen or variance is negative")
        other.take_scales(seen, mean, variance)
        return other

    def take_scales(self, seen: Doubles, mean: Doubles, variance: Doubles) -> None:
        """Take over what is known of every number, and scale by it."""
        self.seen, self.mean, self.variance = seen.copy(), mean.copy(), variance.copy()
        encoding_numpy.refresh(self.seen, self.mean, self.variance, self._factor)

    def _raw(self, facts: Facts) -> Doubles:
        values: list[Any] = list(map(facts.get, self._numbers, repeat(_NAN)))
        if self._times:
            now = facts.get("now")
            for place in self._times:
                values[place] = _age_days(values[place], now)
        try:
            raw = np.frombuffer(array("d", values))
        except (TypeError, OverflowError):
            raw = np.frombuffer(array("d", [_number(value) for value in values]))
        return raw

    def _form(self, raw: Doubles, facts: Facts) -> LinearForm:
        if self._unmet:
            self._meet_all(facts)
        values = list(map(facts.get, self._choices))
        try:
            rows = list(map(dict.get, self._tables, values, self._otherwise))
        except TypeError:
            rows = list(map(_row, self._tables, values, self._otherwise))
        for name, table, other in self._lists:
            rows += _item_rows(table, facts.get(name), other)
        rows.append(self.bias)
        dense = np.empty(2 * len(raw), dtype=np.float32)
        if len(raw) and self._steps.scale(raw, self.mean, self._factor, dense):
            first = self.bias + 1
            rows += [first + place for place, value in enumerate(raw.tolist()) if value != value]
        return LinearForm(dense, np.frombuffer(array("q", rows), dtype=np.int64))


def _is_storable(level: str) -> bool:
    """Whether a level can be kept in a snapshot: short, and no lone surrogates."""
    if len(level) > LEVEL_LENGTH_MAX:
        return False
    try:
        level.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number(value: object) -> float:
    """A number given where one belongs; anything else counts as missing."""
    if isinstance(value, int):
        return float(value) if abs(value) <= MAGNITUDE_MAX else _NAN
    return value if isinstance(value, float) else _NAN


def _age_days(value: object, now: object) -> float:
    if not (isinstance(value, datetime) and isinstance(now, datetime)):
        return _NAN
    if (value.tzinfo is None) != (now.tzinfo is None):
        return _NAN
    return (now - value).total_seconds() / _DAY_SECONDS


def _row(table: dict[Any, int], value: object, other: int) -> int:
    """The row of a value that may be of any type; what cannot be a level is "other"."""
    return table.get(value, other) if value is None or isinstance(value, str | bool) else other


def _item_rows(table: dict[Any, int], value: object, other: int) -> list[int]:
    if not isinstance(value, list):
        return [table[None]]
    found = {table.get(item, other) if isinstance(item, str) else other for item in value[:ITEMS_MAX]}
    return sorted(found)
