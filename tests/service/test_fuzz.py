"""Whatever is sent, the service answers with something below 500, in one shape, and goes on."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from time import process_time
from typing import Any

import pytest

from opportune.service.http.app import App

from .mutations import Mutated, mutate
from .shop import Service, decision

SECONDS_MAX = 1.0


async def send(app: App, request: Mutated) -> tuple[int, bytes, bytes]:
    """Send one request to the application as a server would; give status, media type and body."""
    messages = list(request.messages())
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def keep(message: Any) -> None:
        sent.append(message)

    await app(request.scope(), receive, keep)
    if not sent:
        return 0, b"", b""
    media = dict(sent[0]["headers"])[b"content-type"]
    return sent[0]["status"], media, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.mark.parametrize("requests", [4_000, pytest.param(100_000, marks=pytest.mark.full)])
def test_mutated_requests_over_all_routes_are_never_a_5xx(service: Service, requests: int) -> None:
    chance = random.Random(20260504)
    service.call("PUT", "/v1/customers/c-1", {"attributes": {"age": 40}})
    known = service.decide()["id"]
    statuses: Counter[int] = Counter()
    slowest = 0.0

    async def all_of_them() -> None:
        nonlocal slowest
        for number in range(requests):
            request = mutate(chance, known, number)
            begin = process_time()
            status, media, body = await send(service.app, request)
            slowest = max(slowest, process_time() - begin)
            statuses[status] += 1
            assert status < 500, (request, body)
            assert status or request.breaks_off, request
            if status >= 400:
                assert media == b"application/problem+json"
                assert json.loads(body)["status"] == status

    service.runner.run(asyncio.wait_for(all_of_them(), 600))
    print(f"{requests} requests, slowest {slowest * 1e3:.0f} ms of the processor, {dict(sorted(statuses.items()))}")
    assert service.decide("afterwards")["degraded"] is None
    assert statuses[200] > requests / 50
    assert slowest < SECONDS_MAX


def test_the_fuzzer_notices_a_5xx(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*args: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(service.runtime, "decide", broken)

    response = service.call("POST", "/v1/decisions", decision())

    assert response.status_code == 500
    assert response.json()["code"] == "internal-error"
