"""Answer a request that is there as a whole: one call and one write, without the messages of ASGI in between."""

from __future__ import annotations

from typing import cast

import structlog
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from opportune.service.http.app import Answer
from opportune.service.http.call import Reply
from opportune.service.logs import place_of

__all__ = ["answer_whole"]

log = structlog.get_logger()


async def answer_whole(cycle: RequestResponseCycle, answer: Answer) -> None:
    """Answer a request whose body was read to its end; does for it what uvicorn's cycle does around an application."""
    try:
        reply, done = await answer(cast(Scope, cycle.scope), bytes(cycle.body))
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if not cycle.disconnected:
            _write(cycle, reply)
        done()
    except ConnectionAbortedError:
        return
    except Exception as error:  # noqa: BLE001  Whoever waits must hear that nothing more will come.
        log.error("answer not written", error=type(error).__name__, where=place_of(error))
        cycle.transport.close()
    finally:
        cycle.on_response = _nothing


def _write(cycle: RequestResponseCycle, reply: Reply) -> None:
    parts = [
        STATUS_LINE[reply.status],
        b"content-type: %s\r\ncontent-length: %d\r\n" % (reply.media, len(reply.body)),
        *(b"%s: %s\r\n" % header for header in reply.headers),
    ]
    if not cycle.keep_alive:
        parts.append(b"connection: close\r\n")
    parts += (b"\r\n", b"" if cycle.scope["method"] == "HEAD" else reply.body)
    cycle.response_started = True
    cycle.transport.write(b"".join(parts))
    cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()


def _nothing() -> None:
    """Stand for a callback that was called."""
