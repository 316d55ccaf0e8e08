"""Facts and candidates as rows of numbers, for trees.

A frame is made of the answers that trees are trained on, and goes with the trees: it says what every column means.

Notation:
    F  columns of the request: one of every number, boolean and text, one of every item of a list that has one
    columns F, F + 1, F + 2, F + 3 are codes of the candidate's group, action, channel and treatment
Codes of texts begin with 1; 0 stands for all that the frame does not know.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.learning.base import CandidateKey, Predictor
from opportune.learning.marks import as_mark, mark_of
from opportune.learning.moves import Moves
from opportune.records import Facts, Value, ValueType

__all__ = ["PARTS", "Frame", "frame_from", "frame_of"]

PARTS = 4
LEVELS_MAX = 64
ITEMS_MAX = 16
LEVEL_LENGTH_MAX = 200
MAGNITUDE_MAX = 1e18
DAY_SECONDS = 86_400.0
NUMBERS = (ValueType.NUMBER, ValueType.INTEGER, ValueType.TIMESTAMP)

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Frame:
    """What the columns of trees mean.

    Args:
        columns: (name of the predictor, its type, marks of the levels of a text or of the one item of a list) by
            column.
        codes: candidate key as four names -> its four codes.
    """

    columns: tuple[tuple[str, ValueType, tuple[str, ...]], ...]
    codes: Mapping[tuple[str, str, str, str], tuple[int, int, int, int]]

    def row(self, facts: Facts, types: Mapping[str, ValueType]) -> Doubles:
        """Give the columns of a request, float64 [F]; NaN where nothing is known.

        Args:
            types: of the predictors that may be seen now; others, and those of another type, are missing.
        """
        now = facts.get("now")
        found = [
            _value(facts.get(name) if types.get(name) is kind else None, kind, levels, now)
            for name, kind, levels in self.columns
        ]
        return np.array(found, dtype=np.float64)

    def candidates(self, catalogue: Sequence[CandidateKey]) -> Doubles:
        """Give the codes of candidates, float64 [PARTS, C]; each name is looked up by itself."""
        tables: list[dict[str, int]] = [{} for _ in range(PARTS)]
        for names, codes in self.codes.items():
            for table, name, code in zip(tables, names, codes, strict=True):
                table[name] = code
        found = [[table.get(name, 0) for table, name in zip(tables, _names(key), strict=True)] for key in catalogue]
        return np.array(found, dtype=np.float64).reshape(-1, PARTS).T.copy()

    def moved(self, moves: Moves) -> Frame:
        """Give the frame with the names that candidates have by now."""
        codes: dict[tuple[str, str, str, str], tuple[int, int, int, int]] = {}
        for names, own in sorted(self.codes.items()):
            group, action, channel, treatment = moves.place(names)
            codes.setdefault((group, action, channel, treatment), own)
        return Frame(self.columns, codes)

    def described(self) -> dict[str, Any]:
        """Give the frame as data for JSON."""
        return {
            "columns": [[name, str(kind), list(levels)] for name, kind, levels in self.columns],
            "codes": [[*names, *codes] for names, codes in sorted(self.codes.items())],
        }

    @property
    def categories(self) -> list[int]:
        """Columns that hold codes."""
        texts = [place for place, (_, kind, _) in enumerate(self.columns) if kind is ValueType.TEXT]
        return [*texts, *range(len(self.columns), len(self.columns) + PARTS)]


def frame_of(predictors: Sequence[Predictor], facts: Sequence[Facts], keys: Iterable[CandidateKey]) -> Frame:
    """Make the frame of answers: levels and items that occur most often, of equals the first in the alphabet."""
    columns: list[tuple[str, ValueType, tuple[str, ...]]] = []
    for one in predictors:
        if one.type is ValueType.TEXT:
            common = _common([[known.get(one.name)] for known in facts], LEVELS_MAX)
            columns.append((one.name, one.type, tuple(map(mark_of, common))))
        elif one.type is ValueType.TEXTS:
            items = _common([known.get(one.name) for known in facts], ITEMS_MAX)
            columns += [(one.name, one.type, (mark_of(item),)) for item in items]
        else:
            columns.append((one.name, one.type, ()))
    tables: list[dict[str, int]] = [{} for _ in range(PARTS)]
    codes: dict[tuple[str, str, str, str], tuple[int, int, int, int]] = {}
    for key in sorted(set(keys), key=_names):
        group, action, channel, treatment = (
            table.setdefault(name, len(table) + 1) for table, name in zip(tables, _names(key), strict=True)
        )
        codes[_names(key)] = (group, action, channel, treatment)
    return Frame(tuple(columns), codes)


def frame_from(described: object) -> Frame:
    """Read what `Frame.described` gave.

    Raises:
        ValueError: it is something else.
    """
    try:
        assert isinstance(described, dict)
        columns = tuple(
            (str(name), ValueType(kind), tuple(as_mark(str(level)) for level in levels))
            for name, kind, levels in described["columns"]
        )
        codes = {
            (str(group), str(action), str(channel), str(treatment)): (int(a), int(b), int(c), int(d))
            for group, action, channel, treatment, a, b, c, d in described["codes"]
        }
    except (AssertionError, KeyError, TypeError, ValueError) as error:
        raise ValueError("trees: what their columns mean cannot be read") from error
    if any(kind is ValueType.TEXTS and len(levels) != 1 for _, kind, levels in columns):
        raise ValueError("trees: a column of a list needs one item")
    return Frame(columns, codes)


def _names(key: CandidateKey) -> tuple[str, str, str, str]:
    return key.group, key.action, key.channel, key.treatment


def _common(values: Sequence[object], limit: int) -> list[str]:
    counts = Counter(
        item
        for items in values
        if isinstance(items, list)
        for item in items
        if isinstance(item, str) and len(item) <= LEVEL_LENGTH_MAX and _is_storable(item)
    )
    return sorted(sorted(counts), key=lambda item: -counts[item])[:limit]


def _is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _value(value: Value | None, kind: ValueType, levels: tuple[str, ...], now: Value | None) -> float:
    if value is None:
        return 0.0 if kind is ValueType.TEXT else math.nan
    if kind is ValueType.TEXT:
        mark = mark_of(value) if isinstance(value, str) else ""
        return float(levels.index(mark) + 1) if mark in levels else 0.0
    if kind is ValueType.TEXTS:
        items = value if isinstance(value, list) else []
        is_there = any(mark_of(item) == levels[0] for item in items if isinstance(item, str))
        return float(is_there) if isinstance(value, list) else math.nan
    if kind is ValueType.TIMESTAMP:
        if not (isinstance(value, datetime) and isinstance(now, datetime)):
            return math.nan
        if (value.tzinfo is None) != (now.tzinfo is None):
            return math.nan
        return (now - value).total_seconds() / DAY_SECONDS
    if not isinstance(value, bool | int | float) or not -MAGNITUDE_MAX <= value <= MAGNITUDE_MAX:
        return math.nan
    return float(value)
