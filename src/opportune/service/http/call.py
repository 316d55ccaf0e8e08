"""One request and one answer, without the words of any web framework."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec

from opportune.service.http.metrics import Metrics
from opportune.service.http.problems import Refusal
from opportune.service.runtime import Runtime

__all__ = ["ARRIVED", "JSON", "NDJSON", "Call", "Reply"]

ARRIVED = "opportune.arrived"
"""Key of a request's scope: when it may have come, by `time.perf_counter`."""

JSON = b"application/json"
NDJSON = b"application/x-ndjson"
_HTML = b"text/html; charset=utf-8"
_POLICY = b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"


class Call(msgspec.Struct):
    """A request whose size and media type were checked.

    Args:
        path: values of the path's variables.
        query: the raw query.
        headers: lower-case name → value; of several, the last.
        media: media type of the body, without parameters.
        waited: seconds since the whole request was there.
    """

    runtime: Runtime
    metrics: Metrics
    path: Mapping[str, str]
    query: bytes
    headers: Mapping[bytes, bytes]
    media: bytes
    body: bytes
    waited: float = 0.0

    def header_number(self, name: str, low: float, high: float) -> float | None:
        """Read a number from a header.

        Raises:
            Refusal: it is no number, or outside of the bounds.
        """
        raw = self.headers.get(name.lower().encode())
        if raw is None:
            return None
        try:
            number = float(raw)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise Refusal("invalid-header", f"header {name}: expected a number from {low:g} to {high:g}")
        return number

    def idempotency_key(self) -> str | None:
        """Read the Idempotency-Key header.

        Raises:
            Refusal: it is empty, too long or not ASCII.
        """
        raw = self.headers.get(b"idempotency-key")
        if raw is None:
            return None
        if not 0 < len(raw) <= 200 or not raw.isascii():
            raise Refusal("invalid-header", "header Idempotency-Key: expected 1 to 200 ASCII characters")
        return raw.decode("ascii")

    def query_choice(self, name: str, choices: tuple[str, ...]) -> str | None:
        """Read a query parameter; None where it was left out.

        Raises:
            Refusal: the query has other parameters, or this one another value.
        """
        return chosen(self.query_values(name), name, choices)

    def query_values(self, *names: str) -> dict[str, str]:
        """Read query parameters; those left out are missing.

        Raises:
            Refusal: the query has other parameters, or one twice.
        """
        try:
            given = parse_qsl(self.query.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict")
        except ValueError:
            raise Refusal("invalid-query", "expected name=value pairs in UTF-8") from None
        values = dict(given)
        if len(values) < len(given) or not values.keys() <= set(names):
            raise Refusal("invalid-query", f"expected at most one parameter each of {', '.join(names)}")
        return values


def chosen(values: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str | None:
    """Take one of several choices from query parameters; None where it was left out.

    Raises:
        Refusal: it is none of them.
    """
    value = values.get(name)
    if value is not None and value not in choices:
        raise Refusal("invalid-query", f"{name}: expected {' or '.join(choices)}")
    return value


def whole_number(values: Mapping[str, str], name: str, low: int, high: int) -> int | None:
    """Take a whole number from query parameters; None where it was left out.

    Raises:
        Refusal: it is none, or outside of the bounds.
    """
    value = values.get(name)
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 19 or not low <= int(value) <= high:
        raise Refusal("invalid-query", f"{name}: expected a whole number from {low} to {high}")
    return int(value)


class Reply(msgspec.Struct, frozen=True):
    """An answer."""

    body: bytes
    status: int = 200
    media: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()

    @classmethod
    def of(cls, record: msgspec.Struct, status: int = 200) -> Reply:
        """Answer with a record."""
        return cls(msgspec.json.encode(record), status)

    @classmethod
    def page(cls, page: bytes) -> Reply:
        """Answer with a page, which runs nothing and stands in no other page."""
        return cls(page, media=_HTML, headers=((b"content-security-policy", _POLICY),))
