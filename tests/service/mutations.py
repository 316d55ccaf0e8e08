"""Requests that are nearly good: made from a good one of every route by damaging its JSON, bytes, head or delivery."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Mutated", "mutate"]

NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, -0.0, 1e308, 2**53, 2**63, 2**64, -(2**63) - 1, 10**400, "", " ", "\0", "a\0b",
    "x" * 300, "x" * 20_000, "\u202e\u200b", "\U0001f600", "'; drop table journal; --", "../../etc/passwd", "{{7*7}}",
    "%s%n", "NaN", "2026-99-99T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "water", "till",
    [], {}, [[]], [None], {"": None}, {"__class__": 1}, [{}] * 30,
)  # fmt: skip
RAW = (
    b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400", b"1" * 500, b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xff"',
    b'"\xc0\x80"', b"'single'", b"undefined", b"0x10", b"01", b"1.", b".5", b"//x", b"\x00", b"[" * 200, b'{"a":' * 200,
)  # fmt: skip
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-type", b"text/html"), (b"content-type", b""), (b"content-type", b"application/json; charset=latin1"),
    (b"content-type", b"application/x-ndjson"), (b"content-type", b"\xff\xfe"), (b"content-encoding", b"gzip"),
    (b"content-encoding", b"br, gzip"), (b"content-length", b"99999999999999999999"), (b"content-length", b"x"),
    (b"opportune-deadline-ms", b"-1"), (b"opportune-deadline-ms", b"nan"), (b"opportune-deadline-ms", b"1e309"),
    (b"opportune-deadline-ms", b"\xff"), (b"opportune-deadline-ms", b"60000"), (b"idempotency-key", b""),
    (b"idempotency-key", b"\xff"), (b"idempotency-key", b"k" * 500), (b"idempotency-key", b"same"), (b"expect", b"x"),
    (b"accept", b"application/xml"), (b"x-forwarded-for", b"1.2.3.4"), (b"cookie", b"a=b" * 1000),
)  # fmt: skip
PATHS = ("%00", "%ff", "%2e%2e%2f", "a" * 5_000, "%F0%9F%98%80", "..", "//", "{id}", "d-1?x=1", "%", "%zz", "a/b/c")
QUERIES = (
    b"",
    b"mode=merge",
    b"mode=replace",
    b"mode=x",
    b"mode",
    b"%ff=%ff",
    b"a=1&" * 50,
    b"\xff",
    b"mode=merge&b=1",
)
METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "", "get", "\u0141")


@dataclass
class Mutated:
    """One request on its way to the application."""

    method: str
    path: str
    query: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    breaks_off: bool = False

    def scope(self) -> dict[str, Any]:
        """What a server hands over."""
        from urllib.parse import unquote

        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "scheme": "http",
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1234),
            "root_path": "",
            "method": self.method,
            "path": unquote(self.path),
            "raw_path": self.path.encode(),
            "query_string": self.query,
            "headers": self.headers,
        }

    def messages(self) -> Iterator[dict[str, Any]]:
        """The body as it comes in."""
        for number, piece in enumerate(self.pieces, start=1):
            more = self.breaks_off or number < len(self.pieces)
            yield {"type": "http.request", "body": piece, "more_body": more}
        if self.breaks_off:
            yield {"type": "http.disconnect"}


def good(known: str, number: int) -> list[tuple[str, str, Any]]:
    """A good request of every route."""
    outcome = {"id": f"o-{number}", "decision": known, "action": "water", "outcome": "accept"}
    event = {"id": f"e-{number}", "type": "call_ended", "customer": "c-1", "attributes": {"minutes": 1.5}}
    track = {"type": "track", "messageId": f"m-{number}", "userId": "c-1", "event": "Call Ended"}
    cloud = {"specversion": "1.0", "id": f"{number}", "source": "/s", "type": "call_ended", "subject": "c-1"}
    contact = {
        "id": f"r-{number}",
        "customer": "c-1",
        "session": "s-1",
        "channel": "till",
        "placements": [{"name": "receipt", "size": 2}, {"name": "screen"}],
        "context": {"weather": "Rainy", "minutes": 3},
        "language": "pl",
        "zone": "Europe/Warsaw",
    }
    profile = {"age": 30, "member": True, "city": "Gdynia", "products": ["wine"], "since": "2026-01-01T00:00:00Z"}
    return [
        ("POST", "/v1/decisions", contact),
        ("POST", "/v1/decisions", contact),
        ("GET", f"/v1/decisions/{known}", None),
        ("POST", "/v1/outcomes", outcome),
        ("POST", "/v1/outcomes", [outcome, {**outcome, "outcome": "reject"}]),
        ("POST", "/v1/events", event),
        ("POST", "/v1/events", [event]),
        ("POST", "/v1/events", {"batch": [track, {**track, "type": "identify", "traits": {"age": 40}}]}),
        ("POST", "/v1/events", [cloud, event]),
        ("POST", "/v1/sessions/s-1", {"id": f"n-{number}", "context": {}, "events": [{"type": "call_ended"}]}),
        ("POST", "/v1/decisions", {**contact, "events": [{"type": "call_ended", "attributes": {"minutes": 1}}]}),
        ("PUT", "/v1/customers/c-1", {"attributes": profile}),
        ("PATCH", "/v1/customers/c-2", {"attributes": {"age": None}}),
        ("GET", "/v1/customers/c-1", None),
        ("POST", "/v1/customers", [{"id": "c-3", "attributes": profile}]),
        ("GET", "/v1/models", None),
        ("GET", "/healthz", None),
        ("GET", "/readyz", None),
        ("GET", "/metrics", None),
        ("GET", "/openapi.json", None),
    ]


def mutate(chance: random.Random, known: str, number: int) -> Mutated:
    """Make one request and damage it one to three times."""
    method, path, value = chance.choice(good(known, number))
    steps = chance.randint(1, 3)
    for _ in range(steps):
        if value is not None and chance.random() < 0.7:
            value = _damage_value(chance, json.loads(json.dumps(value)))
    body = b"" if value is None else json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "replace")
    headers = [] if value is None else [(b"content-type", b"application/json")]
    request = Mutated(method, path, headers=headers, pieces=[body])
    for _ in range(steps):
        if chance.random() < 0.4:
            chance.choice(_DAMAGES)(chance, request)
    return request


def _damage_value(chance: random.Random, value: Any) -> Any:
    """Damage one place of a JSON value."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        match chance.randrange(5):
            case 0:
                del value[key]
            case 1:
                value[chance.choice(["", "x", "\0", "id", "k" * 500])] = chance.choice(NASTY)
            case 2:
                value[key] = chance.choice(NASTY)
            case _:
                value[key] = _damage_value(chance, value[key])
        return value
    if isinstance(value, list) and value and chance.random() < 0.85:
        place = chance.randrange(len(value))
        if chance.random() < 0.2:
            return value * chance.choice([0, 2, 60])
        value[place] = _damage_value(chance, value[place])
        return value
    return chance.choice(NASTY)


def _flip(chance: random.Random, request: Mutated) -> None:
    body = bytearray(b"".join(request.pieces))
    for _ in range(chance.randint(1, 4)):
        if body:
            body[chance.randrange(len(body))] = chance.randrange(256)
    request.pieces = [bytes(body)]


def _cut(chance: random.Random, request: Mutated) -> None:
    body = b"".join(request.pieces)
    request.pieces = [body[: chance.randint(0, len(body))]]


def _splice(chance: random.Random, request: Mutated) -> None:
    body = b"".join(request.pieces)
    places = [place for place, byte in enumerate(body) if byte in b':,[{"}]'] or [0]
    place = chance.choice(places) + chance.randint(0, 1)
    request.pieces = [body[:place] + chance.choice(RAW) + body[place:]]


def _double_key(chance: random.Random, request: Mutated) -> None:
    body = b"".join(request.pieces)
    request.pieces = [body.replace(b"{", b'{"id": "x", ', 1)]


def _in_pieces(chance: random.Random, request: Mutated) -> None:
    body = b"".join(request.pieces)
    size = chance.choice([1, 7, 100]) if len(body) < 3_000 else 1_000
    request.pieces = [body[start : start + size] for start in range(0, len(body), size)] or [b""]


def _break_off(chance: random.Random, request: Mutated) -> None:
    request.breaks_off = True


def _head(chance: random.Random, request: Mutated) -> None:
    header = chance.choice(HEADERS)
    if chance.random() < 0.5:
        request.headers = [pair for pair in request.headers if pair[0] != header[0]]
    request.headers.append(header)


def _no_head(chance: random.Random, request: Mutated) -> None:
    request.headers = []


def _path(chance: random.Random, request: Mutated) -> None:
    base = request.path.rpartition("/")[0] if chance.random() < 0.7 else request.path
    request.path = f"{base}/{chance.choice(PATHS)}"


def _query(chance: random.Random, request: Mutated) -> None:
    request.query = chance.choice(QUERIES)


def _method(chance: random.Random, request: Mutated) -> None:
    request.method = chance.choice(METHODS)


def _huge(chance: random.Random, request: Mutated) -> None:
    if chance.random() < 0.02:
        request.pieces = [b"[" + b" " * 500_000] * 40


_DAMAGES: tuple[Callable[[random.Random, Mutated], None], ...] = (
    _flip, _cut, _splice, _double_key, _in_pieces, _break_off, _head, _no_head, _path, _query, _method, _huge,
)  # fmt: skip
