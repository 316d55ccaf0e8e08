"""Plan what a batch of writes does to the store: pure, from what was found to what changes.

The plan sees earlier writes of the same batch, so a batch has the effect of its writes one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from opportune.errors import ConflictError, InputError, UnknownError
from opportune.storage.books.answers import record_outcome, save_decision
from opportune.storage.books.belonging import join_unit, record_consent
from opportune.storage.books.forgetting import erase_person, repeat_erasure
from opportune.storage.books.ledger import Ledger
from opportune.storage.books.limits import release_leases, switch_action
from opportune.storage.books.merging import merge_persons, split_persons
from opportune.storage.books.people import drop_values, record_event, save_profile
from opportune.storage.books.publishing import adopt_model, change_models, erase_payloads, save_revision
from opportune.storage.changes import Changes, Found, Wanted
from opportune.storage.entries import Entry, to_microseconds
from opportune.storage.kinds import Kind
from opportune.storage.naming import asked_as
from opportune.storage.requests import Request
from opportune.storage.writes import (
    AdoptModel,
    ChangeModels,
    DropValues,
    ErasePayloads,
    ErasePerson,
    JoinUnit,
    MergePersons,
    Receipt,
    RecordConsent,
    RecordEvent,
    RecordOutcome,
    ReleaseLeases,
    RepeatErasure,
    SaveDecision,
    SaveProfile,
    SaveRevision,
    SplitPersons,
    SwitchAction,
    Write,
)

__all__ = ["Book"]

_HANDLERS: dict[type[Write], Callable[[Ledger, Request, Any], Receipt | int]] = {
    SaveProfile: save_profile,
    DropValues: drop_values,
    SaveDecision: save_decision,
    RecordOutcome: record_outcome,
    RecordEvent: record_event,
    SaveRevision: save_revision,
    AdoptModel: adopt_model,
    ErasePayloads: erase_payloads,
    MergePersons: merge_persons,
    SplitPersons: split_persons,
    JoinUnit: join_unit,
    RecordConsent: record_consent,
    ErasePerson: erase_person,
    RepeatErasure: repeat_erasure,
    ChangeModels: change_models,
    ReleaseLeases: release_leases,
    SwitchAction: switch_action,
}
"""What plans a write: it gives the receipt, or the sequence of the stored entry that the write repeats."""


class Book:
    """The plan of one batch.

    Args:
        writes: the batch, in the order of arrival.
        new_id: makes internal ids of persons.
        new_salt: makes `SALT_BYTES` random bytes.
        mark: keyed digest of an identifier, given its kind and itself.
    """

    def __init__(
        self,
        writes: Sequence[Write],
        new_id: Callable[[], str],
        new_salt: Callable[[], bytes],
        mark: Callable[[str, str], bytes],
    ) -> None:
        self._new_id = new_id
        self._new_salt = new_salt
        self._mark = mark
        self.wanted = Wanted(mark=mark)
        self.changes = Changes()
        self.entries: list[Entry] = []
        """What the batch adds to the journal, as readers will see it."""
        self.results: list[Receipt | InputError | int] = []
        """Per write: its receipt, its refusal, or the sequence of the stored entry that it repeats."""
        self._items = [self._prepare(write) for write in writes]
        if self.wanted.erasing:
            # Whoever is merged in this batch with somebody who is erased in it goes too.
            self.wanted.erasing = list(dict.fromkeys([*self.wanted.erasing, *self.wanted.profiles]))

    def _prepare(self, write: Write) -> Request | InputError:
        try:
            item = Request(write, self._mark)
        except InputError as error:
            return error
        self.wanted.keys.append(item.key)
        _WANTS[type(write)](self.wanted, write)
        return item

    def plan(self, found: Found, now: datetime) -> None:
        """Fill `changes`, `entries` and `results`.

        Args:
            now: time of recording, aware.
        """
        ledger = Ledger(found, now, self._new_id, self._new_salt, self._mark)
        self.changes, self.entries = ledger.changes, ledger.entries
        for item in self._items:
            if isinstance(item, InputError):
                self.results.append(item)
                continue
            try:
                self.results.append(ledger.repeated(item) or _HANDLERS[type(item.write)](ledger, item, item.write))
            except ConflictError as error:
                self.changes.counters["conflicts"] += error.code == "id-conflict"
                self.results.append(error)
            except UnknownError as error:
                self.changes.counters["outcomes_refused"] += item.kind is Kind.OUTCOME
                self.results.append(error)
            except InputError as error:
                self.results.append(error)


def _want_profile(wanted: Wanted, write: SaveProfile) -> None:
    identifier = _want_person(wanted, write.identifier_kind, write.identifier, write.occurred_at)
    wanted.profiles.append(identifier)


def _want_event(wanted: Wanted, write: RecordEvent) -> None:
    if write.identifier is not None:
        _want_person(wanted, write.identifier_kind, write.identifier, write.occurred_at)


def _want_person(wanted: Wanted, kind: str, value: str, occurred_at: datetime | None = None) -> tuple[str, str]:
    identifier = kind, value
    wanted.identifiers.append(identifier)
    if occurred_at is not None:
        wanted.dated.append((identifier, to_microseconds(occurred_at)))
    return identifier


def _want_decision(wanted: Wanted, write: SaveDecision) -> None:
    decision = write.decision
    wanted.decisions.append(decision.id)
    wanted.reports.append(decision.id)
    if write.reserves:
        wanted.stocks.extend((reserve.stock, reserve.period) for reserve in write.reserves)
    named = asked_as(decision.request)
    value = write.identifier or decision.request.customer
    if value is not None:
        identifier = write.identifier_kind, value
        wanted.identifiers.append(identifier)
        named.append(identifier)
    # At any moment: it may know what the person was before.
    wanted.dated.extend((identifier, 0) for identifier in dict.fromkeys(named))
    if write.contacts_seen is not None and decision.person:
        for person, seen in [(decision.person, write.contacts_seen), *write.seen_with.items()]:
            wanted.contacts[person] = min(wanted.contacts.get(person, seen), seen)


def _want_outcome(wanted: Wanted, write: RecordOutcome) -> None:
    decision = write.outcome.decision
    for names in (wanted.decisions, wanted.reports, wanted.windows, wanted.reservations):
        names.append(decision)


def _want_revision(wanted: Wanted, write: SaveRevision) -> None:
    wanted.bundles.append(write.hash)
    wanted.revision = True


def _want_merge(wanted: Wanted, write: MergePersons) -> None:
    wanted.kinds = wanted.kinds or write.common is not None
    for kind, value in ((write.identifier_kind, write.identifier), (write.other_kind, write.other)):
        wanted.profiles.append(_want_person(wanted, kind, value, write.occurred_at))


def _want_unit(wanted: Wanted, write: JoinUnit) -> None:
    wanted.units.append(_want_person(wanted, write.identifier_kind, write.identifier, write.occurred_at))
    if write.unit is not None:
        _want_person(wanted, write.level, write.unit, write.occurred_at)


def _want_consent(wanted: Wanted, write: RecordConsent) -> None:
    wanted.consents.append(_want_person(wanted, write.identifier_kind, write.identifier, write.occurred_at))


def _want_erasure(wanted: Wanted, identifiers: Iterable[tuple[str, str]]) -> None:
    for identifier in identifiers:
        wanted.identifiers.append(identifier)
        wanted.profiles.append(identifier)
        wanted.erasing.append(identifier)


_WANTS: dict[type[Write], Callable[[Wanted, Any], None]] = {
    SaveProfile: _want_profile,
    DropValues: lambda wanted, write: wanted.profiles.append(
        _want_person(wanted, write.identifier_kind, write.identifier)
    ),
    SaveDecision: _want_decision,
    RecordOutcome: _want_outcome,
    RecordEvent: _want_event,
    SaveRevision: _want_revision,
    AdoptModel: lambda wanted, write: None,
    ErasePayloads: lambda wanted, write: wanted.payloads.extend(write.sequences),
    MergePersons: _want_merge,
    SplitPersons: lambda wanted, write: wanted.splits.append(write.merge),
    JoinUnit: _want_unit,
    RecordConsent: _want_consent,
    ErasePerson: lambda wanted, write: _want_erasure(wanted, [(write.identifier_kind, write.identifier)]),
    RepeatErasure: lambda wanted, write: _want_erasure(wanted, write.identifiers),
    ChangeModels: lambda wanted, write: None,
    ReleaseLeases: lambda wanted, write: wanted.reservations.extend(write.decisions),
    SwitchAction: lambda wanted, write: wanted.switches.append(write.target),
}
"""What the plan of a write must look up."""
