"""Counts of what decisions had, in a bounded memory and with little work for each.

Notation:
    mask    one bit for each input, set where a decision had it
    plane   bit k of the counts of all inputs, as one whole number: adding a mask to all counts at once is a few
            operations on whole numbers, two on average, however many inputs there are
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from opportune.customers.quality.kinds import Kind
from opportune.records import Facts, Value

__all__ = ["Counts", "Tally", "added"]

FORMS_MAX = 1_000
"""Sets of keys, and of doubts, that are remembered at once."""
_SAID: Mapping[str, Kind] = {
    "stale": "stale",
    "late": "late",
    "unfit": "unfit",
    "out of range": "unfit",
    "unreadable": "unfit",
}
"""Word of a doubt → what is counted; of any other word the input is missing, which is counted anyhow."""


class Counts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What decisions had and lacked; counts of several processes add up.

    Args:
        since: when counting began.
        decisions: all of them; `known` of a person who was known.
        absent: input → decisions that lacked it, of those that could have had it: attributes and features of a person
            are only looked for where the person is known.
        doubts: kind → input → decisions that named it so.
        refused: input → values that were refused when they were to be stored or told.
    """

    since: datetime
    decisions: int = 0
    known: int = 0
    absent: dict[str, int] = {}
    doubts: dict[str, dict[str, int]] = {}
    refused: dict[str, int] = {}

    def base(self, name: str) -> int:
        """Count the decisions that could have had an input."""
        return self.decisions if name.startswith("context.") else self.known


class Tally:
    """Counts decisions as they are made.

    Args:
        names: of the inputs, such as "customer.age" or "feature.calls_7d".
    """

    def __init__(self, names: Sequence[str], since: datetime) -> None:
        self._names = tuple(names)
        self._bits = {name: 1 << place for place, name in enumerate(names)}
        self._since = since
        self._planes: list[int] = []
        self._decisions = self._known = self._refusals = 0
        self._masks: dict[tuple[str, ...], int] = {}
        self._context_masks: dict[tuple[str, ...], int] = {}
        self._doubted: Counter[tuple[str, ...]] = Counter()
        self._doubts: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    def mask(self, names: Iterable[str]) -> int:
        """Give the mask of inputs; what is not declared has no bit."""
        bits = self._bits
        mask = 0
        for name in names:
            mask |= bits.get(name, 0)
        return mask

    def note(
        self,
        profile: int,
        is_known: bool,
        gathered: Mapping[str, Value],
        said: Mapping[str, Value],
        doubts: tuple[str, ...],
    ) -> None:
        """Count one decision.

        Args:
            profile: mask of what is known of the person, which the caller remembers beside the profile.
            gathered: other facts, by their full names; said: of the context by the request, without prefix.
        """
        mask = profile
        if gathered:
            mask |= self._gathered(tuple(gathered))
        if said:
            mask |= self._said(tuple(said))
        self._decisions += 1
        self._known += is_known
        self._add(mask)
        if doubts:
            self._doubted[doubts] += 1
            if len(self._doubted) > FORMS_MAX:
                self._fold()

    def note_facts(self, facts: Facts, is_known: bool, doubts: tuple[str, ...]) -> None:
        """Count one recorded decision."""
        self.note(self.mask(facts), is_known, {}, {}, doubts)

    def refuse(self, name: str) -> None:
        """Count a value that was refused."""
        if name in self._bits:
            self._refused[name] += 1
            self._refusals += 1

    @property
    def changes(self) -> int:
        """How often something was counted; grows with every decision and refusal."""
        return self._decisions + self._refusals

    def counts(self) -> Counts:
        """Give what was counted so far."""
        self._fold()
        doubts: dict[str, dict[str, int]] = {}
        for said, count in self._doubts.items():
            name, _, word = said.rpartition(": ")
            if word in _SAID and name in self._bits:
                own = doubts.setdefault(_SAID[word], {})
                own[name] = own.get(name, 0) + count
        absent = {}
        for place, name in enumerate(self._names):
            had = sum((plane >> place & 1) << power for power, plane in enumerate(self._planes))
            lacked = (self._decisions if name.startswith("context.") else self._known) - had
            if lacked > 0:
                absent[name] = lacked
        return Counts(
            since=self._since,
            decisions=self._decisions,
            known=self._known,
            absent=absent,
            doubts=doubts,
            refused=dict(self._refused),
        )

    def _gathered(self, names: tuple[str, ...]) -> int:
        mask = self._masks.get(names)
        if mask is None:
            mask = _remember(self._masks, names, self.mask(names))
        return mask

    def _said(self, names: tuple[str, ...]) -> int:
        mask = self._context_masks.get(names)
        if mask is None:
            mask = _remember(self._context_masks, names, self.mask(f"context.{name}" for name in names))
        return mask

    def _add(self, mask: int) -> None:
        planes = self._planes
        for power, plane in enumerate(planes):
            planes[power] = plane ^ mask
            mask &= plane
            if not mask:
                return
        if mask:
            planes.append(mask)

    def _fold(self) -> None:
        for doubts, count in self._doubted.items():
            for one in doubts:
                self._doubts[one] += count
        self._doubted.clear()


def _remember(masks: dict[tuple[str, ...], int], names: tuple[str, ...], mask: int) -> int:
    if len(masks) >= FORMS_MAX:
        masks.clear()
    masks[names] = mask
    return mask


def added(parts: Collection[Counts]) -> Counts | None:
    """Add up the counts of processes; None where there are none."""
    if not parts:
        return None
    doubts: dict[str, Counter[str]] = {}
    for part in parts:
        for kind, counts in part.doubts.items():
            doubts.setdefault(kind, Counter()).update(counts)
    return Counts(
        since=min(part.since for part in parts),
        decisions=sum(part.decisions for part in parts),
        known=sum(part.known for part in parts),
        absent=_sum(part.absent for part in parts),
        doubts={kind: dict(counts) for kind, counts in doubts.items()},
        refused=_sum(part.refused for part in parts),
    )


def _sum(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(total)
