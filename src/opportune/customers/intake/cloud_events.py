"""CloudEvents 1.0: structured, in a batch, or spread over the headers of a request or a message."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any
from urllib.parse import unquote

import msgspec

from opportune.customers.intake.event import Event, Names, Told
from opportune.customers.intake.fields import Fields, declared_only
from opportune.errors import suggest

__all__ = ["BATCH", "STRUCTURED", "from_headers", "is_cloud_event", "is_in_headers", "read_cloud_event"]

STRUCTURED = b"application/cloudevents+json"
BATCH = b"application/cloudevents-batch+json"

_VERSIONS = ("1.0",)


def is_cloud_event(value: Mapping[str, Any]) -> bool:
    """Whether an object is a CloudEvent."""
    return "specversion" in value


def is_in_headers(headers: Mapping[bytes, bytes], prefix: bytes = b"ce-") -> bool:
    """Whether headers hold a CloudEvent whose data is the body."""
    return prefix + b"specversion" in headers


def from_headers(headers: Mapping[bytes, bytes], data: Any, prefix: bytes = b"ce-") -> dict[str, Any]:
    """Put an event together whose attributes came in headers.

    Args:
        headers: name in small letters → value, percent-encoded.
        data: the decoded body.
        prefix: "ce-" in HTTP, "ce_" in Kafka.
    """
    start = len(prefix)
    event: dict[str, Any] = {
        name[start:].decode("ascii", "replace"): unquote(value.decode("utf-8", "replace"))
        for name, value in headers.items()
        if name.startswith(prefix)
    }
    event["data"] = data
    return event


def read_cloud_event(value: Mapping[str, Any], names: Names) -> Told:
    """Read a CloudEvent: its subject is the customer, its data are the attributes.

    The extension "session" is the conversation, and "subjectkind" the kind of the identifier. As ids are unique per
    source only, the id here is made of both.

    Raises:
        InputError: with all that is wrong.
    """
    fields = Fields(value)
    if fields.text("specversion", "write 1.0") not in (*_VERSIONS, ""):
        fields.refuse("specversion", "expected 1.0, found another version", "send CloudEvents 1.0")
    id_, source = fields.text("id"), fields.text("source", "name who sends it")
    type_ = _type(fields, names)
    subject, kind = fields.optional_text("subject"), fields.optional_text("subjectkind")
    attributes, ignored = declared_only(_data(fields, value), names.events.get(type_, frozenset()))
    event = Event(
        id=f"{blake2b(source.encode('utf-8', 'surrogatepass'), digest_size=8).hexdigest()}:{id_}",
        type=type_,
        customer=None if kind else subject,
        identifiers={kind: subject} if kind and subject else {},
        session=fields.optional_text("session"),
        attributes=attributes,
        occurred_at=fields.moment("time"),
    )
    fields.settle()
    return Told(event, ignored)


def _type(fields: Fields, names: Names) -> str:
    given = fields.text("type")
    own = names.cloud_events.get(given, given)
    if given and own not in names.events:
        known = {**dict.fromkeys(names.events), **names.cloud_events}
        remedy = suggest(given, known, "name it at its event type in events.yaml, as 'cloud_events: [...]'")
        fields.refuse("type", "the strategy has no such event type", remedy, "unknown-event-type")
    return own


def _data(fields: Fields, value: Mapping[str, Any]) -> dict[str, Any]:
    if "data_base64" not in value:
        return fields.object("data")
    if fields.has("data"):
        fields.refuse("data", "expected data or data_base64, found both", "send one of them")
    try:
        data = msgspec.json.decode(base64.b64decode(fields.text("data_base64"), validate=True))
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        data = None
    if isinstance(data, dict):
        return data
    fields.refuse("data_base64", "expected a JSON object in base64", "send the data as JSON")
    return {}
