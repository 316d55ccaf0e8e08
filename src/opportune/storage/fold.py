"""What the tables must hold, folded from the journal: in one pass and in bounded memory.

A table is compared by an order-free digest of its rows: the sum of the rows' digests.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import msgspec

from opportune.storage.changes import ReservationFound
from opportune.storage.digests import encode
from opportune.storage.entries import Entry, to_microseconds
from opportune.storage.kinds import (
    ChangeBody,
    ConsentBody,
    DecisionBody,
    ErasureBody,
    EventBody,
    ForgetBody,
    Kind,
    MemberBody,
    MergeBody,
    ModelBody,
    OutcomeBody,
    ProfileBody,
    ReleaseBody,
    RevisionBody,
    SplitBody,
    SwitchBody,
)
from opportune.storage.reservations import Moved, ReservationState, StockCount

__all__ = ["LASTING", "PASSING", "Fold", "RowSum"]

_MODULUS = 1 << 128

PASSING = ("keys", "decisions", "outcomes", "windows", "erasures", "change_states", "reservations")
"""Tables whose rows go with their journal entries."""
LASTING = (
    "identifiers",
    "merges",
    "links",
    "profiles",
    "units",
    "consents",
    "tombstones",
    "revisions",
    "revision_entries",
    "stocks",
    "switches",
)
"""Tables whose rows stay when their journal entries go."""
COUNTERS = ("customers", "decisions", "outcomes", "events", "erased", "forgotten")
INTRODUCING = ProfileBody | EventBody | MergeBody | MemberBody | ConsentBody
"""Bodies that may introduce an identifier."""


class RowSum:
    """Order-free digest of a set of rows."""

    def __init__(self, count: int = 0, total: int = 0) -> None:
        self.count = count
        self.total = total

    def add(self, row: tuple[Any, ...], weight: int = 1) -> None:
        """Add a row as often as a weight says; -1 takes it away."""
        digest = blake2b(encode(row), digest_size=16).digest()
        self.total = (self.total + weight * int.from_bytes(digest, "little")) % _MODULUS
        self.count += weight

    def copy(self) -> RowSum:
        """Give the same sum, to be added to apart."""
        return RowSum(self.count, self.total)

    def agrees(self, other: RowSum) -> bool:
        """Say whether both are sums of the same rows."""
        return (self.count, self.total) == (other.count, other.total)


class _Summary(msgspec.Struct, frozen=True, array_like=True):
    """A fold as bytes: what dropped entries left in the tables that stay."""

    sums: dict[str, tuple[int, bytes]]
    models: dict[str, list[tuple[int, int, str]]]
    counters: dict[str, int]


class Fold:
    """What the tables must hold after the entries so far.

    Args:
        models_kept: states kept of every model name.
        beginning: sequence of the last entry that is no longer kept; what went with it is not expected.
        summary: of the entries up to `beginning`, as `summary()` gave it.

    Attributes:
        sums: of each table in `PASSING` and `LASTING`.
        models: name → (sequence, position, hash) of the kept states, the last adopted last.
        counters: name → count.
    """

    def __init__(self, models_kept: int, beginning: int = 0, summary: bytes = b"") -> None:
        self.sums = {name: RowSum() for name in (*PASSING, *LASTING)}
        self.models: dict[str, list[tuple[int, int, str]]] = {}
        self.counters = dict.fromkeys(COUNTERS, 0)
        self._models_kept = models_kept
        self._beginning = beginning
        self._open: dict[str, list[tuple[str, str, str, str, int]]] = {}
        """Open windows by decision; closed ones leave, so this holds what waits for an answer now."""
        if summary:
            kept = msgspec.msgpack.decode(summary, type=_Summary)
            self.sums |= {name: RowSum(count, int.from_bytes(total)) for name, (count, total) in kept.sums.items()}
            # Merges from before there were links stand as such.
            self.sums["links"] = self.sums["links"] if "links" in kept.sums else self.sums["merges"].copy()
            self.models = dict(kept.models)
            self.counters |= kept.counters

    def summary(self) -> bytes:
        """Give what the entries so far left in the tables that stay, as bytes."""
        sums = {name: (self.sums[name].count, self.sums[name].total.to_bytes(16)) for name in LASTING}
        return encode(_Summary(sums, self.models, self.counters))

    def add(self, entry: Entry, decision_sequence: int = 0) -> None:
        """Add the next entry.

        Args:
            decision_sequence: of the decision that an outcome answers; 0 where that is no longer kept, and the
                outcome's row went with it.
        """
        self.sums["keys"].add((entry.kind.value, entry.id, entry.sequence))
        body = entry.body
        match body:
            case DecisionBody():
                self._decision(entry, body)
            case OutcomeBody():
                self._outcome(entry, body, decision_sequence)
            case ErasureBody():
                for sequence in body.sequences:
                    if sequence > self._beginning:
                        self.sums["erasures"].add((sequence, entry.sequence))
                self.counters["erased"] += len(body.sequences)
            case RevisionBody():
                self.sums["revisions"].add((body.number, entry.revision, entry.sequence))
                self.sums["revision_entries"].add((entry.sequence, entry.digest))
            case ModelBody():
                states = self.models.setdefault(body.name, [])
                states.append((entry.sequence, body.position, body.hash))
                del states[: -self._models_kept]
            case ChangeBody():
                if body.hash:
                    self.sums["change_states"].add((entry.sequence, bytes.fromhex(body.hash)))
            case ReleaseBody():
                self._move(body.moved)
            case SwitchBody():
                if body.before is not None:
                    self.sums["switches"].add((body.target, *body.before), -1)
                self.sums["switches"].add((body.target, entry.sequence, body.off))
            case ProfileBody():
                before = body.version - 1 if body.before is None else body.before
                self._profile(entry.person, before, body.version)
                self.counters["customers"] += body.version == 1
            case MergeBody():
                self._merge(entry, body)
            case SplitBody():
                self._split(entry, body)
            case MemberBody():
                self._member(entry, body)
            case ConsentBody():
                self._consent(entry, body)
            case ForgetBody():
                self._forget(entry, body)
        if isinstance(body, INTRODUCING) and body.introduces is not None:
            person = body.link[1] if isinstance(body, MergeBody) and body.link is not None else entry.person
            self.sums["identifiers"].add((entry.sequence, person, body.introduces))
        self.counters["events"] += entry.kind is Kind.EVENT

    def _decision(self, entry: Entry, body: DecisionBody) -> None:
        decision = entry.decision or ""
        self.sums["decisions"].add((decision, entry.sequence))
        self.counters["decisions"] += 1
        for window in body.windows:
            row = (decision, window.action, window.treatment, window.outcome, to_microseconds(window.due_at))
            self.sums["windows"].add(row)
            self._open.setdefault(decision, []).append(row)
        for reserve in body.reserves:
            for part in ReservationFound.of(decision, entry.sequence, reserve).parts():
                self.sums["reservations"].add(part)
            self._take(reserve.stock, reserve.period, reserve.units, ReservationState.RESERVED)

    def _move(self, moved: Iterable[Moved]) -> None:
        for one in moved:
            # What went with its decision is not expected; its stock's count stays.
            if one.sequence > self._beginning:
                for state, sign in ((one.before, -1), (one.after, 1)):
                    row = (one.sequence, one.action, one.treatment, one.stock, state.value)
                    self.sums["reservations"].add(row, sign)
            self._take(one.stock, one.period, -one.units, one.before)
            self._take(one.stock, one.period, one.units, one.after)

    def _take(self, stock: str, period: str, units: int, state: ReservationState) -> None:
        """Count units that came into a state, or went out of it if they are negative."""
        count = StockCount(stock, period).moved(0, units, None, state)
        for part, weight in count.parts():
            self.sums["stocks"].add(part, weight)

    def _outcome(self, entry: Entry, body: OutcomeBody, decision_sequence: int) -> None:
        self._move(body.moved)
        self.counters["outcomes"] += body.joins or not (body.repeats or body.waits)
        # Before schema 2, what had no new effect had no row.
        if (decision_sequence or body.waits) and (entry.schema > 1 or not body.repeats):
            effect = (entry.decision, body.action, body.treatment, body.outcome)
            self.sums["outcomes"].add((*effect, entry.sequence, 0 if body.waits else decision_sequence))
        decision = entry.decision or ""
        if body.closes:
            self._close(decision, body)
        for window in body.reopened:
            row = (decision, window.action, window.treatment, window.outcome, to_microseconds(window.due_at))
            self.sums["windows"].add(row)
            self._open.setdefault(decision, []).append(row)

    def _close(self, decision: str, body: OutcomeBody) -> None:
        kept = []
        named = {(window.action, window.treatment) for window in body.closed}
        for row in self._open.pop(decision, ()):
            # Before schema 2, entries did not name the windows that they closed.
            is_old = not named and row[1] == body.action and (not body.expiry or row[2] == body.treatment)
            if is_old or row[1:3] in named:
                self.sums["windows"].add(row, -1)
            else:
                kept.append(row)
        if kept:
            self._open[decision] = kept

    def _profile(self, person: str | None, old: int, new: int) -> None:
        profiles = self.sums["profiles"]
        for version, sign in ((old, -1), (new, 1)):
            if version:
                profiles.add((person, version), sign)

    def _merge(self, entry: Entry, body: MergeBody) -> None:
        if body.link is not None:
            self.sums["links"].add((entry.sequence, *body.link, 0))
            self._regroup(body)
        elif entry.schema == 1 and body.absorbed is not None:
            self._profile(body.absorbed, body.versions[1], 0)
            self._profile(entry.person, body.versions[0], body.version)
            self.counters["customers"] -= all(body.versions)
            for sums in (self.sums["merges"], self.sums["links"]):
                for person in body.earlier:
                    sums.add((person, body.absorbed), -1)
                for person in (body.absorbed, *body.earlier):
                    sums.add((person, entry.person))

    def _regroup(self, body: MergeBody | SplitBody | ForgetBody) -> None:
        """Let persons stand for one another in another way."""
        for person, before, after in body.moves:
            for kept, sign in ((before, -1), (after, 1)):
                if kept:
                    self.sums["merges"].add((person, kept), sign)
        for person, old, new in body.rows:
            self._profile(person, old, new)
        self.counters["customers"] += body.customers

    def _split(self, entry: Entry, body: SplitBody) -> None:
        if not body.tells:
            self.sums["links"].add((body.merge, *body.link, 0), -1)
            self.sums["links"].add((body.merge, *body.link, entry.sequence))
            self._regroup(body)

    def _member(self, entry: Entry, body: MemberBody) -> None:
        units = self.sums["units"]
        if body.before is not None:
            units.add((entry.person, body.level, *body.before), -1)
        units.add((entry.person, body.level, body.unit, entry.sequence))
        if body.introduces_unit is not None:
            self.sums["identifiers"].add((entry.sequence, body.unit, body.introduces_unit))

    def _consent(self, entry: Entry, body: ConsentBody) -> None:
        consents, key = self.sums["consents"], (entry.person, body.channel, body.purpose)
        if body.before is not None:
            consents.add((*key, *body.before), -1)
        if not body.late:
            at = min(to_microseconds(entry.occurred_at), to_microseconds(entry.recorded_at))
            consents.add((*key, entry.sequence, int(body.given), at))

    def _forget(self, entry: Entry, body: ForgetBody) -> None:
        for table, rows in body.gone.items():
            for row in rows:
                self.sums[table].add(row, -1)
        self._regroup(body)
        for mark in body.marks:
            self.sums["tombstones"].add((mark, body.at, entry.sequence))
        for sequence in body.sequences:
            if sequence > self._beginning:
                self.sums["erasures"].add((sequence, entry.sequence))
        self.counters["erased"] += len(body.sequences)
        self.counters["forgotten"] += bool(body.persons)


def summed(rows: Iterable[tuple[Any, ...]]) -> RowSum:
    """Add up rows."""
    found = RowSum()
    for row in rows:
        found.add(row)
    return found
