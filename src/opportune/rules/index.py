"""The index: all conditions on one set of facts by one look-up and one OR per expression.

Notation
    n       distinct conditions that have clauses
    bit i   of a mask, i < n: condition i is dead, since a clause with one feature does not hold
    slot    bit ≥ n: a clause with several features holds; slots lie in layers, layer j has one for each of the
            first width[j] conditions, which are sorted so that those with most such clauses come first
    word    OR of the masks that the features' values select

Per feature the masks are combined beforehand: for numbers one per interval between cuts, for texts one per value.
A condition passes when its bit is not dead and all its slots hold.
Facts are expected to have the types of their attributes; a value of another type is ill and passes nothing but known().
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from opportune.records import Facts
from opportune.rules.clauses import NUMERIC, Clause, Feature
from opportune.rules.closures import Closure
from opportune.rules.sets import Cut, Lines, Listed, Listing, ValueSet, meet
from opportune.rules.values import EPOCH, NUMBER_MAX, NoValue

__all__ = ["Index", "LineMasks", "ListMasks", "Member"]


@dataclass(frozen=True, slots=True)
class LineMasks:
    """masks[i] holds from cuts[i - 1] up to below cuts[i]."""

    cuts: list[Cut]
    masks: list[int]
    nan: int
    missing: int
    ill: int


@dataclass(frozen=True, slots=True)
class ListMasks:
    """One mask per listed value, `other` for all the rest."""

    masks: dict[Listing, int]
    other: int
    missing: int
    ill: int


@dataclass(frozen=True, slots=True)
class Member:
    """Masks of the entries of one list of texts; an entry that is there adds its mask, no list adds `missing`."""

    variable: str
    entries: dict[str, int]
    missing: int


_Asked = tuple[int, bool, ValueSet]
"""Bit, whether it is set where the value is in the set (a slot) or where it is not (dead), the set."""


class Index:
    """Masks of many conditions.

    Args:
        conditions: clauses of each; none is without clauses.
        closures: of every feature that is no plain variable.
    """

    def __init__(self, conditions: Sequence[Sequence[Clause]], closures: Mapping[Feature, Closure]) -> None:
        split = [_split(clauses) for clauses in conditions]
        self.order = sorted(range(len(split)), key=lambda i: -len(split[i][1]))
        self.n = len(split)
        depth = max((len(slots) for _, slots in split), default=0)
        self.widths = [sum(len(slots) > j for _, slots in split) for j in range(depth)]
        self.offsets = [self.n + sum(self.widths[:j]) for j in range(depth)]
        self._conditions = (1 << self.n) - 1
        self._living = (1 << (self.n + 1)) - 1
        self._bytes = (self.n + 9) // 8
        asked, members = self._ask(split)
        self.members = _member_masks(members)
        self._arrange(asked, closures)

    def _ask(
        self, split: Sequence[tuple[dict[Feature, ValueSet], list[Clause]]]
    ) -> tuple[dict[Feature, list[_Asked]], list[tuple[Feature, int, bool]]]:
        """Sort what is asked by feature; entries of lists apart, as (feature, bit, wants the entry)."""
        asked: dict[Feature, list[_Asked]] = defaultdict(list)
        members: list[tuple[Feature, int, bool]] = []
        for bit, condition in enumerate(self.order):
            single, slots = split[condition]
            for feature, values in single.items():
                if feature.entry is not None:
                    members.append((feature, bit, False))
                else:
                    asked[feature].append((bit, False, values))
            for j, clause in enumerate(slots):
                slot = self.offsets[j] + bit
                for feature, values in clause.items():
                    if feature.entry is not None and values == HAS:
                        members.append((feature, slot, True))
                    else:
                        asked[feature].append((slot, True, values))
        return asked, members

    def _arrange(self, asked: Mapping[Feature, Sequence[_Asked]], closures: Mapping[Feature, Closure]) -> None:
        """Sort the features by the way their values are looked up."""
        # Parts of the masks stand beside them, since fetching an attribute costs as much as a look-up.
        self.numbers: list[tuple[str, type, LineMasks, list[Cut], list[int]]] = []
        self.moments: list[tuple[str, LineMasks, list[datetime]]] = []
        self.listed: list[tuple[str, type, ListMasks, Callable[[Listing, int], int], int]] = []
        self.computed_lines: list[tuple[Feature, Closure, LineMasks]] = []
        self.computed_lists: list[tuple[Feature, Closure, ListMasks]] = []
        for feature, questions in sorted(asked.items(), key=lambda item: item[0].key):
            plain = feature.variable if feature.entry is None else None
            if feature.kind in NUMERIC:
                lines = _line_masks(questions)
                if plain is None:
                    self.computed_lines.append((feature, closures[feature], lines))
                elif feature.kind == "timestamp":
                    self.moments.append((plain, lines, _moments(lines)))
                else:
                    kind = float if feature.kind == "double" else int
                    self.numbers.append((plain, kind, lines, lines.cuts, lines.masks))
            else:
                listed = _list_masks(questions)
                if plain is None:
                    self.computed_lists.append((feature, closures[feature], listed))
                else:
                    kind_listed = bool if feature.kind == "bool" else str
                    self.listed.append((plain, kind_listed, listed, listed.masks.get, listed.other))

    def word(self, facts: Facts) -> int:
        """Look every feature up."""
        get = facts.get
        word = 0
        for name, kind, lines, cuts, masks in self.numbers:
            value = get(name)
            if type(value) is kind and value == value:
                word |= masks[bisect_right(cuts, value)]  # type: ignore[type-var]
            else:
                word |= _unusual_number(value, kind, lines)
        for name, kind, listed, mask_of, other in self.listed:
            value = get(name)
            if type(value) is kind:
                word |= mask_of(value, other)  # type: ignore[arg-type]
            else:
                word |= listed.missing if value is None else listed.ill
        for name, lines, moments in self.moments:
            value = get(name)
            if type(value) is datetime and value.tzinfo is not None:
                word |= lines.masks[bisect_right(moments, value)]
            else:
                word |= lines.missing if value is None else lines.ill
        for member in self.members:
            word |= member_mask(member, get(member.variable))
        return word | self._computed(facts) if self.computed_lines or self.computed_lists else word

    def _computed(self, facts: Facts) -> int:
        word = 0
        for _, closure, lines in self.computed_lines:
            value = closure(facts, {})
            if isinstance(value, NoValue):
                word |= lines.missing
            elif value == value:
                word |= lines.masks[bisect_right(lines.cuts, value)]
            else:
                word |= lines.nan
        for _, closure, listed in self.computed_lists:
            value = closure(facts, {})
            if isinstance(value, NoValue):
                word |= listed.missing
            else:
                word |= listed.masks.get(value, listed.other)
        return word

    def alive(self, word: int) -> npt.NDArray[np.bool_]:
        """Give for every bit whether its condition passes; behind them one that always and one that never passes."""
        dead = word & self._conditions
        for width, offset in zip(self.widths, self.offsets, strict=True):
            dead |= ~(word >> offset) & ((1 << width) - 1)
        living = (dead ^ self._living).to_bytes(self._bytes, "little")
        return np.unpackbits(np.frombuffer(living, dtype=np.uint8), bitorder="little").view(np.bool_)


HAS = Listed(frozenset((True,)))
HAS_NOT = Listed(frozenset((False,)))


def member_mask(member: Member, value: object) -> int:
    """Give the mask that a list of texts selects."""
    if not isinstance(value, list | tuple):
        return member.missing
    mask = 0
    entries = member.entries
    for entry in value:
        mask |= entries.get(entry, 0)
    return mask


def _unusual_number(value: object, kind: type, lines: LineMasks) -> int:
    """Look up what is no plain number of the expected type."""
    if value is None:
        return lines.missing
    if type(value) is float and kind is float:
        return lines.nan
    if type(value) is int and kind is float and abs(value) < NUMBER_MAX:
        return lines.masks[bisect_right(lines.cuts, float(value))]
    return lines.ill


def _split(clauses: Iterable[Clause]) -> tuple[dict[Feature, ValueSet], list[Clause]]:
    """Separate clauses with one feature, joined per feature, from the others.

    That a list has an entry can only be looked up as a slot: masks say what an entry that is there adds.
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


def _line_masks(questions: Sequence[_Asked]) -> LineMasks:
    """Sweep from below: every cut turns the bits of its sets over."""
    mask = nan = missing = ill = 0
    turns: dict[Cut, int] = defaultdict(int)
    for bit, is_slot, values in questions:
        if not isinstance(values, Lines):
            raise TypeError("numbers are asked for intervals")
        one = 1 << bit
        mask |= one if values.low is is_slot else 0
        nan |= one if values.nan is is_slot else 0
        missing |= one if values.missing is is_slot else 0
        ill |= one if values.ill is is_slot else 0
        for cut in values.cuts:
            turns[cut] ^= one
    cuts = sorted(turns)
    masks = [mask]
    for cut in cuts:
        mask ^= turns[cut]
        masks.append(mask)
    return LineMasks(cuts, masks, nan, missing, ill)


def _list_masks(questions: Sequence[_Asked]) -> ListMasks:
    other = missing = ill = 0
    turns: dict[Listing, int] = defaultdict(int)
    for bit, is_slot, values in questions:
        if not isinstance(values, Listed):
            raise TypeError("texts are asked for values")
        one = 1 << bit
        other |= one if values.rest is is_slot else 0
        missing |= one if values.missing is is_slot else 0
        ill |= one if values.ill is is_slot else 0
        for value in values.values:
            turns[value] ^= one
    return ListMasks({value: other ^ turn for value, turn in turns.items()}, other, missing, ill)


def _member_masks(asked: Iterable[tuple[Feature, int, bool]]) -> list[Member]:
    """An entry that is there fills the slots that want it, and kills the conditions that must not have it."""
    entries: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    missing: dict[str, int] = defaultdict(int)
    for feature, bit, is_slot in asked:
        if feature.variable is None or feature.entry is None:
            raise TypeError("entries are asked of a list")
        entries[feature.variable][feature.entry] |= 1 << bit
        if not is_slot:
            missing[feature.variable] |= 1 << bit
    return [Member(name, dict(masks), missing[name]) for name, masks in sorted(entries.items())]


def _moments(lines: LineMasks) -> list[datetime]:
    """Give the cuts as times; facts have microseconds, so a cut between two rounds up."""
    moments = []
    for cut in lines.cuts:
        try:
            moments.append(EPOCH + timedelta(microseconds=-(-int(cut) // 1000)))
        except OverflowError:
            break  # nothing lies beyond the year 9999
    return moments
