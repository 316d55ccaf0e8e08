"""The shape in which Segment reports: track, page, screen, identify and alias, one or a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opportune.customers.intake.event import Event, Names, ProfileNews, SamePerson, Told
from opportune.customers.intake.fields import Fields, declared_only
from opportune.errors import suggest

__all__ = ["is_segment", "is_segment_batch", "read_segment"]

_CALLS = ("track", "page", "screen", "identify", "alias")
_CUSTOMER = "customer"


def is_segment(value: Mapping[str, Any]) -> bool:
    """Whether an object is a call of this shape; ours have neither of these names."""
    return "messageId" in value or "anonymousId" in value or "userId" in value


def is_segment_batch(value: Mapping[str, Any]) -> bool:
    """Whether an object holds calls of this shape."""
    return isinstance(value.get("batch"), list) and "id" not in value


def read_segment(value: Mapping[str, Any], names: Names) -> Told:
    """Read a call.

    Raises:
        InputError: with all that is wrong.
    """
    fields = Fields(value)
    call = fields.text("type", f"expected one of {', '.join(_CALLS)}")
    id_ = fields.text("messageId", "send one per message: it keeps a retry from counting twice")
    if call == "identify":
        told = _identify(fields, id_, names)
    elif call == "alias":
        told = _alias(fields, id_, names)
    else:
        told = _event(fields, call, id_, names)
    fields.settle()
    return told


def _event(fields: Fields, call: str, id_: str, names: Names) -> Told:
    type_ = _type(fields, call, names)
    customer, kind = _person(fields, names)
    given = fields.object("properties")
    attributes, ignored = declared_only(given, names.events.get(type_, frozenset()))
    event = Event(
        id=id_,
        type=type_,
        customer=customer if kind == _CUSTOMER else None,
        identifiers={} if kind == _CUSTOMER else {kind: customer},
        session=_session(fields),
        attributes=attributes,
        occurred_at=fields.moment("timestamp") or fields.moment("originalTimestamp"),
    )
    return Told(event, ignored)


def _type(fields: Fields, call: str, names: Names) -> str:
    """The event type of a call: as events.yaml says, or the same words joined by underscores."""
    if call not in _CALLS:
        if call:
            fields.refuse("type", f"expected one of {', '.join(_CALLS)}, found something else")
        return ""
    where = "event" if call == "track" else "type"
    given = fields.text("event") if call == "track" else call
    own = names.segment.get(given) or next(iter(declared_only({given: 1}, names.events)[0]), "")
    if given and not own:
        known = {**dict.fromkeys(names.events), **names.segment}
        remedy = suggest(given, known, "name it at its event type in events.yaml, as 'segment: [...]'")
        fields.refuse(where, "the strategy has no such event type", remedy, "unknown-event-type")
    return own


def _identify(fields: Fields, id_: str, names: Names) -> Told:
    customer, kind = _person(fields, names)
    attributes, ignored = declared_only(fields.object("traits"), names.customer)
    return Told(ProfileNews(id=id_, customer=customer, kind=kind, attributes=attributes), ignored)


def _alias(fields: Fields, id_: str, names: Names) -> Told:
    customer = fields.text("userId")
    other = fields.text("previousId")
    _refuse_visitors(fields, "previousId", names)
    return Told(SamePerson(id=id_, customer=customer, kind=_CUSTOMER, other=other, other_kind=names.anonymous))


def _person(fields: Fields, names: Names) -> tuple[str, str]:
    """Identifier and its kind: who is known goes before who is not."""
    if fields.has("userId") or not fields.has("anonymousId"):
        return fields.text("userId", "send userId, or anonymousId"), _CUSTOMER
    _refuse_visitors(fields, "anonymousId", names)
    return fields.text("anonymousId"), names.anonymous or _CUSTOMER


def _refuse_visitors(fields: Fields, where: str, names: Names) -> None:
    """Refuse a visitor's identifier where the strategy has no kind for it; it is never taken for a customer's."""
    if not names.anonymous:
        message = "the strategy has no kind of identifier for visitors whom nobody knows yet"
        fields.refuse(where, message, "declare one with 'trust: anonymous' in identifiers.yaml")


def _session(fields: Fields) -> str | None:
    """The conversation, where the page names one in its context."""
    return Fields(fields.object("context")).optional_text("sessionId")
