"""How much one person teaches: a bound that a forger, a robot or an enthusiast cannot pass.

Within a period, a person teaches about an action by the answers to a few decisions, and by none behind those whose
"yes" are more than somebody like all others would say. What others say is told by everybody's first answer, of which
nobody has more than one. Formulas: docs/concepts/outcomes.md.

The state belongs to the fold of the journal: it is part of every checkpoint, and its size is bounded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from opportune.learning import Snapshot

__all__ = ["QUOTA", "Quota", "Terms", "joined", "parted"]

QUOTA = "quota"
"""Name under which the state is kept beside that of a model."""
PAIRS_MAX = 250_000
"""Pairs of person and action that are remembered; those that came first are forgotten first. Some 9 MB at most."""
MARK_BYTES = 4
"""Of a decision that taught: who makes thousands must not hit upon the mark of one that did."""
DAY = 86_400_000_000
"""In microseconds."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What one person may teach about one action within one period.

    Args:
        answers: decisions whose answers are learned, at least 1.
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
        """(hash of person and action, period) → four bytes per decision: 31 bits of its hash, whether it said yes."""
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
        return _place(self._taught.get(_pair(terms, who, action, at), b""), _mark(decision)) >= 0

    def admit(self, terms: Terms, who: str, action: str, decision: str, at: int, *, happened: bool) -> bool:
        """Say whether a decision may teach, and remember that it does.

        Args:
            happened: whether it says of any outcome that it happened.
        """
        pair, mark = _pair(terms, who, action, at), _mark(decision)
        taught = self._taught.get(pair, b"")
        place = _place(taught, mark)
        said = (mark | happened).to_bytes(MARK_BYTES, "little")
        if place >= 0:
            if place == 0:
                self._count(action, 0, happened - (taught[0] & 1))
            self._taught[pair] = taught[:place] + said + taught[place + MARK_BYTES :]
            return True
        if len(taught) // MARK_BYTES >= terms.answers or self._is_odd(terms, action, taught):
            return False
        if not taught:
            self._count(action, 1, happened)
        self._taught[pair] = taught + said
        if len(self._taught) > PAIRS_MAX:
            del self._taught[next(iter(self._taught))]
        return True

    def release(self, terms: Terms, who: str, action: str, decision: str, at: int) -> None:
        """Forget a decision that teaches nothing any more."""
        pair = _pair(terms, who, action, at)
        taught = self._taught.get(pair, b"")
        place = _place(taught, _mark(decision))
        if place < 0:
            return
        left = taught[:place] + taught[place + MARK_BYTES :]
        if left:
            # Of somebody whose first answer went, the next one is the first.
            self._count(action, 0, (left[0] & 1) - (taught[0] & 1))
            self._taught[pair] = left
        else:
            self._count(action, -1, -(taught[0] & 1))
            del self._taught[pair]

    def _count(self, action: str, answers: int, happened: int) -> None:
        first = self._first.setdefault(action, [0, 0])
        first[0] = max(0, first[0] + answers)
        first[1] = min(first[0], max(0, first[1] + happened))

    def _is_odd(self, terms: Terms, action: str, taught: bytes) -> bool:
        """Say whether somebody like all others would hardly have said yes so often."""
        happened = sum(byte & 1 for byte in taught[::MARK_BYTES])
        if not happened or not terms.chance:
            return False
        answers, yes = self._first.get(action, (0, 0))
        return _at_least(happened, len(taught) // MARK_BYTES, (yes + 1) / (answers + 2)) < terms.chance

    def copy(self) -> Quota:
        """Give another one that goes on from here."""
        other = Quota()
        other._taught = dict(self._taught)
        other._first = {action: list(first) for action, first in self._first.items()}
        return other

    def snapshot(self) -> Snapshot:
        """Copy the state."""
        taught = b"".join(self._taught.values())
        return Snapshot(
            arrays={
                "pairs": np.array(list(self._taught), dtype=np.int64),
                "lengths": np.array([len(one) for one in self._taught.values()], dtype=np.int64),
                "taught": np.frombuffer(taught + bytes(-len(taught) % 8), dtype="<i8").astype(np.int64),
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
        names = {"pairs", "lengths", "taught", "first"}
        if snapshot.meta.get("name") != QUOTA or set(snapshot.arrays) != names:
            raise ValueError("quota: these bytes are not its state")
        pairs, lengths = snapshot.arrays["pairs"].tolist(), snapshot.arrays["lengths"].tolist()
        taught = snapshot.arrays["taught"].astype("<i8").tobytes()
        if len(pairs) != len(lengths) or min(lengths, default=0) < 0 or not 0 <= len(taught) - sum(lengths) < 8:
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


def _pair(terms: Terms, who: str, action: str, at: int) -> int:
    name = blake2b(f"{who}\0{action}".encode(errors="surrogatepass"), digest_size=4).digest()
    return int.from_bytes(name, "little") << 16 | (at // (terms.days * DAY) & 0xFFFF)


def _mark(decision: str) -> int:
    digest = blake2b(decision.encode(errors="surrogatepass"), digest_size=MARK_BYTES).digest()
    return int.from_bytes(digest, "little") & ~1


def _at_least(happened: int, answers: int, rate: float) -> float:
    """Chance of so many "yes" or more among so many answers."""
    return sum(math.comb(answers, k) * rate**k * (1.0 - rate) ** (answers - k) for k in range(happened, answers + 1))


def _place(taught: bytes, mark: int) -> int:
    """Find a decision among those that taught; -1 where it is not."""
    for place in range(0, len(taught), MARK_BYTES):
        if int.from_bytes(taught[place : place + MARK_BYTES], "little") & ~1 == mark:
            return place
    return -1
