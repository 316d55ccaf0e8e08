"""Which shape a message has: our own, a CloudEvent, or a call as Segment sends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opportune.customers.intake.cloud_events import is_cloud_event, read_cloud_event
from opportune.customers.intake.event import Event, Names, Told
from opportune.customers.intake.segment import is_segment, is_segment_batch, read_segment

__all__ = ["items_of", "read_item"]


def items_of(value: Any) -> list[Any] | None:
    """Give the messages of a body that holds several; None where it holds one."""
    if isinstance(value, list):
        return value
    return value["batch"] if isinstance(value, dict) and is_segment_batch(value) else None


def read_item(value: Any, names: Names, own: Callable[[Any], Event]) -> Told:
    """Read one message of any shape.

    Args:
        own: reads one of our own shape.

    Raises:
        InputError: with all that is wrong.
    """
    if isinstance(value, Mapping):
        if is_cloud_event(value):
            return read_cloud_event(value, names)
        if is_segment(value):
            return read_segment(value, names)
    return Told(own(value))
