"""uvicorn's protocol with bounds: on headers, and on how long a request may wait for the loop."""

from __future__ import annotations

import re
from asyncio import TimerHandle
from functools import partial
from typing import Any

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from opportune.service.http.admission import Admission, Lane
from opportune.service.http.app import App
from opportune.service.http.call import ARRIVED
from opportune.service.http.problems import Refusal, problem_body
from opportune.service.http.whole import answer_whole

__all__ = ["IDLE_SECONDS", "BoundedProtocol"]

HEADER_BYTES_MAX = 32_768
"""Request line and headers together."""
SKIPPED_BYTES_MAX = 1_000_000
"""Longest body that is passed over unread; longer ones are left to the parser and its limits."""
HELD_SECONDS = 1.0
"""How long a request waits for the rest of its body before it takes its place without it."""
RETRY_SECONDS = 1
IDLE_SECONDS = 75
"""How long a connection is kept on which no request begins, or one begins and its head does not end."""

_API = b"POST /v1/"
_DECISIONS = b"POST /v1/decisions HTTP/1.1\r\n"
_OTHERS = (b"POST /v1/outcomes HTTP/1.1\r\n", b"POST /v1/events HTTP/1.1\r\n", b"POST /v1/customers HTTP/1.1\r\n")
_ODD = (b"transfer-encoding", b"expect", b"upgrade", b"\r\nconnection:")
"""Words that leave a head to the parser."""
_UPGRADE = re.compile(rb"\r\n(?i:upgrade):[^\r\n]*")


class BoundedProtocol(HttpToolsProtocol):
    """Refuses what is too long, and what would be answered too late; the latter before anything is parsed.

    Args:
        admission: of the whole process.
        application: what answers.
    """

    def __init__(self, admission: Admission, application: App, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._application = application
        self._admission = admission
        self._head_bytes = 0
        self._in_head = True
        self._in_message = False
        self._to_skip = 0
        self._held: RequestResponseCycle | None = None
        self._held_timer: TimerHandle | None = None
        self._head_timer: TimerHandle | None = None
        self.retiring = False
        """Whether the connection ends with its next answer, as another process has fewer."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        if self._to_skip:
            passed = min(self._to_skip, len(data))
            self._to_skip -= passed
            data = data[passed:]
            if not data:
                return
        if self._admission.is_busy and not self._in_message and self._is_idle():
            rest = self._refuse_unread(data)
            if rest is not None:
                if rest:
                    self.data_received(rest)
                return
        if self._in_head:
            self._head_bytes += len(data)
            if not self._in_message:
                data = _without_upgrade(data)
        super().data_received(data)
        if self._in_head:
            if self._head_bytes > HEADER_BYTES_MAX and not self.transport.is_closing():
                self._refuse_head()
            elif self._head_timer is None and self.timeout_keep_alive_task is None and self._is_idle():
                self._await_head()
        if self._held is not None and self._held_timer is None:
            self._held_timer = self.loop.call_later(HELD_SECONDS, self._release)

    def connection_lost(self, exc: Exception | None) -> None:
        self._held = None
        self._release()
        self._stop_awaiting_head()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep the way back open for a caller who has said everything and waits for the answer."""
        last = self.pipeline[0][0] if self.pipeline else self.cycle
        if last is None or last.response_complete or last.more_body:
            return False
        last.keep_alive = False
        return True

    def on_message_begin(self) -> None:
        self._in_message = self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_awaiting_head()
        size = len(self.url)
        for name, value in self.headers:
            size += len(name) + len(value) + 4
        if size > HEADER_BYTES_MAX:
            self._head_bytes = HEADER_BYTES_MAX + 1
            # The parser turns this into the answer to what is not HTTP.
            raise ValueError
        super().on_headers_complete()
        if self.retiring and self.cycle is not None:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        if self._held is not None and len(self._held.body) > HIGH_WATER_LIMIT:
            # Reading pauses here until the application asks for more.
            self._release()

    def on_message_complete(self) -> None:
        # Bytes between two messages count for the next head.
        self._in_head, self._in_message = True, False
        self._head_bytes = 0
        self.scope[ARRIVED] = self._admission.arrival()  # type: ignore[literal-required]
        super().on_message_complete()
        self._release()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP in the one shape of errors."""
        if self._head_bytes > HEADER_BYTES_MAX:
            self._refuse_head()
            return
        self._send_refusal(Refusal("malformed-http", "expected a request in HTTP/1.1"), b"400 Bad Request")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Let a request wait for its body and its turn; what asks for the state of the process waits for neither."""
        lane = self._lane(cycle)
        if lane is None or _announced(cycle) > SKIPPED_BYTES_MAX:
            super()._start_asgi_task(cycle, app)
        elif self._admission.is_full(lane):
            lane.refused += 1
            super()._start_asgi_task(cycle, _refuse)
        elif cycle.more_body and not cycle.waiting_for_100_continue:
            self._held = cycle
        else:
            self._admission.enter(lane, partial(self._start, cycle))

    def _release(self) -> None:
        """Let the request that waits for its body take its place."""
        cycle, self._held = self._held, None
        if self._held_timer is not None:
            self._held_timer.cancel()
            self._held_timer = None
        if cycle is not None:
            lane = self._lane(cycle)
            assert lane is not None
            self._admission.enter(lane, partial(self._start, cycle))

    def _start(self, cycle: RequestResponseCycle) -> None:
        if cycle.disconnected:
            return
        answer = None
        if not cycle.more_body and not cycle.waiting_for_100_continue:
            answer = self._application.whole(cycle.scope["path"])
        if answer is None:
            super()._start_asgi_task(cycle, self.app)
            return
        task = self.loop.create_task(answer_whole(cycle, answer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(IDLE_SECONDS, self.transport.close)

    def _stop_awaiting_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _lane(self, cycle: RequestResponseCycle) -> Lane | None:
        path = cycle.scope["path"]
        if path == "/v1/decisions" and cycle.scope["method"] == "POST":
            return self._admission.decisions
        return self._admission.others if path.startswith("/v1/") else None

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _refuse_unread(self, data: bytes) -> bytes | None:
        """Refuse a request that would be late by its head alone.

        Returns:
            what follows it; None where it is to be parsed, as it may be let in, or is not of the plain kind.
        """
        if data.startswith(_DECISIONS):
            lane = self._admission.decisions
        elif data.startswith(_API) and data.startswith(_OTHERS):
            lane = self._admission.others
        else:
            return None
        if not self._admission.is_full(lane):
            return None
        end = data.find(b"\r\n\r\n") + 4
        length = _body_length(data[:end].lower()) if end > 3 else None
        if length is None:
            return None
        lane.refused += 1
        self._stop_awaiting_head()
        self._unset_keepalive_if_required()
        self.transport.write(_REFUSAL)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        self._to_skip = max(0, end + length - len(data))
        return data[end + length :]

    def _refuse_head(self) -> None:
        detail = f"expected request line and headers of at most {HEADER_BYTES_MAX} bytes"
        self._send_refusal(Refusal("headers-too-large", detail), b"431 Request Header Fields Too Large")

    def _send_refusal(self, refusal: Refusal, status: bytes) -> None:
        body = problem_body(refusal)
        headers = b"content-type: application/problem+json\r\ncontent-length: %d\r\nconnection: close" % len(body)
        self.transport.write(b"HTTP/1.1 %s\r\n%s\r\n\r\n%s" % (status, headers, body))
        self.transport.close()


def _without_upgrade(data: bytes) -> bytes:
    """Leave out that a caller would like another protocol, such as HTTP/2: the parser would take the body for its.

    Args:
        data: begins with a head, so that its first empty line ends that and nothing of a body is touched.
    """
    end = data.find(b"\r\n\r\n")
    found = _UPGRADE.search(data, 0, len(data) if end < 0 else end)
    return data if found is None else data[: found.start()] + data[found.end() :]


def _announced(cycle: RequestResponseCycle) -> int:
    """Read the length that a head announces; 0 where it does not."""
    for name, length in cycle.scope["headers"]:
        if name == b"content-length":
            return int(length) if length.isdigit() else 0
    return 0


def _body_length(head: bytes) -> int | None:
    """Read the length of the body from a head in lower case; None where the parser must look at it."""
    head = head.replace(b"\r\nconnection: keep-alive\r\n", b"\r\n")
    if head.count(b"content-length") != 1 or any(word in head for word in _ODD):
        return None
    start = head.find(b"\r\ncontent-length:") + 17
    digits = head[start : head.find(b"\r\n", start)].strip(b" \t")
    if start < 17 or not digits.isdigit() or len(digits) > 9 or int(digits) > SKIPPED_BYTES_MAX:
        return None
    return int(digits)


_LATE = problem_body(Refusal("overloaded", "too much to do: the answer would be late; send it again later"))
_HEADERS = (
    (b"content-type", b"application/problem+json"),
    (b"retry-after", b"%d" % RETRY_SECONDS),
    (b"content-length", b"%d" % len(_LATE)),
)
_REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\n%s\r\n%s" % (
    b"".join(b"%s: %s\r\n" % header for header in _HEADERS),
    _LATE,
)


async def _refuse(scope: Any, receive: Any, send: Any) -> None:
    """Refuse a request that was parsed already."""
    await send({"type": "http.response.start", "status": 503, "headers": list(_HEADERS)})
    await send({"type": "http.response.body", "body": _LATE})
