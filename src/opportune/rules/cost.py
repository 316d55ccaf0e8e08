"""Bounds on the steps that a rule can take and on the values that it can make, from the sizes of its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

from opportune.rules.tree import Call, Comprehension, Const, Ident, ListOf, MapOf, Node, Select, children

__all__ = ["COST_MAX", "SIZE_MAX", "STEPS_MAX", "TEXTS_MAX", "Bound", "bound"]

COST_MAX = 10_000
"""Steps that a rule may need at most; one step is about 0.2 µs in closures."""
SIZE_MAX = 100_000
"""Characters and entries that one value may have at most, entries of entries included."""
STEPS_MAX = 20_000
"""Turns of loops that one evaluation may take, where lists are longer than TEXTS_MAX."""
TEXTS_MAX = 100
"""Entries that a list of texts is taken to have."""
LENGTH_MAX = 200
"""Characters that a text is taken to have."""

_PATTERN_COST = 20
"""Steps that matching a regular expression counts for."""
_COPIED_IN_A_STEP = 100
"""Characters or entries that are copied in the time of one step."""
_WRITTEN = 40
"""Characters of the longest number or moment written as text."""
_SCALARS = frozenset(("bool", "int", "uint", "double", "null", "timestamp", "duration", "type"))


@dataclass(frozen=True, slots=True)
class _Size:
    """Most characters or entries that a value can have, and the size of its largest entry."""

    length: int
    entry: _Size | None = None

    @property
    def total(self) -> int:
        """Characters and entries, those of entries included."""
        return max(1, self.length) if self.entry is None else 1 + self.length * self.entry.total


_ONE = _Size(1)
_TEXT = _Size(LENGTH_MAX)
_TEXTS = _Size(TEXTS_MAX, _TEXT)


@dataclass(frozen=True, slots=True)
class Bound:
    """What evaluating a tree needs at most.

    Args:
        steps: that it takes.
        size: characters and entries of the largest value on the way.
    """

    steps: int
    size: int


def bound(node: Node) -> Bound:
    """Give the most that evaluating the tree can need."""
    measure = _Measure()
    steps, _ = measure.of(node, {})
    return Bound(steps, measure.largest)


class _Measure:
    """Walks a tree once; `largest` is the total of the largest value met."""

    def __init__(self) -> None:
        self.largest = 0

    def of(self, node: Node, local: Mapping[str, _Size]) -> tuple[int, _Size]:
        """Give the steps of a node and the size of its value; `local` has the sizes of loop variables."""
        if isinstance(node, Comprehension):
            steps, size = self._loop(node, local)
        else:
            parts = [self.of(part, local) for part in children(node)]
            sizes = [size for _, size in parts]
            size = _ONE if node.type in _SCALARS else _size(node, sizes, local)
            steps = _own_steps(node, sizes, size) + sum(steps for steps, _ in parts)
        self.largest = max(self.largest, size.total)
        return steps, size

    def _loop(self, node: Comprehension, local: Mapping[str, _Size]) -> tuple[int, _Size]:
        steps, places = self.of(node.range, local)
        first, start = self.of(node.init, local)
        inside = {**local, node.variable: places.entry or _ONE, node.accumulator: start}
        condition, _ = self.of(node.condition, inside)
        step, added = self.of(node.step, inside)
        # What loops expand to adds at most one entry in a turn to the list that they gather; "@result" is its name,
        # which no rule can write.
        gathered = _Size(added.length * places.length, added.entry) if added.entry else added
        result, size = self.of(node.result, {**inside, node.accumulator: gathered})
        return 1 + steps + first + places.length * (condition + step) + result, size


def _own_steps(node: Node, sizes: list[_Size], size: _Size) -> int:
    """Give the steps of a node itself, without those of its parts."""
    match node:
        case Call(function="matches"):
            return _PATTERN_COST
        case Call(function="@in", args=(_, places)) if not isinstance(places, ListOf):
            return 1 + sizes[1].length // 10
        case Call(function="_+_"):
            return 1 + size.length // _COPIED_IN_A_STEP
        case _:
            return 1


def _size(node: Node, sizes: list[_Size], local: Mapping[str, _Size]) -> _Size:
    """Give the size of a node's value from the sizes of its parts."""
    match node:
        case Const(value=str(text)):
            return _Size(len(text))
        case Ident(name=name, type=kind):
            return local.get(name, _TEXTS if kind.startswith("list") else _TEXT)
        case ListOf() | MapOf():
            return _Size(len(sizes), reduce(_either, sizes) if sizes else None)
        case Select():
            return sizes[0].entry or _TEXT
        case Call(function="_[_]"):
            return sizes[0].entry or _TEXT
        case Call(function="_?_:_"):
            return _either(sizes[1], sizes[2])
        case Call(function="_+_", args=(_, _)):
            entries = _either(*sizes)
            return _Size(sizes[0].length + sizes[1].length, entries.entry)
        case Call(function="dyn"):
            return sizes[0]
        case _:
            # No other function makes a list, or a text longer than what it is given and a number written out.
            return _Size(sum(size.total for size in sizes) + _WRITTEN)


def _either(one: _Size, other: _Size) -> _Size:
    """Give the size that covers both."""
    entry = one.entry or other.entry
    if one.entry and other.entry:
        entry = _either(one.entry, other.entry)
    return _Size(max(one.length, other.length), entry)
