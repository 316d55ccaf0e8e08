"""The ASGI application: from bytes to a call, from a reply to bytes, and every error in one shape."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from functools import partial
from time import perf_counter
from typing import Any
from urllib.parse import unquote_to_bytes

import structlog
from prometheus_client import Counter
from starlette.convertors import Convertor, register_url_convertor
from starlette.routing import BaseRoute, Match, Router
from starlette.routing import Route as StarletteRoute
from starlette.types import Receive, Scope, Send

from opportune.errors import OpportuneError
from opportune.service.http.call import ARRIVED, JSON, Call, Reply
from opportune.service.http.metrics import Metrics
from opportune.service.http.problems import Refusal, problem_body, refusal_of
from opportune.service.http.route import Route
from opportune.service.http.routes import ROUTES
from opportune.service.runtime import Runtime

__all__ = ["App"]

BODY_SECONDS = 30.0
"""Time for a body to arrive."""
PROBLEM = b"application/problem+json"

Done = Callable[[], None]
Answer = Callable[[Scope, bytes], Awaitable[tuple[Reply, Done]]]

log = structlog.get_logger()


class App:
    """Serves one runtime; it starts with the application and closes with it."""

    def __init__(self, runtime: Runtime, routes: Iterable[Route] = ROUTES) -> None:
        self.runtime = runtime
        self.metrics = Metrics(runtime)
        by_path: dict[str, dict[str, Route]] = {}
        for route in routes:
            by_path.setdefault(route.path, {})[route.method] = route
        unknown = _Endpoint(self, "unknown", {})
        endpoints = {path: _Endpoint(self, path, methods) for path, methods in by_path.items()}
        self._fixed = {path: endpoint for path, endpoint in endpoints.items() if "{" not in path}
        """Paths without variables, which need no search."""
        self._router = Router(
            [_mounted(path, endpoint) for path, endpoint in endpoints.items()],
            redirect_slashes=False,
            default=unknown.refuse_path,
            lifespan=self._lifespan,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._fixed.get(scope.get("path", ""))
        await (endpoint or self._router)(scope, receive, send)

    def whole(self, path: str) -> Answer | None:
        """Give what answers requests of a path that are there as a whole; None where only ASGI will do."""
        endpoint = self._fixed.get(path)
        return None if endpoint is None else endpoint.answer

    @contextlib.asynccontextmanager
    async def _lifespan(self, router: Any) -> AsyncIterator[None]:
        await self.runtime.start()
        try:
            yield
        finally:
            await self.runtime.close()


class _Endpoint:
    """All methods of one path."""

    def __init__(self, app: App, path: str, methods: Mapping[str, Route]) -> None:
        self._app = app
        self._path = path
        self._methods = dict(methods)
        if "GET" in self._methods:
            self._methods.setdefault("HEAD", self._methods["GET"])
        self._has_variables = "{" in path
        self._seconds = app.metrics.seconds.labels(path)
        self._counts: dict[int, Counter] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begin = perf_counter()
        try:
            reply = await self._reply(scope, receive)
        except ConnectionAbortedError:
            return
        await self._send(send, reply, begin)

    async def answer(self, scope: Scope, body: bytes) -> tuple[Reply, Done]:
        """Answer a request that is there as a whole, beside ASGI.

        Returns:
            the reply, and what is to be called once it is written.
        """
        begin = perf_counter()
        reply = await self._reply(scope, body)
        return reply, partial(self._count, reply.status, begin)

    async def _reply(self, scope: Scope, body: Receive | bytes) -> Reply:
        try:
            return await self._answer(scope, body)
        except ConnectionAbortedError:
            raise
        except OpportuneError as error:
            return self._refuse(refusal_of(error))
        except Exception as error:  # noqa: BLE001  Nobody sees a trace; the log says where.
            log.error("request failed", route=self._path, error=type(error).__name__, where=_frames(error))
            return self._refuse(refusal_of(error))

    async def refuse_path(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a path that no route has."""
        if scope["type"] == "http":
            detail = "no route has this path; GET /openapi.json lists them"
            await self._send(send, self._refuse(Refusal("not-found", detail)), perf_counter())

    def _refuse(self, refusal: Refusal) -> Reply:
        self._app.metrics.refusals.labels(refusal.code).inc()
        headers = tuple((name.lower().encode(), value.encode()) for name, value in refusal.headers.items())
        return Reply(problem_body(refusal), refusal.status, PROBLEM, headers)

    async def _answer(self, scope: Scope, content: Receive | bytes) -> Reply:
        route = self._methods.get(scope["method"])
        if route is None:
            allowed = ", ".join(sorted(self._methods))
            raise Refusal("method-not-allowed", f"expected {allowed}", headers={"Allow": allowed})
        headers = dict(scope["headers"])
        media, body = b"", b""
        if route.takes is not None:
            media = _media(route, headers)
            if isinstance(content, bytes):
                body = content
                if len(body) > route.body_bytes_max:
                    raise _too_large(route.body_bytes_max)
            else:
                # What has arrived whole is there to be taken; a time limit for that would cost more than the taking.
                limit = None if ARRIVED in scope else BODY_SECONDS
                body = await _body(content, headers, route.body_bytes_max, limit)
        app = self._app
        if not app.runtime.ready and not route.before_ready:
            raise Refusal("not-ready", "the service is starting or stopping", headers={"Retry-After": "1"})
        path = _variables(scope) if self._has_variables else {}
        now = perf_counter()
        waited = now - scope.get(ARRIVED, now)
        call = Call(app.runtime, app.metrics, path, scope["query_string"], headers, media, body, waited)
        return await route.handler(call)

    async def _send(self, send: Send, reply: Reply, begin: float) -> None:
        headers = [(b"content-type", reply.media), (b"content-length", b"%d" % len(reply.body)), *reply.headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})
        self._count(reply.status, begin)

    def _count(self, status: int, begin: float) -> None:
        count = self._counts.get(status)
        if count is None:
            count = self._counts[status] = self._app.metrics.requests.labels(self._path, str(status))
        count.inc()
        self._seconds.observe(perf_counter() - begin)


class _Identifier(Convertor[str]):
    """A variable that may hold anything: slashes, which Starlette's own allows, and line feeds, which it does not."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("identifier", _Identifier())


class _PartOfCustomer(StarletteRoute):
    """A path below that of a customer: its slash is written as such, while those of an identifier are encoded."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        last = "/" + self.path.rpartition("/")[2]
        if scope["type"] == "http" and not (scope.get("raw_path") or scope["path"].encode()).endswith(last.encode()):
            return Match.NONE, {}
        return super().matches(scope)


def _mounted(path: str, endpoint: _Endpoint) -> BaseRoute:
    kind = _PartOfCustomer if "{customer}/" in path else StarletteRoute
    return kind(
        re.sub(r"\{(customer|id|session|unit)\}", r"{\1:identifier}", path),
        endpoint=endpoint,
    )


def _media(route: Route, headers: Mapping[bytes, bytes]) -> bytes:
    """Check type and encoding of a body; give the type."""
    given = headers.get(b"content-type", b"")
    if given == JSON and JSON in route.media and b"content-encoding" not in headers:
        return JSON
    media = given.partition(b";")[0].strip().lower()
    if media not in route.media and (media or not _is_empty(headers)):
        wanted = " or ".join(one.decode() for one in route.media)
        # A page of another site cannot send these types without asking: that is why a missing type is refused too.
        raise Refusal("unsupported-media-type", f"expected Content-Type {wanted}")
    if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
        raise Refusal("unsupported-media-type", "expected a body without Content-Encoding")
    charset = given.lower().partition(b"charset=")[2].partition(b";")[0].strip(b' "')
    if charset and charset not in (b"utf-8", b"utf8"):
        raise Refusal("unsupported-media-type", "expected charset utf-8")
    return media or JSON


def _is_empty(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a head announces that no body follows."""
    return headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers


async def _body(receive: Receive, headers: Mapping[bytes, bytes], limit: int, seconds: float | None) -> bytes:
    """Read a body of at most `limit` bytes, within some seconds.

    Raises:
        Refusal: it is longer, or takes too long.
        ConnectionAbortedError: the caller went away.
    """
    length = headers.get(b"content-length", b"0")
    if len(length) > 18 or (length.isdigit() and int(length) > limit):
        raise _too_large(limit)
    waiting = contextlib.nullcontext() if seconds is None else asyncio.timeout(seconds)
    try:
        async with waiting:
            message = await receive()
            if message["type"] != "http.request":
                raise ConnectionAbortedError
            body: bytes = message.get("body", b"")
            if not message.get("more_body"):
                if len(body) > limit:
                    raise _too_large(limit)
                return body
            parts, size = [body], len(body)
            while message.get("more_body"):
                if size > limit:
                    raise _too_large(limit)
                message = await receive()
                if message["type"] != "http.request":
                    raise ConnectionAbortedError
                parts.append(message.get("body", b""))
                size += len(parts[-1])
    except TimeoutError:
        raise Refusal("body-timeout", f"expected the body within {BODY_SECONDS:g} seconds") from None
    if size > limit:
        raise _too_large(limit)
    return b"".join(parts)


def _too_large(limit: int) -> Refusal:
    return Refusal("too-large", f"expected a body of at most {limit} bytes; send several requests")


def _variables(scope: Scope) -> dict[str, str]:
    """Give the path's variables, refusing what is not UTF-8, which the server would have replaced."""
    try:
        unquote_to_bytes(scope.get("raw_path") or scope["path"].encode()).decode("utf-8", "strict")
    except ValueError:
        raise Refusal("invalid-path", "expected a path in UTF-8, percent-encoded") from None
    variables: dict[str, str] = scope["path_params"]
    return variables


def _frames(error: BaseException) -> str:
    """Say where an error came from without its text, which may repeat private values."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return " > ".join(places)
