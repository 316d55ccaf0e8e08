"""Plan what units persons belong to, and what they allow."""

from __future__ import annotations

from opportune.storage.books.ledger import Ledger
from opportune.storage.books.people import person_of, welcome
from opportune.storage.changes import ConsentFound, MemberFound, consent_digest
from opportune.storage.kinds import ConsentBody, ConsentPayload, MemberBody, MemberPayload
from opportune.storage.requests import Request
from opportune.storage.writes import JoinUnit, Receipt, RecordConsent

__all__ = ["join_unit", "record_consent"]


def join_unit(ledger: Ledger, item: Request, write: JoinUnit) -> Receipt:
    """Let a person belong to a unit of a level, or to none; both may be new."""
    named = [(write.identifier_kind, write.identifier)]
    if write.unit is not None:
        named.append((write.level, write.unit))
    for identifier in named:
        buried = ledger.buried(identifier, write.occurred_at)
        if buried is not None:
            return buried
    person, comer = person_of(ledger, *named[0])
    unit, unit_comer = (None, None) if write.unit is None else person_of(ledger, write.level, write.unit)
    own = ledger.found.units.setdefault(person, {})
    before = own.get(write.level)
    body = MemberBody(
        level=write.level,
        unit=unit,
        before=None if before is None else (before.unit, before.sequence),
        introduces=None if comer is None else comer.digest,
        introduces_unit=None if unit_comer is None else unit_comer.digest,
    )
    payload = MemberPayload(identifier=write.identifier, identifier_kind=write.identifier_kind, unit=write.unit)
    sequence = ledger.append(item, body, payload, occurred_at=write.occurred_at, person=person)
    if comer is not None:
        welcome(ledger, comer, person, sequence)
    if unit_comer is not None and unit is not None:
        welcome(ledger, unit_comer, unit, sequence)
    own[write.level] = ledger.changes.units[person, write.level] = MemberFound(person, write.level, unit, sequence)
    ledger.changes.touched.update((person, ledger.root(person)))
    return ledger.receipt(Receipt(sequence=sequence))


def record_consent(ledger: Ledger, item: Request, write: RecordConsent) -> Receipt:
    """Keep what a person allows, who may be new."""
    buried = ledger.buried((write.identifier_kind, write.identifier), write.occurred_at)
    if buried is not None:
        return buried
    person, comer = person_of(ledger, write.identifier_kind, write.identifier)
    own = ledger.found.consents.setdefault(person, {})
    key = write.channel, write.purpose
    before = own.get(key)
    # One dated ahead would outdo all that is said until then.
    at = min(ledger.moment(write.occurred_at), ledger.moment(None))
    # Of two words of one moment the refusal holds, whichever came first.
    is_last = before is None or (at, not write.given) >= (before.at, not before.given)
    body = ConsentBody(
        channel=write.channel,
        purpose=write.purpose,
        given=write.given,
        late=not is_last,
        before=before.proved()[3:] if before is not None and is_last else None,
        introduces=None if comer is None else comer.digest,
    )
    payload = ConsentPayload(
        identifier=write.identifier,
        identifier_kind=write.identifier_kind,
        source=write.source,
        text_version=write.text_version,
    )
    sequence = ledger.append(item, body, payload, occurred_at=write.occurred_at, person=person)
    if comer is not None:
        welcome(ledger, comer, person, sequence)
    if is_last:
        columns = (person, *key, int(write.given), at, sequence, write.source, write.text_version)
        own[key] = ledger.changes.consents[person, *key] = ConsentFound(*columns, consent_digest(*columns))
    ledger.changes.touched.update((person, ledger.root(person)))
    return ledger.receipt(Receipt(sequence=sequence))
