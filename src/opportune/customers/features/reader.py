"""From rows to values: the features of one level, over its events or over its contacts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opportune.customers.features.feature import Feature
from opportune.customers.features.kinds import Kind
from opportune.customers.features.layout import Rows, Settled
from opportune.customers.features.series import Series, Span
from opportune.records import Value

__all__ = ["EVER", "Explained", "Reader", "Task"]

EVER = -(2**62)
"""Where a window begins that has no beginning."""
_NONE = Series(has_values=True)


@dataclass(frozen=True, slots=True)
class Explained:
    """How a feature came to its value.

    Args:
        feature: its name.
        action: whose value it is, of features per action; else "".
        value: None is missing.
        since, until: the window in microseconds since 1970: after `since`, None is ever, up to `until`.
        counted: how many events or contacts went into it; those of the window before, and what follows, included.
    """

    feature: str
    action: str
    value: Value | None
    since: int | None
    until: int
    counted: int


@dataclass(frozen=True, slots=True)
class Task:
    """One feature of a level: where its events are laid out and where its windows begin.

    Args:
        row, then: of what it counts, and of what follows in a sequence; -1 for none.
        window, before: places of its window, and of the one that reaches twice as far back.
        actions: action → key of its value, of features per action.
    """

    feature: Feature
    kind: Kind
    row: int
    then: int
    window: int
    before: int
    actions: Mapping[str, str]

    @property
    def keys(self) -> Mapping[str, str]:
        """Action → key of the value; "" for that of a feature that has one."""
        return self.actions if self.feature.per_action else {"": self.feature.key}


class _Group:
    """Features that count the same: their windows lie alike in the same rows."""

    __slots__ = ("first", "keys", "tasks")

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.first = tasks[0]
        self.tasks = tasks
        self.keys = [task.feature.key for task in tasks]

    def settle(self, series: Series, thens: Series, bounds: tuple[int, ...], zone: str) -> Settled:
        """Make of what counts what stays as long as the same counts."""
        values: dict[str, Value] = {}
        missing: list[str] = []
        passing: list[tuple[Task, str, Any]] = []
        spans = _spans(series, thens, bounds)
        for task, key in zip(self.tasks, self.keys, strict=True):
            settled = task.kind.settle(task.feature, spans, zone)
            if settled is None:
                missing.append(key)
            elif task.kind.passing is None:
                values[key] = settled
            else:
                passing.append((task, key, settled))
        return bounds, values, tuple(missing), tuple(passing)


class Reader:
    """Computes features; those of one level whose sources are all events, or all contacts."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = tasks
        alike: dict[tuple[Any, ...], list[Task]] = {}
        for task in tasks:
            if not task.feature.per_action:
                alike.setdefault((task.row, task.then, task.window, task.before, task.kind.spans), []).append(task)
        self._groups = [_Group(group) for group in alike.values()]
        self._apart = [task for task in tasks if task.feature.per_action]
        self._nothing: dict[str, Value] = {
            key: task.kind.nothing for task in tasks if task.kind.nothing is not None for key in task.keys.values()
        }
        """What every feature is where nothing counts."""
        self._by_row: dict[int, list[int]] = {}
        for place, group in enumerate(self._groups):
            for row in (group.first.row, group.first.then):
                self._by_row.setdefault(row, []).append(place)

    def read(self, rows: Rows, begins: Sequence[int], at: int, found: dict[str, Value]) -> None:
        """Put the values into `found`.

        What a feature came to is kept with the rows, and used again as long as the same events lie in its windows.
        """
        found.update(self._nothing)
        memory = rows.memory
        for row in rows.touched:
            for place in self._by_row.get(row, ()):
                memory.pop(place, None)
        rows.touched.clear()
        for place, group in enumerate(self._groups):
            task = group.first
            series = rows.rows[task.row]
            if series is None:
                continue
            assert isinstance(series, Series)
            thens = _series(rows, task.then)
            bounds = _bounds(task, series, thens, begins, at)
            if bounds is None:
                continue
            known = memory.get(place)
            if known is None or known[0] != bounds:
                known = memory[place] = group.settle(series, thens, bounds, rows.zone)
            found.update(known[1])
            for key in known[2]:
                found.pop(key, None)
            for each, key, settled in known[3]:
                _tell(found, each, key, settled, at)
        for task in self._apart:
            for action, series, thens in _parts(rows, task):
                bounds = _bounds(task, series, thens, begins, at)
                if bounds is not None:
                    settled = task.kind.settle(task.feature, _spans(series, thens, bounds), rows.zone)
                    _tell(found, task, task.actions[action], settled, at)

    def explain(self, rows: Rows, begins: Sequence[int], at: int, values: Mapping[str, Value]) -> Iterator[Explained]:
        """Say how the values that were read came about."""
        for task in self._tasks:
            counted = dict.fromkeys(task.keys, 0)
            for action, series, thens in _parts(rows, task):
                bounds = _bounds(task, series, thens, begins, at)
                spans = [] if bounds is None else _spans(series, thens, bounds)
                counted[action] = sum(map(len, spans))
            begin = begins[task.window]
            since = None if begin == EVER else begin
            for action, key in task.keys.items():
                yield Explained(task.feature.name, action, values.get(key), since, at, counted[action])


def _parts(rows: Rows, task: Task) -> Iterator[tuple[str, Series, Series]]:
    """Give the series that a feature counts, by action where it has a value for each that has something."""
    row = rows.rows[task.row]
    if isinstance(row, dict):
        thens = rows.rows[task.then] if task.then >= 0 else None
        for action, series in row.items():
            if action in task.actions:
                yield action, series, thens.get(action, _NONE) if isinstance(thens, dict) else _NONE
    elif row is not None:
        yield "", row, _series(rows, task.then)


def _series(rows: Rows, row: int) -> Series:
    series = rows.rows[row] if row >= 0 else None
    return series if isinstance(series, Series) else _NONE


def _bounds(task: Task, series: Series, thens: Series, begins: Sequence[int], at: int) -> tuple[int, ...] | None:
    """Give where the windows lie in the series; None where nothing counts."""
    ats = series.ats
    end = bisect_right(ats, at) if ats[-1] > at else len(ats)
    begin = begins[task.window]
    first = bisect_right(ats, begin, 0, end) if ats[0] <= begin else 0
    spans = task.kind.spans
    if spans == "before":
        start = bisect_right(ats, begins[task.before], 0, first)
        return None if start == end else (start, first, end)
    if first == end:
        return None
    if spans == "one":
        return first, end
    span = thens.span(begin, at)
    return first, end, span.first, span.end


def _spans(series: Series, thens: Series, bounds: tuple[int, ...]) -> tuple[Span, ...]:
    match bounds:
        case (first, end):
            return (Span(series, first, end),)
        case (start, first, end):
            return Span(series, first, end), Span(series, start, first)
        case _:
            first, end, then, last = bounds
            return Span(series, first, end), Span(thens, then, last)


def _tell(found: dict[str, Value], task: Task, key: str, settled: Any, at: int) -> None:
    """Put a value into `found`, or take out what stands for nothing where it is missing."""
    if settled is None:
        found.pop(key, None)
    else:
        passing = task.kind.passing
        found[key] = settled if passing is None else passing(task.feature, settled, at)
