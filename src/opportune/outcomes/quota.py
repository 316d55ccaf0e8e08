"""How much one person teaches: a bound that a forger, a robot or an enthusiast cannot pass.

Within a period, a person teaches about an action by the answers to a few decisions, and by none behind the one that
first brought a "yes". A rule that stops by what came before leaves rates as they are: the expected number of "yes" is
the rate times the expected number of answers, wherever one stops.

The state belongs to the fold of the journal: it is part of every checkpoint, and its size is bounded.
"""

from __future__ import annotations

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
        happened: decisions with a "yes" among them, behind which nothing more is learned; 0 is no bound.
        days: length of a period; periods are counted from 1970.
    """

    answers: int
    happened: int
    days: int


class Quota:
    """Which decisions of a person have taught about an action; a fold of the answers in journal order.

    Attributes:
        pairs: pairs of person and action of a period that are remembered.
    """

    def __init__(self) -> None:
        self._taught: dict[int, bytes] = {}
        """(hash of person and action, period) → four bytes per decision: 31 bits of its hash, whether it said yes."""

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
            self._taught[pair] = taught[:place] + said + taught[place + MARK_BYTES :]
            return True
        if len(taught) // MARK_BYTES >= terms.answers or 0 < terms.happened <= sum(
            byte & 1 for byte in taught[::MARK_BYTES]
        ):
            return False
        self._taught[pair] = taught + said
        if len(self._taught) > PAIRS_MAX:
            del self._taught[next(iter(self._taught))]
        return True

    def release(self, terms: Terms, who: str, action: str, decision: str, at: int) -> None:
        """Forget a decision that teaches nothing any more."""
        pair = _pair(terms, who, action, at)
        taught = self._taught.get(pair, b"")
        place = _place(taught, _mark(decision))
        if place >= 0:
            left = taught[:place] + taught[place + MARK_BYTES :]
            if left:
                self._taught[pair] = left
            else:
                del self._taught[pair]

    def copy(self) -> Quota:
        """Give another one that goes on from here."""
        other = Quota()
        other._taught = dict(self._taught)
        return other

    def snapshot(self) -> Snapshot:
        """Copy the state."""
        taught = b"".join(self._taught.values())
        return Snapshot(
            arrays={
                "pairs": np.array(list(self._taught), dtype=np.int64),
                "lengths": np.array([len(one) for one in self._taught.values()], dtype=np.int64),
                "taught": np.frombuffer(taught + bytes(-len(taught) % 8), dtype="<i8").astype(np.int64),
            },
            meta={"name": QUOTA},
        )

    @classmethod
    def of(cls, snapshot: Snapshot) -> Quota:
        """Take over a state.

        Raises:
            ValueError: it is none.
        """
        names = {"pairs", "lengths", "taught"}
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
        return quota


def joined(state: Snapshot, quota: Quota) -> Snapshot:
    """Put the state of a quota beside that of the models that it belongs to; an empty one leaves no trace."""
    if not quota.pairs:
        return state
    own = {f"{QUOTA}/{name}": values for name, values in quota.snapshot().arrays.items()}
    return Snapshot({**state.arrays, **own}, {**state.meta, QUOTA: 1})


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
    return Snapshot(arrays, meta), Quota.of(Snapshot(own, {"name": QUOTA}))


def _pair(terms: Terms, who: str, action: str, at: int) -> int:
    name = blake2b(f"{who}\0{action}".encode(errors="surrogatepass"), digest_size=4).digest()
    return int.from_bytes(name, "little") << 16 | (at // (terms.days * DAY) & 0xFFFF)


def _mark(decision: str) -> int:
    digest = blake2b(decision.encode(errors="surrogatepass"), digest_size=MARK_BYTES).digest()
    return int.from_bytes(digest, "little") & ~1


def _place(taught: bytes, mark: int) -> int:
    """Find a decision among those that taught; -1 where it is not."""
    for place in range(0, len(taught), MARK_BYTES):
        if int.from_bytes(taught[place : place + MARK_BYTES], "little") & ~1 == mark:
            return place
    return -1
