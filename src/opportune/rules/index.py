"""The index: all conditions on one set of facts by one look-up and one OR per expression.

Notation
    n       distinct conditions that have clauses
    R, W    rows of the table, 64-bit words of a row
    bit i   of a row, i < n: condition i is dead, since a clause with one feature does not hold;
            bit n is never dead, bit n + 1 always
    slot    a bit behind them: a clause with several features holds; slots lie in layers, each of which begins a word
            and has one for each of the first conditions, which are sorted so that those with most such clauses come
            first; slots of the last word that belong to no condition always hold
    word    OR of the rows that the features' values select

Per feature the rows are made beforehand: for numbers one per interval between cuts, for texts one per value.
A condition passes when its bit is not dead and all its slots hold.
Facts are expected to have the types of their attributes; a value of another type is ill and passes nothing but known().
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.records import Facts
from opportune.rules.clauses import NUMERIC, Clause, Feature
from opportune.rules.closures import Closure
from opportune.rules.masks import WORD, Asked, LineRows, ListRows, Table
from opportune.rules.sets import Listed, ValueSet, meet
from opportune.rules.side import PROFILE, Side
from opportune.rules.values import EPOCH, NoValue

__all__ = ["Index", "dead_words", "line_row", "list_row"]

Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]


class Index:
    """Rows of many conditions.

    Args:
        conditions: clauses of each; none is without clauses.
        closures: of every feature that is no plain variable.

    Attributes:
        order: condition of every bit.
        table: uint64 [R, W].
        words: words that hold the n + 2 bits before the slots.
        layers: int64 [L, 2], first word of every layer of slots and number of its words.
    """

    def __init__(self, conditions: Sequence[Sequence[Clause]], closures: Mapping[Feature, Closure]) -> None:
        split = [_split(clauses) for clauses in conditions]
        self.order = sorted(range(len(split)), key=lambda i: -len(split[i][1]))
        self.n = len(split)
        depth = max((len(slots) for _, slots in split), default=0)
        widths = [sum(len(slots) > j for _, slots in split) for j in range(depth)]
        self.words = _words(self.n + 2)
        starts = [self.words + sum(map(_words, widths[:j])) for j in range(depth)]
        self.layers = np.array([*zip(starts, map(_words, widths), strict=True)], dtype=np.int64).reshape(-1, 2)
        always = 1 << (self.n + 1)
        for start, width in zip(starts, widths, strict=True):
            always |= ((1 << _words(width) * WORD) - (1 << width)) << start * WORD
        table = Table(always, self.words + sum(map(_words, widths)))
        asked, members = self._ask(split, starts)
        self.members = table.add_members(members)
        self._arrange(asked, closures, table)
        self.table = table.packed()

    def _ask(
        self, split: Sequence[tuple[dict[Feature, ValueSet], list[Clause]]], starts: Sequence[int]
    ) -> tuple[dict[Feature, list[Asked]], list[tuple[str, str, int, bool]]]:
        """Sort what is asked by feature; entries of lists apart, as (list, entry, bit, wants the entry)."""
        asked: dict[Feature, list[Asked]] = defaultdict(list)
        members: list[tuple[str, str, int, bool]] = []
        for bit, condition in enumerate(self.order):
            single, slots = split[condition]
            for feature, values in single.items():
                if feature.variable is not None and feature.entry is not None:
                    members.append((feature.variable, feature.entry, bit, False))
                else:
                    asked[feature].append((bit, False, values))
            for start, clause in zip(starts, slots, strict=False):
                slot = start * WORD + bit
                for feature, values in clause.items():
                    if feature.variable is not None and feature.entry is not None and values == HAS:
                        members.append((feature.variable, feature.entry, slot, True))
                    else:
                        asked[feature].append((slot, True, values))
        return asked, members

    def _arrange(
        self, asked: Mapping[Feature, Sequence[Asked]], closures: Mapping[Feature, Closure], to: Table
    ) -> None:
        """Sort the features by the way their values are looked up."""
        self.numbers: list[tuple[str, type, LineRows]] = []
        self.listed: list[tuple[str, type, ListRows]] = []
        self.moments: list[tuple[str, LineRows, list[datetime]]] = []
        self.computed_lines: list[tuple[Feature, Closure, LineRows]] = []
        self.computed_lists: list[tuple[Feature, Closure, ListRows]] = []
        for feature, questions in sorted(asked.items(), key=lambda item: item[0].key):
            plain = feature.variable if feature.entry is None else None
            if feature.kind in NUMERIC:
                lines = to.add_lines(questions)
                if plain is None:
                    self.computed_lines.append((feature, closures[feature], lines))
                elif feature.kind == "timestamp":
                    self.moments.append((plain, lines, _moments(lines)))
                else:
                    self.numbers.append((plain, float if feature.kind == "double" else int, lines))
            else:
                listed = to.add_list(questions)
                if plain is None:
                    self.computed_lists.append((feature, closures[feature], listed))
                else:
                    self.listed.append((plain, bool if feature.kind == "bool" else str, listed))
        self._lay_side_by_side()

    def _lay_side_by_side(self) -> None:
        """Part what a profile alone says from what is only known with the request."""
        sides = []
        for is_profile in (True, False):
            sides.append(
                Side(
                    [number for number in self.numbers if number[0].startswith(PROFILE) is is_profile],
                    [one for one in self.listed if one[0].startswith(PROFILE) is is_profile],
                    [moment for moment in self.moments if moment[0].startswith(PROFILE) is is_profile],
                    [member for member in self.members if member.variable.startswith(PROFILE) is is_profile],
                )
            )
        self._profile, self._request = sides
        asked = [name for name, *_ in (*self.numbers, *self.listed, *self.moments)]
        asked += [member.variable for member in self.members]
        is_known = all(name.startswith(PROFILE) for name in asked)
        # Where a profile says all, only the first row is left, which always counts.
        self._no_later = _places([0]) if is_known and not self.computed_lines and not self.computed_lists else None

    def rows(self, facts: Facts) -> Places:
        """Give the rows that the facts select, int64."""
        return _places(self._profile.rows(facts) + self._later(facts))

    def prior(self, profile: Facts) -> Words:
        """Give the OR of the rows that the facts "customer.<name>" select, uint64 [W]."""
        word: Words = np.bitwise_or.reduce(self.table.take(_places(self._profile.rows(profile)), axis=0), axis=0)
        return word

    def later(self, facts: Facts) -> Places:
        """Give the rows that the other facts select, and what is computed of any, int64."""
        return _places(self._later(facts)) if self._no_later is None else self._no_later

    def _later(self, facts: Facts) -> list[int]:
        rows = [0, *self._request.rows(facts)]
        for _, closure, lines in self.computed_lines:
            rows.append(line_row(closure(facts, {}), lines))
        for _, closure, listed in self.computed_lists:
            rows.append(list_row(closure(facts, {}), listed))
        return rows

    def alive(self, rows: Places) -> npt.NDArray[np.bool_]:
        """Give for every bit whether its condition passes; behind them one that always and one that never passes."""
        alive = np.invert(dead_words(self.table, rows, self.table[0], self.words, self.layers))
        return np.unpackbits(alive.view(np.uint8), bitorder="little").view(np.bool_)


HAS = Listed(frozenset((True,)))
HAS_NOT = HAS.invert()


def dead_words(table: Words, rows: Places, prior: Words, words: int, layers: Places) -> Words:
    """Give the bits of the conditions that do not pass, uint64 [words].

    Args:
        prior: uint64 [W], OR of further rows.
    """
    word: Words = np.bitwise_or.reduce(table.take(rows, axis=0), axis=0) | prior
    dead, slots = word[:words], ~word
    for start, size in layers.tolist():
        part = dead[:size]
        part |= slots[start : start + size]
    return dead


def _places(rows: list[int]) -> Places:
    return np.frombuffer(array("q", rows), dtype=np.int64)


def _words(bits: int) -> int:
    return -(-bits // WORD)


def line_row(value: Any, lines: LineRows) -> int:
    """Give the row of what a closure came to."""
    if isinstance(value, NoValue):
        return lines.missing
    return lines.first + bisect_right(lines.cuts, value) if value == value else lines.nan


def list_row(value: Any, listed: ListRows) -> int:
    """Give the row of what a closure came to."""
    return listed.missing if isinstance(value, NoValue) else listed.rows.get(value, listed.other)


def _split(clauses: Iterable[Clause]) -> tuple[dict[Feature, ValueSet], list[Clause]]:
    """Separate clauses with one feature, joined per feature, from the others.

    That a list has an entry can only be looked up as a slot: rows say what an entry that is there adds.
    """
    single: dict[Feature, ValueSet] = {}
    slots: list[Clause] = []
    for clause in clauses:
        if len(clause) > 1:
            if clause not in slots:
                slots.append(clause)
            continue
        ((feature, values),) = clause.items()
        single[feature] = meet(single[feature], values) if feature in single else values
    for feature in [feature for feature in single if feature.entry is not None]:
        if single[feature] == HAS or single[feature] != HAS_NOT:
            slots.append({feature: single.pop(feature)})
    return single, slots


def _moments(lines: LineRows) -> list[datetime]:
    """Give the cuts as times; facts have microseconds, so a cut between two rounds up."""
    moments = []
    for cut in lines.cuts:
        try:
            moments.append(EPOCH + timedelta(microseconds=-(-int(cut) // 1000)))
        except OverflowError:
            break  # nothing lies beyond the year 9999
    return moments
