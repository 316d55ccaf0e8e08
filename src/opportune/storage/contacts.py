"""What limits count of a person, read from the journal: contacts as they stand, of all who became one person.

Bodies are decoded narrowly, since a decision's holds far more than what was shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from opportune.errors import DamageError
from opportune.records import Contact
from opportune.storage.digests import digest_of
from opportune.storage.entries import Entry, to_microseconds
from opportune.storage.kinds import Body, DecisionBody, Kind, OutcomeBody, decode_parts
from opportune.storage.standing import UNSEEN, report_of, standing

__all__ = ["ContactRow", "Contacts", "read_contact_rows", "read_contacts", "read_rows"]

PAGE = 200
"""Entries read at a time: most persons have fewer within any window."""


class Contacts(NamedTuple):
    """What is known of a person's contacts.

    Args:
        last: sequence of the newest entry that changed them; 0 where there is none.
        contacts: in the order in which they happened.
    """

    last: int
    contacts: tuple[Contact, ...]


class ContactRow(NamedTuple):
    """An entry without its payload: the columns of `statements.CONTACT_COLUMNS`."""

    sequence: int
    kind: str
    schema: int
    id: str
    occurred_at: int
    recorded_at: int
    decision: str | None
    body: bytes
    body_digest: bytes


_RECORDED_AT = ContactRow._fields.index("recorded_at")


class _Shown(msgspec.Struct):
    action: str
    treatment: str


class _Placement(msgspec.Struct):
    name: str
    actions: tuple[_Shown, ...]


class _Decision(msgspec.Struct):
    """Of a `DecisionBody`, what was shown where."""

    channel: str
    placements: tuple[_Placement, ...]


class _Said(NamedTuple):
    """A report: as `report_of` takes it, and when it was recorded."""

    name: str
    at: int
    body: OutcomeBody
    recorded_at: int


_decode_decision = msgspec.msgpack.Decoder(_Decision).decode


def read_contacts(
    page: Callable[[int, int], Sequence[tuple[Any, ...]]], about: Callable[[set[str]], list[Entry]], since: int
) -> Contacts:
    """Read the contacts from a moment on.

    Args:
        page: gives rows of entries below a sequence, so many, the newest first.
        about: gives the entries of decisions and of their outcomes.
        since: microseconds since 1970.

    Raises:
        DamageError: an entry contradicts itself.
    """
    rows = [ContactRow(*row) for row in read_rows(page, since)]
    return Contacts(rows[0].sequence if rows else 0, read_contact_rows(rows, about, since))


def read_contact_rows(
    rows: Sequence[ContactRow], about: Callable[[set[str]], list[Entry]], since: int
) -> tuple[Contact, ...]:
    """Give the contacts from a moment on that rows tell of, in the order in which they happened.

    Args:
        rows: the newest first.
        about, since: as for `read_contacts`.
    """
    history = _History()
    for row in reversed(rows):
        history.take_row(row)
    if unknown := history.unknown():
        for entry in about(unknown):
            at, recorded_at = to_microseconds(entry.occurred_at), to_microseconds(entry.recorded_at)
            history.take(entry.sequence, entry.id, entry.decision, at, entry.body, recorded_at)
    return tuple(sorted((contact for contact in history.contacts() if contact.at >= since), key=lambda one: one.at))


def read_rows(page: Callable[[int, int], Sequence[tuple[Any, ...]]], since: int) -> list[tuple[Any, ...]]:
    """The newest entries, at least as far back as a moment; a row begins with the columns of `ContactRow`."""
    rows: list[tuple[Any, ...]] = []
    before = 2**63 - 1
    while True:
        found = page(before, PAGE)
        rows += found
        if len(found) < PAGE or found[-1][_RECORDED_AT] < since:
            return rows
        before = found[-1][0]


class _History:
    """Decisions and reports of one person."""

    def __init__(self) -> None:
        self._decisions: dict[str, tuple[int, _Decision | DecisionBody]] = {}
        self._reports: dict[str, dict[int, _Said]] = {}
        self._joined: set[str] = set()

    def take_row(self, row: ContactRow) -> None:
        """Check and take an entry as it is read for this."""
        if digest_of(row.body) != row.body_digest:
            raise DamageError(f"journal entry {row.sequence}: its body does not fit its digest")
        if row.kind == Kind.DECISION:
            body: _Decision | Body = _decode_decision(row.body)
        else:
            body, _ = decode_parts(Kind(row.kind), row.schema, row.body, None)
        self.take(row.sequence, row.id, row.decision, row.occurred_at, body, row.recorded_at)

    def take(
        self, sequence: int, name: str, decision: str | None, at: int, body: _Decision | Body, recorded_at: int
    ) -> None:
        """Take an entry; those that are neither a decision nor an outcome say nothing here."""
        if decision is None:
            return
        if isinstance(body, _Decision | DecisionBody):
            self._decisions[decision] = at, body
        elif isinstance(body, OutcomeBody) and body.joins:
            self._joined.add(decision)
        elif isinstance(body, OutcomeBody):
            self._reports.setdefault(decision, {})[sequence] = _Said(name, at, body, recorded_at)

    def unknown(self) -> set[str]:
        """Decisions that were made before all that was read, and those that reports had waited for."""
        return (self._reports.keys() - self._decisions.keys()) | self._joined

    def contacts(self) -> Iterable[Contact]:
        """What was shown, and the outcomes that stand."""
        said = {decision: _standing(list(reports.values())) for decision, reports in self._reports.items()}
        for decision, (at, body) in self._decisions.items():
            unseen = {told.body.action for told in said.get(decision, ()) if told.body.outcome == UNSEEN}
            for placement in body.placements:
                for shown in placement.actions:
                    if shown.action in unseen:
                        continue
                    yield Contact(at, "shown", shown.action, shown.treatment, body.channel, placement.name, decision)
        for decision, stands in said.items():
            made = self._decisions.get(decision)
            channel = "" if made is None else made[1].channel
            for one in stands:
                told = one.body
                # An outcome dated ahead would let something rest for as long.
                at = min(one.at, one.recorded_at)
                yield Contact(at, told.outcome, told.action, told.treatment, channel, told.placement, decision)


def _standing(said: list[_Said]) -> list[_Said]:
    # Most decisions have one report, of which nothing can be wrong.
    if len(said) == 1:
        return [] if said[0].body.withdraws else said
    named = {one.name: one for one in said}
    return [named[report.id] for report in standing(report_of(one.name, one.at, one.body) for one in said)]
