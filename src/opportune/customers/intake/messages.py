"""Messages of a topic: each becomes an item as HTTP takes it, or a dead letter with its reasons."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from opportune.customers.intake.cloud_events import from_headers, is_cloud_event, is_in_headers
from opportune.customers.intake.segment import is_segment
from opportune.errors import InputError, Problem

__all__ = ["DeadLetter", "Message", "item_of"]

_PREFIX = b"ce_"
"""Begins the headers of a CloudEvent in Kafka."""


class Message(NamedTuple):
    """One message.

    Args:
        written_at: milliseconds since 1970, as the topic has it; None where it has none.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[bytes, bytes]
    written_at: int | None

    @property
    def place(self) -> str:
        """Where it stands, for all time."""
        return f"{self.topic}/{self.partition}/{self.offset}"


class DeadLetter(NamedTuple):
    """A message that cannot be taken, and why."""

    message: Message
    problems: tuple[Problem, ...]

    def line(self) -> bytes:
        """Write it as one line of JSON; the message itself is in base64."""
        message = self.message
        told = [{"where": one.where, "message": one.message, "remedy": one.remedy} for one in self.problems]
        letter: dict[str, Any] = {
            "topic": message.topic,
            "partition": message.partition,
            "offset": message.offset,
            "problems": told,
            "key": _text(message.key),
            "value": _text(message.value),
        }
        return msgspec.json.encode(letter) + b"\n"


def _text(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode("ascii")


def item_of(message: Message, decode: Callable[[bytes], Any], key_names: bool) -> Any:
    """Give what a message says.

    One of our own shape without id gets the message's place for one, so that it counts once however often it is
    delivered; one without a time gets that of the message.

    Args:
        decode: reads JSON, or raises InputError.
        key_names: whether the message's key is the customer where the message names nobody.

    Raises:
        InputError: it is no event.
    """
    value = decode(message.value) if message.value else None
    if is_in_headers(message.headers, _PREFIX):
        value = from_headers(message.headers, value, _PREFIX)
    if not isinstance(value, dict):
        raise InputError.of("value", "expected one event as a JSON object, found something else")
    key = _key(message) if key_names else None
    if is_cloud_event(value):
        return _completed(value, "time", message, {"subject": key})
    if is_segment(value):
        is_dated = value.get("timestamp") is not None or value.get("originalTimestamp") is not None
        return value if is_dated else _completed(value, "timestamp", message, {})
    whose = {} if value.get("identifiers") else {"customer": key}
    return _completed(value, "occurred_at", message, {"id": message.place, **whose})


def _completed(value: dict[str, Any], time: str, message: Message, others: Mapping[str, str | None]) -> dict[str, Any]:
    moment = None if message.written_at is None or value.get(time) is not None else _moment(message.written_at)
    missing = {name: text for name, text in {time: moment, **others}.items() if text is not None}
    return {**missing, **{name: one for name, one in value.items() if one is not None or name not in missing}}


def _key(message: Message) -> str | None:
    if not message.key:
        return None
    try:
        return message.key.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError.of("key", "expected the customer in UTF-8, found other bytes") from None


def _moment(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000).isoformat()
    except (ValueError, OverflowError, OSError):
        message = "expected the message's time in the years 1 to 9999, found another"
        remedy = "send it again, with the time of what happened in the event"
        raise InputError.of("timestamp", message, remedy) from None
