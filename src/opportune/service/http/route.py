"""What the table says of one route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from opportune.service.http.call import JSON, Call, Reply

__all__ = ["IMPORT_BYTES_MAX", "Parameter", "Route"]

BODY_BYTES_MAX = 1_000_000
IMPORT_BYTES_MAX = 16_000_000
"""For lists of outcomes, events and customers."""

Handler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A header or query parameter of a route, or a header of its answer; `schema` is JSON Schema."""

    name: str
    place: str
    description: str
    schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    Args:
        path: with variables such as {id}.
        summary: for people.
        takes: record of the body, None where there is none; `takes_one` and `takes_list` say whether it comes alone,
            in a list, or as the caller likes.
        shapes: JSON Schemas of what may stand in the place of that record.
        gives: HTTP status → record of the answer; a text stands for another media type.
        refuses: codes of errors that this route may answer, beside those that all may.
        answer_headers: headers of the answer.
        media: media types of the body.
        before_ready: it answers while the service starts and stops too.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    gives: dict[int, Any]
    takes: Any = None
    takes_one: bool = True
    takes_list: bool = False
    shapes: tuple[dict[str, Any], ...] = ()
    refuses: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    media: tuple[bytes, ...] = (JSON,)
    body_bytes_max: int = BODY_BYTES_MAX
    answer_headers: tuple[Parameter, ...] = ()
    before_ready: bool = False
