"""The demo's channel sends again what a busy service could not take, under the same id."""

from __future__ import annotations

import httpx
import pytest

from examples.coupons import demo


def sent(*answers: int | None) -> tuple[dict[str, str], list[float], list[bytes]]:
    """Post once to a service that answers so; None is no answer."""
    left, bodies, seconds = list(answers), [], []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        status = left.pop(0)
        if status is None:
            raise httpx.ReadTimeout("late")
        return httpx.Response(status, json={"status": "recorded"})

    with httpx.Client(base_url="http://service", transport=httpx.MockTransport(answer)) as http:
        return demo.timed_post(http, "/v1/outcomes", {"id": "o-1"}, seconds), seconds, bodies


def test_what_a_busy_service_does_not_take_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "PAUSE_SECONDS", 0.0)

    said, seconds, bodies = sent(503, None, 200)

    assert said == {"status": "recorded"}
    assert (len(seconds), len(bodies), len(set(bodies))) == (1, 3, 1)


def test_a_refusal_is_not_sent_again() -> None:
    with pytest.raises(httpx.HTTPStatusError):
        sent(422, 200)


def test_a_service_that_stays_silent_is_told_of_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(demo, "PAUSE_SECONDS", 0.01)

    with pytest.raises(SystemExit, match="has not answered"):
        sent(*[503] * 1_000)
