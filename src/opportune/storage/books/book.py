"""Plan what a batch of writes does to the store: pure, from what was found to what changes.

The plan sees earlier writes of the same batch, so a batch has the effect of its writes one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from opportune.errors import ConflictError, InputError, UnknownError
from opportune.storage.books.answers import record_outcome, save_decision
from opportune.storage.books.ledger import Ledger
from opportune.storage.books.limits import release_leases, switch_action
from opportune.storage.books.people import merge_persons, record_event, save_profile
from opportune.storage.books.publishing import adopt_model, change_models, erase_payloads, save_revision
from opportune.storage.changes import Changes, Found, Wanted
from opportune.storage.entries import Entry
from opportune.storage.kinds import Kind
from opportune.storage.requests import Request
from opportune.storage.writes import (
    ErasePayloads,
    MergePersons,
    Receipt,
    RecordEvent,
    RecordOutcome,
    ReleaseLeases,
    SaveDecision,
    SaveProfile,
    SaveRevision,
    SwitchAction,
    Write,
)

__all__ = ["Book"]

_HANDLERS: dict[Kind, Callable[[Ledger, Request, Any], Receipt | int]] = {
    Kind.PROFILE: save_profile,
    Kind.DECISION: save_decision,
    Kind.OUTCOME: record_outcome,
    Kind.EVENT: record_event,
    Kind.REVISION: save_revision,
    Kind.MODEL: adopt_model,
    Kind.ERASURE: erase_payloads,
    Kind.MERGE: merge_persons,
    Kind.CHANGE: change_models,
    Kind.RELEASE: release_leases,
    Kind.SWITCH: switch_action,
}
"""What plans a write of each kind: it gives the receipt, or the sequence of the stored entry that the write repeats."""


class Book:
    """The plan of one batch.

    Args:
        writes: the batch, in the order of arrival.
        new_id: makes internal ids of persons.
        new_salt: makes `SALT_BYTES` random bytes.
    """

    def __init__(self, writes: Sequence[Write], new_id: Callable[[], str], new_salt: Callable[[], bytes]) -> None:
        self._new_id = new_id
        self._new_salt = new_salt
        self._items: list[Request | InputError] = []
        self._needs_contacts = False
        self.wanted = Wanted()
        self.changes = Changes()
        self.entries: list[Entry] = []
        """What the batch adds to the journal, as readers will see it."""
        self.results: list[Receipt | InputError | int] = []
        """Per write: its receipt, its refusal, or the sequence of the stored entry that it repeats."""
        for write in writes:
            self._items.append(self._prepare(write))
        if self._needs_contacts:
            self._want_contacts(writes)

    def _prepare(self, write: Write) -> Request | InputError:
        try:
            item = Request(write)
        except InputError as error:
            return error
        self._want(item)
        return item

    def _want(self, item: Request) -> None:
        wanted, write = self.wanted, item.write
        wanted.keys.append(item.key)
        match write:
            case RecordOutcome():
                outcome = write.outcome
                wanted.decisions.append(outcome.decision)
                wanted.reports.append(outcome.decision)
                wanted.windows.append(outcome.decision)
                wanted.reservations.append(outcome.decision)
            case SaveDecision():
                wanted.decisions.append(write.decision.id)
                wanted.reports.append(write.decision.id)
                if write.reserves:
                    wanted.stocks.extend((reserve.stock, reserve.period) for reserve in write.reserves)
                self._needs_contacts |= write.contacts_seen is not None
            case SaveProfile() | RecordEvent():
                if write.identifier is not None:
                    wanted.identifiers.append((write.identifier_kind, write.identifier))
            case SaveRevision():
                wanted.bundles.append(write.hash)
                wanted.revision = True
            case MergePersons():
                pair = [(write.identifier_kind, write.identifier), (write.other_kind, write.other)]
                wanted.identifiers.extend(pair)
                wanted.merging.extend(pair)
            case ErasePayloads():
                wanted.payloads.extend(write.sequences)
            case ReleaseLeases():
                wanted.reservations.extend(write.decisions)
            case SwitchAction():
                wanted.switches.append(write.target)

    def _want_contacts(self, writes: Sequence[Write]) -> None:
        """Ask for the newest contacts of everybody who is decided for here; all decisions of one person count."""
        persons = (write.decision.person for write in writes if isinstance(write, SaveDecision))
        self.wanted.contacts = list(dict.fromkeys(person for person in persons if person))

    def plan(self, found: Found, now: datetime) -> None:
        """Fill `changes`, `entries` and `results`.

        Args:
            now: time of recording, aware.
        """
        ledger = Ledger(found, now, self._new_id, self._new_salt)
        self.changes, self.entries = ledger.changes, ledger.entries
        for item in self._items:
            if isinstance(item, InputError):
                self.results.append(item)
                continue
            try:
                self.results.append(ledger.repeated(item) or _HANDLERS[item.kind](ledger, item, item.write))
            except ConflictError as error:
                self.changes.counters["conflicts"] += error.code == "id-conflict"
                self.results.append(error)
            except UnknownError as error:
                self.changes.counters["outcomes_refused"] += item.kind is Kind.OUTCOME
                self.results.append(error)
            except InputError as error:
                self.results.append(error)
