"""Connections on which no request begins, or none gets on, do not stay for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import uvicorn

from opportune.service.http import protocol
from opportune.service.http.admission import Admission
from opportune.service.http.protocol import BoundedProtocol

from .shop import Service

HEALTH = b"GET /healthz HTTP/1.1\r\nhost: shop\r\n\r\n"
IDLE = 0.05


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "IDLE_SECONDS", IDLE)


@asynccontextmanager
async def port_of(service: Service) -> AsyncIterator[int]:
    config = uvicorn.Config(service.app, lifespan="off", log_config=None)
    config.load()
    state = uvicorn.server.ServerState()
    admission = Admission(lambda: 0.1)
    make = partial(BoundedProtocol, admission, service.app, config=config, server_state=state, app_state={})
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        while state.connections:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("before", "partial_head"),
    [(b"", b""), (b"", b"POST /v1"), (b"", HEALTH[:-2]), (HEALTH, b"GET /he")],
)
def test_a_head_that_does_not_end_ends_the_connection(service: Service, before: bytes, partial_head: bytes) -> None:
    async def run() -> bytes:
        async with port_of(service) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(before)
            if before:
                assert await reader.readuntil(b"\r\n\r\n")
            writer.write(partial_head)
            rest = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            await writer.wait_closed()
            return rest

    assert service.runner.run(run()).count(b"HTTP/1.1") == 0


def test_a_request_that_comes_in_pieces_and_others_after_it_are_answered(service: Service) -> None:
    async def run() -> int:
        async with port_of(service) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            answers = 0
            for pieces in ((HEALTH[:9], HEALTH[9:]), (HEALTH,), (HEALTH[:30], HEALTH[30:])):
                for piece in pieces:
                    writer.write(piece)
                    await asyncio.sleep(0)
                answers += (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
                await reader.readexactly(len((await service.acall("GET", "/healthz")).content))
            # Longer than a head may take: none is awaited, and uvicorn's own time goes on.
            await asyncio.sleep(4 * IDLE)
            writer.write(HEALTH)
            answers += (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            writer.close()
            await writer.wait_closed()
            return answers

    assert service.runner.run(run()) == 4
