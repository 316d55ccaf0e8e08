"""The search: blocks make pairs, what is equal weighs them, and only the promising are read letter by letter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opportune.customers.identity.duplicates.blocks import blocks_of, pairs_in
from opportune.customers.identity.duplicates.fold import are_close_dates, are_close_names
from opportune.customers.identity.duplicates.people import SHARED, Compared, People, Person
from opportune.customers.identity.duplicates.proposals import Proposal
from opportune.customers.identity.duplicates.weigh import (
    CLOSE,
    DIFFERENT,
    EQUAL,
    UNKNOWN,
    Chances,
    chances_of,
    frequencies,
    posterior,
)

__all__ = ["Found", "search"]

Pairs = npt.NDArray[np.int64]
Levels = npt.NDArray[np.int8]
Reals = npt.NDArray[np.float64]

SAMPLE = 20_000
"""Random pairs by which it is told how often strangers have close values."""
PORTION = 500_000
"""Pairs that are weighed at a time."""
_WORDS = {EQUAL: "the same", CLOSE: "nearly the same", DIFFERENT: "different"}
_CLOSENESS: dict[str, Callable[[str, str], bool]] = {"name": are_close_names, "date": are_close_dates}


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Args:
        people: persons looked at.
        pairs: pairs that were compared.
        blocks_passed_over: blocks that were too large.
        proposals: the most likely first.
    """

    people: int
    pairs: int
    blocks_passed_over: int
    proposals: list[Proposal]


def search(
    compared: Iterable[Compared],
    persons: Iterable[Person],
    at_least: float,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Found:
    """Find persons who are likely one.

    Args:
        persons: each once.
        at_least: how likely a pair must be to be proposed, in (0, 1].
        told: takes the pairs weighed and about how many there are.
    """
    people = People(compared, persons)
    try:
        task = _Search(people, at_least)
        proposals = sorted(task.run(told), key=lambda one: (-one.likely, one.one, one.other))
        return Found(len(people), task.pairs, task.passed_over, proposals)
    finally:
        people.close()


class _Search:
    """One search over persons that are laid out."""

    def __init__(self, people: People, at_least: float) -> None:
        self.people = people
        self.at_least = at_least
        self.pairs = self.passed_over = 0
        self._shared: dict[str, Pairs] = {}
        self._frequencies = [frequencies(column, int(np.count_nonzero(column))) for column in people.columns]
        self._close = self._closeness()

    def run(self, told: Callable[[int, int], None]) -> Iterator[Proposal]:
        """Weigh the pairs of every family of blocks; a pair of several families counts once."""
        size = len(self.people)
        seen = np.zeros(0, dtype=np.int64)
        for name, values in blocks_of(self.people):
            pairs, passed_over = pairs_in(values, size)
            self.passed_over += passed_over
            if name in SHARED:
                self._shared[name] = pairs
            seen = np.union1d(seen, pairs)
        self.pairs = len(seen)
        for begin in range(0, self.pairs, PORTION):
            yield from self._weighed(seen[begin : begin + PORTION])
            told(min(begin + PORTION, self.pairs), self.pairs)

    def _closeness(self) -> list[float]:
        """Say per field how often two values of strangers are close."""
        size = len(self.people)
        fields = self.people.fields
        if size < 2 or not any(field.compare in _CLOSENESS for field in fields):
            return [1.0] * len(fields)
        draws = np.random.default_rng(1).integers(0, size, (min(SAMPLE, size * size), 2))
        close, known = [1.0] * len(fields), [2.0] * len(fields)
        for one, other in draws.tolist():
            texts = zip(fields, self.people.texts(one)[1], self.people.texts(other)[1], strict=True)
            for place, (field, a, b) in enumerate(texts):
                if one != other and a is not None and b is not None and field.compare in _CLOSENESS:
                    known[place] += 1
                    close[place] += a != b and _CLOSENESS[field.compare](a, b)
        return [share / of for share, of in zip(close, known, strict=True)]

    def _weighed(self, pairs: Pairs) -> Iterator[Proposal]:
        size = len(self.people)
        one, other = pairs // size, pairs % size
        levels: list[Levels] = []
        chances: list[Chances] = []
        strangers: list[tuple[Reals | float, float]] = []
        for field, column, (values, often), close in zip(
            self.people.fields, self.people.columns, self._frequencies, self._close, strict=True
        ):
            a, b = column[one], column[other]
            levels.append(np.where((a == 0) | (b == 0), UNKNOWN, np.where(a == b, EQUAL, DIFFERENT)).astype(np.int8))
            chances.append(chances_of(field.compare))
            places = np.searchsorted(values, a)
            strangers.append((often[np.minimum(places, len(often) - 1)] if len(often) else 1.0, close))
        for kind in SHARED:
            levels.append(self._shared_levels(kind, pairs, one, other))
            chances.append(chances_of(kind))
            strangers.append((2 / max(len(self.people), 2), 1.0))
        names = [place for place, field in enumerate(self.people.fields) if field.compare == "name"]
        likely = posterior(levels, chances, strangers, size, names)
        hoped = [self._hoped(place, level) for place, level in enumerate(levels)]
        best = posterior(hoped, chances, strangers, size, names)
        promising = np.flatnonzero((likely >= self.at_least) | (best >= self.at_least))
        if not len(promising):
            return
        self._read(promising, one, other, levels)
        chosen = [level[promising] for level in levels]
        shares = [(often if isinstance(often, float) else often[promising], close) for often, close in strangers]
        final = posterior(chosen, chances, shares, size, names)
        for place in np.flatnonzero(final >= self.at_least).tolist():
            index = promising[place]
            yield self._proposal(int(one[index]), int(other[index]), float(final[place]), [c[place] for c in chosen])

    def _hoped(self, place: int, level: Levels) -> Levels:
        """Give levels with what differs taken for close, where it may be."""
        is_text = place < len(self.people.fields) and self.people.fields[place].compare in _CLOSENESS
        return np.where(level == DIFFERENT, CLOSE, level).astype(np.int8) if is_text else level

    def _shared_levels(self, kind: str, pairs: Pairs, one: Pairs, other: Pairs) -> Levels:
        has = np.zeros(len(self.people), dtype=bool)
        has[self.people.several[kind].owner] = True
        level = np.where(has[one] & has[other], DIFFERENT, UNKNOWN)
        known = self._shared[kind]
        if len(known):
            places = np.minimum(np.searchsorted(known, pairs), len(known) - 1)
            level[known[places] == pairs] = EQUAL
        return level.astype(np.int8)

    def _read(self, promising: npt.NDArray[np.intp], one: Pairs, other: Pairs, levels: list[Levels]) -> None:
        """Look letter by letter at what differs."""
        for index in promising.tolist():
            if not any(
                levels[place][index] == DIFFERENT
                for place, field in enumerate(self.people.fields)
                if field.compare in _CLOSENESS
            ):
                continue
            texts = zip(self.people.texts(int(one[index]))[1], self.people.texts(int(other[index]))[1], strict=True)
            for place, (a, b) in enumerate(texts):
                close = _CLOSENESS.get(self.people.fields[place].compare)
                if close is not None and a is not None and b is not None and a != b and close(a, b):
                    levels[place][index] = CLOSE

    def _proposal(self, one: int, other: int, likely: float, levels: list[np.int8]) -> Proposal:
        names = [*(field.name for field in self.people.fields), *SHARED]
        reasons = tuple(f"{name}: {_WORDS[int(level)]}" for name, level in zip(names, levels, strict=True) if level)
        first, second = sorted((self.people.texts(one)[0], self.people.texts(other)[0]))
        return Proposal(one=first, other=second, likely=round(likely, 4), reasons=reasons)
