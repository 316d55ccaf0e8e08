"""All that is kept about one person, in readable form.

It is found by the same rows by which an erasure finds what goes: whatever is about a person is in both, or in neither.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from opportune.customers.features import EventHistory
from opportune.customers.identity import CUSTOMER
from opportune.decide import Explanation, Plan, explain
from opportune.decide.explain import CandidateExplanation
from opportune.decide.limits.windows import instant
from opportune.decide.zones import zone_of
from opportune.errors import UnknownError
from opportune.outcomes.lessons import Account
from opportune.records import Decision, Sign
from opportune.service.consents import ConsentLine, lines_of
from opportune.service.conversations import entries_of
from opportune.service.course import Course
from opportune.service.publishing import known_in
from opportune.service.revisions import Strategy
from opportune.storage import Entry, Kind, MergePayload, Storage, decision_of
from opportune.storage.standing import standing
from opportune.strategy.project import Project

__all__ = ["ExportedDecision", "ExportedEntry", "Named", "PersonExport", "Reason", "Taught", "export_person"]

PAGE = 500
_EVER = instant(0)


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """One value by its name.

    Args:
        at: when it was set; None where that is not known.
    """

    name: str
    value: Any
    at: datetime | None = None


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one action in one placement, and why.

    Args:
        because: what authors of rules and limits say of those that kept it out.
        values: input → value that those rules read, None where it was missing; of what is shown, that it passed with.
    """

    placement: str
    action: str
    treatment: str
    stage: str
    reason: str
    because: tuple[str, ...] = ()
    values: dict[str, Any] = {}


class ExportedDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that was made for the person.

    Args:
        identifiers: kind → identifier that the request named beside the customer, without those of other persons.
        facts: all that was known when it was made.
        shown: what was shown, with its texts.
        reasons: why and why not, of every action of the channel.
        profiling: why it was made without what is known of the person; "" where it was made with it.
        erased: its personal part was deleted.
    """

    id: str
    at: datetime
    channel: str
    session: str | None
    customer: str | None
    identifiers: dict[str, str] = {}
    language: str | None = None
    context: dict[str, Any]
    facts: dict[str, Any]
    shown: dict[str, Any]
    degraded: str | None
    control: str | None
    reasons: tuple[Reason, ...]
    profiling: str
    erased: bool


class ExportedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Anything else that the journal holds of the person: what it says, and its personal part.

    Args:
        kind: "event", "outcome", "profile", "consent", "merge", "split" or "member".
        details: what it says; personal: what an erasure deletes, None where that happened, or there is none.
    """

    sequence: int
    kind: str
    id: str
    occurred_at: datetime
    recorded_at: datetime
    session: str | None
    decision: str | None
    details: dict[str, Any]
    personal: dict[str, Any] | None


class Taught(msgspec.Struct, frozen=True, kw_only=True):
    """What models learned from the person: an answer, and the inputs that stood beside it."""

    decision: str
    action: str
    outcome: str
    at: datetime
    inputs: dict[str, Any]


class PersonExport(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept about one person.

    Args:
        identifiers: by kind.
        profile, features: as they are now.
        consents: as they stand, by purpose and channel; what was said is among the entries.
        memberships: level → the unit that the person belongs to, and what is known of that.
        taught: rows that models learned from; models keep counts and weights of them and no row.
    """

    made_at: datetime
    identifiers: tuple[Named, ...]
    profile: tuple[Named, ...]
    consents: tuple[ConsentLine, ...]
    memberships: dict[str, Any]
    features: tuple[Named, ...]
    decisions: tuple[ExportedDecision, ...]
    outcomes: tuple[ExportedEntry, ...]
    events: tuple[ExportedEntry, ...]
    changes: tuple[ExportedEntry, ...]
    taught: tuple[Taught, ...]


def export_person(
    storage: Storage, course: Course, strategy: Strategy, now: datetime, identifier: str, kind: str = "customer"
) -> PersonExport:
    """Collect all that is kept about a person.

    Args:
        course: of the store; by its revisions decisions are explained.
        strategy: the one in use.

    Raises:
        UnknownError: nobody is known under the identifier.
        StoreError: the store cannot be read.
    """
    if storage.person_of(identifier, kind) is None:
        raise UnknownError.of("customer", "nobody is known under this identifier", code="unknown-customer")
    entries = list(_entries(storage, identifier, kind))
    decisions = {entry.decision: decision_of(entry) for entry in entries if entry.kind is Kind.DECISION}
    plans = {one.revision: course.plan(one.revision) for one in decisions.values()}
    own = storage.identifiers(identifier, kind)
    profile = storage.profile(identifier, kind)
    attributes = {} if profile is None else profile.attributes
    times = {} if profile is None else profile.times
    return PersonExport(
        made_at=now,
        identifiers=tuple(Named(name=one, value=value) for one, value in own),
        profile=tuple(
            Named(name=name, value=value, at=instant(times[name]) if name in times else None)
            for name, value in sorted(attributes.items())
        ),
        consents=_consents(strategy.project, storage, identifier, kind),
        memberships={level: _plain(unit) for level, unit in storage.units(identifier, kind).items()},
        features=_features(storage, known_in(course, strategy), attributes, now, identifier, kind),
        decisions=tuple(
            _decision(
                entry,
                decisions[entry.decision],
                plans[decisions[entry.decision].revision],
                _identifiers(storage, decisions[entry.decision], own),
            )
            for entry in entries
            if entry.kind is Kind.DECISION
        ),
        outcomes=tuple(_entry(entry, own) for entry in entries if entry.kind is Kind.OUTCOME),
        events=tuple(_entry(entry, own) for entry in entries if entry.kind is Kind.EVENT),
        changes=tuple(_entry(entry, own) for entry in entries if entry.kind not in _APART),
        taught=tuple(_taught(entries, decisions, plans)),
    )


_APART = (Kind.DECISION, Kind.OUTCOME, Kind.EVENT)


def _entries(storage: Storage, identifier: str, kind: str) -> Iterator[Entry]:
    """Give the person's journal entries, the oldest first, and outcomes that are of its decisions alone."""
    found = entries_of(storage, identifier, kind)
    known = {entry.sequence for entry in found}
    made = [entry.decision for entry in found if entry.kind is Kind.DECISION and entry.decision is not None]
    for first in range(0, len(made), PAGE):
        found += [entry for entry in storage.about(made[first : first + PAGE]) if entry.sequence not in known]
    yield from sorted(found, key=lambda entry: entry.sequence)


def _consents(project: Project, storage: Storage, identifier: str, kind: str) -> tuple[ConsentLine, ...]:
    """Tell how the project's purposes stand, and what was said of others that it had before."""
    said = storage.consents(identifier, kind)
    former = tuple(
        ConsentLine(
            purpose=one.purpose,
            channel=one.channel,
            basis="",
            allowed=one.given,
            given=one.given,
            at=one.at,
            source=one.source,
            text_version=one.text_version,
        )
        for one in said
        if one.purpose not in project.purposes
    )
    return (*lines_of(project, said), *former)


def _features(
    storage: Storage, strategy: Strategy, attributes: dict[str, Any], now: datetime, identifier: str, kind: str
) -> tuple[Named, ...]:
    features = strategy.features
    if not len(features):
        return ()
    past = storage.happened(identifier, kind, _EVER)
    history = EventHistory()
    for event in past.events:
        if event.type in features.event_types:
            history.add(event.sequence, event.at, event.type, event.attributes)
    zone = zone_of(attributes.get("time_zone"), strategy.plan.zone)
    found = features.read(history, past.contacts, now, zone)
    return tuple(Named(name=name.partition(".")[2], value=value) for name, value in sorted(found.items()))


def _identifiers(storage: Storage, decision: Decision, own: Collection[tuple[str, str]]) -> dict[str, str]:
    """Give what a request named beside the customer; who is known as somebody else is left out."""
    said = decision.request.identifiers or {}
    return {
        kind: value
        for kind, value in said.items()
        if kind != CUSTOMER and ((kind, value) in own or storage.person_of(value, kind) is None)
    }


def _decision(entry: Entry, decision: Decision, plan: Plan | None, identifiers: dict[str, str]) -> ExportedDecision:
    explanation = None if plan is None else explain(plan, decision, erased=entry.erased)
    return ExportedDecision(
        id=decision.id,
        at=decision.at,
        channel=decision.request.channel,
        session=decision.request.session,
        customer=decision.request.customer,
        identifiers=identifiers,
        language=decision.request.language,
        context=decision.request.context,
        facts=decision.facts,
        shown={place.name: [_plain(shown) for shown in place.actions] for place in decision.placements},
        degraded=decision.degraded,
        control=decision.control,
        reasons=() if explanation is None else tuple(_reasons(explanation)),
        profiling="" if explanation is None else explanation.profiling,
        erased=entry.erased,
    )


def _reasons(explanation: Explanation) -> Iterator[Reason]:
    for placement in explanation.placements:
        for one in placement.candidates:
            yield Reason(
                placement=placement.name,
                action=one.action,
                treatment=one.treatment,
                stage=one.stage,
                reason=one.reason,
                because=tuple(dict.fromkeys(filter(None, _authors_words(one)))),
                values=_values(one),
            )


def _authors_words(one: CandidateExplanation) -> Iterator[str | None]:
    yield from (rule.because for rule in one.rules)
    yield from (limit.because for limit in one.limits)


def _values(one: CandidateExplanation) -> dict[str, Any]:
    found: dict[str, Any] = dict(one.passed_with)
    for rule in one.rules:
        found.update({**dict.fromkeys(rule.missing), **rule.values})
    return found


def _entry(entry: Entry, own: Collection[tuple[str, str]]) -> ExportedEntry:
    return ExportedEntry(
        sequence=entry.sequence,
        kind=entry.kind.value,
        id=entry.id,
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
        session=entry.session,
        decision=entry.decision,
        details=_plain(entry.body),
        personal=None if entry.payload is None else _personal(entry.payload, own),
    )


def _personal(payload: msgspec.Struct, own: Collection[tuple[str, str]]) -> dict[str, Any]:
    """Give a personal part; of a merge that was undone without the identifier of who turned out to be somebody else."""
    found = _plain(payload)
    if isinstance(payload, MergePayload):
        for side in ("identifier", "other"):
            if (found[f"{side}_kind"], found[side]) not in own:
                found |= {side: None, f"{side}_kind": None}
    return found


def _taught(
    entries: Sequence[Entry], decisions: dict[str | None, Decision], plans: dict[str, Plan | None]
) -> Iterator[Taught]:
    """Tell the answers that stand; what was corrected or withdrawn was taken back, and neutral ones teach nothing."""
    accounts = {entry.decision: Account.of(entry) for entry in entries if entry.kind is Kind.DECISION}
    for entry in entries:
        account = accounts.get(entry.decision)
        if account is not None:
            account.take(entry)
    for account in accounts.values():
        decision = decisions[account.decision]
        plan = plans[decision.revision]
        names = () if plan is None else tuple(one.name for one in plan.predictors)
        said = [(one.action, one.outcome) for one in standing(account.reports) if one.sign is not Sign.NEUTRAL]
        for action, outcome in dict.fromkeys(said):
            yield Taught(
                decision=decision.id,
                action=action,
                outcome=outcome,
                at=decision.at,
                inputs={name: decision.facts[name] for name in names if name in decision.facts},
            )


def _plain(record: msgspec.Struct) -> dict[str, Any]:
    """Give a record as names and values; what is left at its default is left out where the record says so."""
    found: dict[str, Any] = msgspec.to_builtins(record, builtin_types=(datetime,), str_keys=True)
    return found
