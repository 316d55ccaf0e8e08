"""The service as a process: raw bytes, limits, and how it stops."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from .process import Running, exchange, running
from .shop import decision

pytestmark = pytest.mark.serial

BODY = json.dumps(decision()).encode()
HEAD = b"POST /v1/decisions HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
CLOSE = b"Connection: close\r\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("sockets") / "shop.db") as one:
        yield one


def whole(body: bytes = BODY) -> bytes:
    return HEAD + CLOSE + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def status(answer: bytes) -> int:
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return int(found[1]) if found else 0


def test_a_whole_request_is_answered(service: Running) -> None:
    answer = exchange(service.port, whole())

    assert status(answer) == 200
    assert b"server:" not in answer.lower().partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",), 400),
        ((b"GET\r\n\r\n",), 400),
        ((b"GET / HTTP/9.9\r\n\r\n",), 400),
        ((b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",), 400),
        ((HEAD + b"Content-Length: ten\r\n\r\n{}",), 400),
        ((HEAD + b"Content-Length: -5\r\n\r\n{}",), 400),
        ((HEAD + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\n{}",), 400),
        ((HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",), 400),
        ((HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",), 400),
        ((HEAD + CLOSE + b"Content-Length: 99999999999999999999\r\n\r\n{}",), 400),
        ((HEAD + CLOSE + b"Content-Length: 999999999\r\n\r\n{}",), 413),
        ((HEAD + CLOSE + b"Transfer-Encoding: chunked\r\n\r\nfffff\r\n" + b" " * 0xFFFFF + b"\r\n0\r\n\r\n",), 413),
        ((HEAD + CLOSE + b"X: " + b"a" * 40_000 + b"\r\nContent-Length: 2\r\n\r\n{}",), 431),
        ((b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",), 431),
        ((b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + CLOSE + b"X-Many: 1\r\n" * 4_000 + b"\r\n",), 431),
        ((b"BREW /v1/decisions HTTP/1.1\r\nHost: x\r\n\r\n",), 400),
        ((b"TRACE /v1/decisions HTTP/1.1\r\nHost: x\r\n" + CLOSE + b"\r\n",), 405),
    ],
)  # fmt: skip
def test_bytes_that_are_no_good_request_are_refused(service: Running, parts: tuple[bytes, ...], expected: int) -> None:
    answer = exchange(service.port, *parts)

    assert status(answer) == expected
    assert b"application/problem+json" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == expected


def test_a_caller_who_closes_its_half_still_gets_its_answers(service: Running) -> None:
    requests = [
        HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        for body in (json.dumps(decision(f"half-{number}")).encode() for number in range(3))
    ]

    assert exchange(service.port, b"".join(requests)).count(b"HTTP/1.1 200 ") == 3


def test_a_head_without_end_is_cut_off(service: Running) -> None:
    answer = exchange(service.port, b"GET / HTTP/1.1\r\nX: ", *[b"a" * 8_000] * 40)

    assert status(answer) in (0, 431)


def test_a_body_in_small_chunks_is_one_body(service: Running) -> None:
    body = json.dumps(decision("chunked")).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"

    assert status(exchange(service.port, HEAD + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n", chunks)) == 200


def test_requests_behind_each_other_on_one_connection_are_all_answered(service: Running) -> None:
    bodies = [json.dumps(decision(f"pipe-{number}")).encode() for number in range(5)]
    requests = [HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body) for body in bodies]
    requests[-1] = requests[-1].replace(b"Host: shop\r\n", b"Host: shop\r\n" + CLOSE)

    answer = exchange(service.port, b"".join(requests), half_close=False)

    assert answer.count(b"HTTP/1.1 200 ") == 5
    assert answer.count(b'"degraded":null') == 5


@pytest.mark.parametrize("path", ["/healthz", "/v1/models", "/v1/decisions", "/v1/customers/c-404"])
def test_the_head_of_an_answer_comes_without_its_body(service: Running, path: str) -> None:
    asked = f"HEAD {path} HTTP/1.1\r\nHost: shop\r\n\r\nHEAD /healthz HTTP/1.1\r\nHost: shop\r\n".encode()

    answer = exchange(service.port, asked + CLOSE + b"\r\n")

    first, second, rest = answer.split(b"\r\n\r\n")
    assert int(re.search(rb"content-length: (\d+)", first)[1]) > 0  # type: ignore[index]
    assert (status(second), rest) == (200, b"")


def test_a_caller_who_would_like_http_2_is_answered_in_http_1(service: Running) -> None:
    wish = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    body = json.dumps(decision("upgrade")).encode()

    answer = exchange(service.port, HEAD + wish + b"Content-Length: %d\r\n\r\n" % len(body), body, whole())

    assert answer.count(b"HTTP/1.1 200 ") == 2


def test_a_wish_in_a_body_is_no_wish(service: Running) -> None:
    body = b'{"id": "wish",\r\nUpgrade: h2c\r\n}'
    head, end = whole(body)[: -len(body) - 1], b"\n" + body

    for parts in ((head + end,), (head, end)):
        answer = exchange(service.port, *parts, half_close=False)

        assert status(answer) == 400
        assert b"malformed-json" in answer


def test_damaged_bytes_are_answered_with_4xx_or_the_connection_ends(service: Running) -> None:
    chance = random.Random(20260504)
    good = whole(json.dumps(decision("damaged")).encode())
    statuses = set()
    for _ in range(400):
        raw = bytearray(good)
        for _ in range(chance.randint(1, 6)):
            place = chance.randrange(len(raw))
            if chance.random() < 0.5:
                raw[place] = chance.randrange(256)
            elif chance.random() < 0.5:
                del raw[place : place + chance.randint(1, 20)]
            else:
                raw[place:place] = chance.randbytes(chance.randint(1, 20))
        statuses.add(status(exchange(service.port, bytes(raw), timeout=0.15)))

    # 0: a body shorter than announced, of which nobody can know that it will not come.
    assert {one for one in statuses if one >= 500} == set()
    assert httpx.get(service.url + "/healthz").status_code == 200


def test_a_signal_to_stop_ends_it_cleanly_and_keeps_the_model(tmp_path: Path) -> None:
    with running(tmp_path / "shop.db") as service:
        answer = httpx.post(service.url + "/v1/decisions", json=decision()).json()
        outcome = {"id": "o-1", "decision": answer["id"], "action": "water", "outcome": "accept"}
        httpx.post(service.url + "/v1/outcomes", json=outcome)
        code = service.stop()

    with running(tmp_path / "shop.db") as service:
        models = httpx.get(service.url + "/v1/models").json()["models"]

    assert code == 0
    assert models[0]["evidence"]["drinks/water/till/card"]["accept"] == 1
    assert models[0]["journal"] == models[0]["position"] + 1


def test_logs_are_json_and_name_nobody(tmp_path: Path) -> None:
    with running(tmp_path / "shop.db") as service:
        canary = "Zebra47Quokka"
        httpx.put(f"{service.url}/v1/customers/{canary}", json={"attributes": {"city": canary}})
        httpx.post(f"{service.url}/v1/decisions", json=decision(canary, customer=canary, session=canary))
        httpx.post(f"{service.url}/v1/decisions", content=canary, headers={"content-type": "application/json"})
        exchange(service.port, canary.encode() * 10 + b"\r\n\r\n")
        service.stop()

    logs = "".join(service.lines)
    assert all(json.loads(line)["event"] for line in service.lines if line.startswith("{"))
    assert "Zebra47Quokka" not in logs


def test_a_port_in_use_is_said(service: Running, tmp_path: Path) -> None:
    import subprocess
    import sys

    from .shop import PROJECT

    command = [sys.executable, "-m", "opportune.cli", "serve", str(PROJECT), "--store", str(tmp_path / "other.db")]
    ended = subprocess.run(
        [*command, "--kernel", "numpy", "--port", str(service.port)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {service.port}" in ended.stderr
