"""How much one person teaches: a bound that a forger, a robot or an enthusiast cannot pass.

Within a period, a person teaches about an action by the answers to a few decisions, and by none behind those whose
"yes" are more than somebody like all others would say. What others say is told by everybody's first answer, of which
nobody has more than one. "Behind" and "first" go by the decisions: a "yes" comes at once and silence when its window
ends, so that by what came first those who decide often would teach hardly any "no". Formulas:
docs/concepts/outcomes.md.

The state belongs to the fold of the journal: it is part of every checkpoint, and its size is bounded.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from opportune.learning import Snapshot

__all__ = ["QUOTA", "Quota", "Terms", "joined", "parted"]

QUOTA = "quota"
"""Name under which the state is kept beside that of a model."""
PAIRS_MAX = 250_000
"""Pairs of person and action that are remembered; those that came first are forgotten first. With five answers each
they take 14 MB of a checkpoint."""
MARK_BYTES = 8
"""Of a decision that taught. Half of it is its name: who makes thousands must not hit upon that of one that did."""
NOES = 4
"""So many times as many decisions of one person teach as "yes" are learned."""
DAY = 86_400_000_000
"""In microseconds."""
TICK = 13
"""Moments of a period are kept in steps of 2 ** 13 microseconds: those of 366 days fit 32 bits."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What one person may teach about one action within one period.

    Args:
        answers: "yes" that are learned, at least 1; NOES times as many decisions.
        chance: where so many "yes" among so many answers, or more, would be rarer than this by chance, nothing more is
            learned; 0 is no bound.
        days: length of a period; periods are counted from 1970.
    """

    answers: int
    chance: float
    days: int


class Quota:
    """Which decisions of a person have taught about an action; a fold of the answers in journal order.

    Attributes:
        pairs: pairs of person and action of a period that are remembered.
    """

    def __init__(self) -> None:
        self._taught: dict[int, bytes] = {}
        """(hash of person and action, period) → eight bytes per decision, in their order: its moment in the period,
        31 bits of its hash, whether it said yes."""
        self._first: dict[str, list[int]] = {}
        """Action → first answers of all persons and periods, and how many of them said yes."""

    @property
    def pairs(self) -> int:
        return len(self._taught)

    def holds(self, terms: Terms, who: str, action: str, decision: str, at: int) -> bool:
        """Say whether a decision has taught.

        Args:
            at: moment of the decision in microseconds since 1970.
        """
        return _place(self._marks(_pair(terms, who, action, at)), _name(decision)) >= 0

    def admit(self, terms: Terms, who: str, action: str, decision: str, at: int, *, happened: bool) -> bool:
        """Say whether a decision may teach, and remember that it does, or no longer.

        One that taught silence may not say "yes" afterwards where it could not have said so at once.

        Args:
            happened: whether it says of any outcome that it happened.
        """
        pair, name = _pair(terms, who, action, at), _name(decision)
        before = self._marks(pair)
        place = _place(before, name)
        if place >= 0:
            others = before[:place] + before[place + 1 :]
            is_turned = happened and not before[place] & 1
            if is_turned and self._is_enough(terms, action, others, place, happened):
                self._keep(pair, action, before, others)
                return False
            after = [*before[:place], before[place] & ~1 | happened, *before[place + 1 :]]
        else:
            mark = at % (terms.days * DAY) >> TICK << 32 | name
            place = bisect_left(before, mark)
            if self._is_enough(terms, action, before, place, happened):
                return False
            after = [*before[:place], mark | happened, *before[place:]]
        self._keep(pair, action, before, after)
        return True

    def release(self, terms: Terms, who: str, action: str, decision: str, at: int) -> None:
        """Forget a decision that teaches nothing any more."""
        pair = _pair(terms, who, action, at)
        before = self._marks(pair)
        place = _place(before, _name(decision))
        if place >= 0:
            self._keep(pair, action, before, before[:place] + before[place + 1 :])

    def _marks(self, pair: int) -> list[int]:
        return array("Q", self._taught.get(pair, b"")).tolist()

    def _keep(self, pair: int, action: str, before: list[int], after: list[int]) -> None:
        """Remember who teaches now. Of somebody whose first answer went, or came late, another one is the first."""
        self._count(action, len(after[:1]) - len(before[:1]), _yes(after[:1]) - _yes(before[:1]))
        if after:
            self._taught[pair] = array("Q", after).tobytes()
        else:
            del self._taught[pair]
        if len(self._taught) > PAIRS_MAX:
            del self._taught[next(iter(self._taught))]

    def _is_enough(self, terms: Terms, action: str, marks: list[int], place: int, happened: bool) -> bool:
        """Say whether somebody may teach nothing more by a decision that comes at a place of those that taught."""
        # A "no" is judged by what was decided before it, else it would lose against every "yes" that came at once; a
        # "yes" by all that is known, else answers in turned order could never be too many.
        known = marks if happened else marks[:place]
        is_full = len(marks) >= NOES * terms.answers
        return is_full or _yes(known) >= terms.answers or self._is_odd(terms, action, known)

    def _count(self, action: str, answers: int, happened: int) -> None:
        first = self._first.setdefault(action, [0, 0])
        first[0] = max(0, first[0] + answers)
        first[1] = min(first[0], max(0, first[1] + happened))

    def _is_odd(self, terms: Terms, action: str, marks: list[int]) -> bool:
        """Say whether somebody like all others would hardly have said yes so often."""
        happened = _yes(marks)
        if not happened or not terms.chance:
            return False
        answers, yes = self._first.get(action, (0, 0))
        return _at_least(happened, len(marks), (yes + 1) / (answers + 2)) < terms.chance

    def copy(self) -> Quota:
        """Give another one that goes on from here."""
        other = Quota()
        other._taught = dict(self._taught)
        other._first = {action: list(first) for action, first in self._first.items()}
        return other

    def snapshot(self) -> Snapshot:
        """Copy the state."""
        return Snapshot(
            arrays={
                "pairs": np.array(list(self._taught), dtype=np.int64),
                "lengths": np.array([len(one) for one in self._taught.values()], dtype=np.int64),
                "marks": np.frombuffer(b"".join(self._taught.values()), dtype=np.int64).copy(),
                "first": np.array(list(self._first.values()), dtype=np.int64).reshape(-1, 2),
            },
            meta={"name": QUOTA, "actions": list(self._first)},
        )

    @classmethod
    def of(cls, snapshot: Snapshot) -> Quota:
        """Take over a state.

        Raises:
            ValueError: it is none.
        """
        if "taught" in snapshot.arrays:
            snapshot = _widened(snapshot)
        names = {"pairs", "lengths", "marks", "first"}
        if snapshot.meta.get("name") != QUOTA or set(snapshot.arrays) != names:
            raise ValueError("quota: these bytes are not its state")
        pairs, lengths = snapshot.arrays["pairs"].tolist(), snapshot.arrays["lengths"].tolist()
        taught = snapshot.arrays["marks"].astype(np.int64).tobytes()
        if len(pairs) != len(lengths) or any(one % MARK_BYTES for one in lengths) or len(taught) != sum(lengths):
            raise ValueError("quota: its state is damaged")
        quota, begin = cls(), 0
        for pair, length in zip(pairs, lengths, strict=True):
            quota._taught[pair] = taught[begin : begin + length]
            begin += length
        first, actions = snapshot.arrays["first"], snapshot.meta.get("actions")
        if not isinstance(actions, list) or first.shape != (len(actions), 2):
            raise ValueError("quota: its state is damaged")
        quota._first = {str(action): counts for action, counts in zip(actions, first.tolist(), strict=True)}
        return quota


def joined(state: Snapshot, quota: Quota) -> Snapshot:
    """Put the state of a quota beside that of the models that it belongs to; an empty one leaves no trace."""
    if not quota.pairs:
        return state
    copy = quota.snapshot()
    own = {f"{QUOTA}/{name}": values for name, values in copy.arrays.items()}
    return Snapshot({**state.arrays, **own}, {**state.meta, QUOTA: copy.meta["actions"]})


def parted(state: Snapshot) -> tuple[Snapshot, Quota]:
    """Take apart what `joined` put together.

    Raises:
        ValueError: the state of the quota is damaged.
    """
    if QUOTA not in state.meta:
        return state, Quota()
    own = {name.removeprefix(f"{QUOTA}/"): values for name, values in state.arrays.items() if name.startswith(QUOTA)}
    arrays = {name: values for name, values in state.arrays.items() if not name.startswith(QUOTA)}
    meta = {name: value for name, value in state.meta.items() if name != QUOTA}
    return Snapshot(arrays, meta), Quota.of(Snapshot(own, {"name": QUOTA, "actions": state.meta[QUOTA]}))


def _widened(old: Snapshot) -> Snapshot:
    """Widen the marks of earlier checkpoints, half of these: without a moment, they stand before all others."""
    lengths, taught = old.arrays["lengths"], old.arrays["taught"].astype("<i8").tobytes()
    marks = np.frombuffer(taught, dtype="<u4")[: int(lengths.sum()) // 4].astype(np.int64)
    kept = {name: old.arrays[name] for name in old.arrays if name != "taught"}
    return Snapshot({**kept, "lengths": lengths * 2, "marks": marks}, old.meta)


def _pair(terms: Terms, who: str, action: str, at: int) -> int:
    name = blake2b(f"{who}\0{action}".encode(errors="surrogatepass"), digest_size=4).digest()
    return int.from_bytes(name, "little") << 16 | (at // (terms.days * DAY) & 0xFFFF)


def _name(decision: str) -> int:
    """Give the part of a mark that tells a decision from others: 31 bits, above that of "yes"."""
    digest = blake2b(decision.encode(errors="surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest, "little") & ~1


def _at_least(happened: int, answers: int, rate: float) -> float:
    """Chance of so many "yes" or more among so many answers."""
    return sum(math.comb(answers, k) * rate**k * (1.0 - rate) ** (answers - k) for k in range(happened, answers + 1))


def _place(marks: list[int], name: int) -> int:
    """Find a decision among those that taught; -1 where it is not."""
    return next((place for place, mark in enumerate(marks) if mark & 0xFFFFFFFE == name), -1)


def _yes(marks: list[int]) -> int:
    return sum(mark & 1 for mark in marks)
