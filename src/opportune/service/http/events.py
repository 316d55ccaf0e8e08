"""POST /v1/events: our own shape, CloudEvents and Segment calls; one or many."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from opportune.customers.intake import Event, Told, items_of, read_item
from opportune.customers.intake.cloud_events import BATCH, STRUCTURED, from_headers, is_in_headers
from opportune.errors import InputError
from opportune.service.events_intake import Taken as Result
from opportune.service.http.call import JSON, Call, Reply
from opportune.service.http.handlers import BATCH_MAX, answer_batch, answer_one, too_many
from opportune.service.http.strict import is_plain, read_as, read_json
from opportune.service.slices import in_slices

__all__ = ["MEDIA", "SHAPES", "create_events"]

MEDIA = (JSON, STRUCTURED, BATCH)
_TEXT = {"type": "string"}
_OBJECT = {"type": "object"}
_MOMENT = {"type": "string", "format": "date-time"}
_CALL: dict[str, Any] = {
    "title": "SegmentCall",
    "description": "A call as Segment sends it.",
    "type": "object",
    "properties": {
        "type": {"enum": ["track", "page", "screen", "identify", "alias"]},
        "messageId": _TEXT,
        **dict.fromkeys(("userId", "anonymousId", "previousId", "event"), _TEXT),
        **dict.fromkeys(("properties", "traits", "context"), _OBJECT),
        **dict.fromkeys(("timestamp", "originalTimestamp"), _MOMENT),
    },
    "required": ["type", "messageId"],
}
SHAPES: tuple[dict[str, Any], ...] = (
    {
        "title": "CloudEvent",
        "description": "An event of CloudEvents 1.0; other attributes of it are passed over.",
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            **dict.fromkeys(("id", "source", "type", "subject", "subjectkind", "session", "data_base64"), _TEXT),
            "time": _MOMENT,
            "data": _OBJECT,
        },
        "required": ["specversion", "id", "source", "type"],
    },
    _CALL,
    {
        "title": "SegmentBatch",
        "type": "object",
        "properties": {"batch": {"type": "array", "items": _CALL}},
        "required": ["batch"],
    },
)
"""Schemas of what others send in the place of an event."""

_decode_own = msgspec.json.Decoder(list[Event]).decode


async def create_events(call: Call) -> Reply:
    """Record one event, or a list of them."""
    own = _own(call)
    if own is not None:
        return answer_batch(call, "event", await call.runtime.record_events(own))
    if call.headers and is_in_headers(call.headers):
        # An event need not have data.
        value = from_headers(call.headers, read_json(call.body) if call.body else None)
    else:
        value = read_json(call.body)
    items = items_of(value)
    if items is None:
        told = _read(call, value)
        (result,) = await _take(call, [told])
        return answer_one(call, "event", result, _ignored(told))
    if len(items) > BATCH_MAX:
        raise too_many(BATCH_MAX)
    read = await in_slices(items, partial(_read, call))
    return answer_batch(call, "event", await _take(call, read), [_ignored(told) for told in read])


def _own(call: Call) -> Sequence[Event] | None:
    """Read a list of events of our own shape in one go; None where it takes a closer look."""
    if call.media != JSON or call.body[:1] != b"[":
        return None
    try:
        events = _decode_own(call.body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if not 0 < len(events) <= BATCH_MAX:
        return None
    keys = 2 * len(events)
    for event in events:
        attributes = event.attributes
        keys += (event.customer is not None) + (event.session is not None) + (event.occurred_at is not None)
        keys += 1 + len(attributes) if attributes else 0
        keys += 1 + len(event.identifiers) if event.identifiers else 0
    values = [value for event in events for value in event.attributes.values()]
    return events if is_plain(call.body, keys, values) else None


def _read(call: Call, value: Any) -> Told:
    return read_item(value, call.runtime.event_names, _own_event)


def _own_event(value: Any) -> Event:
    return read_as(value, Event)


async def _take(call: Call, items: Sequence[Told | InputError]) -> Sequence[Result]:
    return await call.runtime.take_events(items)


def _ignored(told: Told | InputError) -> tuple[str, ...]:
    return () if isinstance(told, InputError) else told.ignored
