"""Services over HTTP: what a decision sees of them, and what it never waits for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence

import httpx
import pytest

from opportune.customers.context import Call, Service, address_of
from opportune.customers.context.fetching import PAUSE_SECONDS, WAITING_MAX, Fetching
from opportune.customers.context.pointers import at, is_pointer
from opportune.customers.context.remote import host_of
from opportune.records import Value
from tests.customers.context.strategies import fill, sources

WEATHER = Service("weather", ("/now/rain", "/now/words", "/list/1"), 0.2, 60.0, 2)
HERE = Call(WEATHER, "https://weather.example/warsaw")
ANSWER = {"now": {"rain": 1.5, "words": "drizzle"}, "list": [1, 2]}


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


class World:
    """A service that answers as told, and counts its calls."""

    def __init__(self, status: int = 200, body: object = ANSWER, seconds: float = 0.0) -> None:
        self.status, self.body, self.seconds = status, body, seconds
        self.calls: list[str] = []
        self.at_once = self.most_at_once = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(str(request.url))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.at_once -= 1
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        return httpx.Response(self.status, content=body)


def run(
    world: World, story: Callable[[Fetching, Clock], Awaitable[None]], hosts: Sequence[str] = ("weather.example",)
) -> Fetching:
    async def live() -> Fetching:
        clock = Clock()
        async with Fetching(hosts, httpx.MockTransport(world), clock) as fetching:
            await story(fetching, clock)
        return fetching

    return asyncio.run(live())


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0.001)


def test_the_first_question_is_late_and_the_next_is_answered() -> None:
    async def story(fetching: Fetching, clock: Clock) -> None:
        assert fetching.answer(HERE) is None
        await until(lambda: fetching.figures.fetched == 1)
        assert fetching.answer(HERE) == (1.5, "drizzle", 2)

    world = World()
    run(world, story)

    assert world.calls == [HERE.url]


def test_an_answer_serves_until_it_is_too_old_and_is_fetched_anew_before() -> None:
    async def story(fetching: Fetching, clock: Clock) -> None:
        fetching.answer(HERE)
        await until(lambda: fetching.figures.fetched == 1)
        clock.seconds += 29
        fetching.answer(HERE)
        await asyncio.sleep(0.01)
        assert fetching.figures.fetched == 1
        clock.seconds += 2
        assert fetching.answer(HERE) is not None
        await until(lambda: fetching.figures.fetched == 2)
        clock.seconds += 61
        assert fetching.answer(HERE) is None

    run(World(), story)


def test_the_same_question_is_under_way_once() -> None:
    async def story(fetching: Fetching, clock: Clock) -> None:
        for _ in range(100):
            fetching.answer(HERE)
        await until(lambda: fetching.figures.fetched == 1)

    world = World(seconds=0.01)
    run(world, story)

    assert len(world.calls) == 1


def test_no_more_calls_are_under_way_than_allowed() -> None:
    async def story(fetching: Fetching, clock: Clock) -> None:
        for number in range(20):
            fetching.answer(Call(WEATHER, f"https://weather.example/{number}"))
        await until(lambda: fetching.figures.fetched == 20)

    world = World(seconds=0.002)
    run(world, story)

    assert world.most_at_once == WEATHER.calls_at_once


@pytest.mark.parametrize(
    "world",
    [
        World(status=500),
        World(status=429),
        World(status=302),
        World(body=b"{"),
        World(body=b"\xff"),
        World(body=b"[" * 50_000),
        World(body=b" " * 2_000_000),
        World(seconds=30.0),
    ],
    ids=["failing", "overloaded", "redirecting", "no-json", "no-text", "nested", "too-large", "slow"],
)
def test_a_dead_service_is_left_alone_longer_each_time(world: World) -> None:
    async def story(fetching: Fetching, clock: Clock) -> None:
        for number, pause in enumerate((PAUSE_SECONDS, 2 * PAUSE_SECONDS, 4 * PAUSE_SECONDS), start=1):
            assert fetching.answer(HERE) is None
            await until(lambda number=number: fetching.figures.failed == number)
            clock.seconds += pause - 0.01
            assert fetching.answer(HERE) is None
            await asyncio.sleep(0.005)
            assert fetching.figures.failed == number
            clock.seconds += 0.02

    run(world, story)


def test_a_service_that_comes_back_is_asked_again() -> None:
    world = World(status=503)

    async def story(fetching: Fetching, clock: Clock) -> None:
        fetching.answer(HERE)
        await until(lambda: fetching.figures.failed == 1)
        world.status = 200
        clock.seconds += PAUSE_SECONDS
        fetching.answer(HERE)
        await until(lambda: fetching.figures.fetched == 1)
        assert fetching.answer(HERE) is not None

    run(world, story)


def test_what_a_service_does_not_know_is_known_to_be_missing() -> None:
    async def story(fetching: Fetching, clock: Clock) -> None:
        fetching.answer(HERE)
        await until(lambda: fetching.figures.fetched == 1)
        assert fetching.answer(HERE) == (None, None, None)

    run(World(status=404), story)


def test_hosts_that_the_operator_did_not_name_are_never_asked() -> None:
    async def story(fetching: Fetching, clock: Clock) -> None:
        for url in (
            "https://other.example/",
            "https://weather.example:8443/",
            "https://weather.example@other.example/",
        ):
            assert fetching.answer(Call(WEATHER, url)) is None
        await asyncio.sleep(0.01)

    world = World()
    run(world, story)

    assert world.calls == []


def test_questions_beyond_the_queue_are_dropped_and_counted() -> None:
    async def story(fetching: Fetching, clock: Clock) -> None:
        for number in range(WAITING_MAX + 5):
            fetching.answer(Call(WEATHER, f"https://weather.example/{number}"))

    assert run(World(seconds=1.0), story).figures.dropped == 5


def test_after_the_end_nothing_is_asked_and_nothing_hangs() -> None:
    async def story(fetching: Fetching, clock: Clock) -> None:
        fetching.answer(HERE)
        await asyncio.sleep(0.005)

    fetching = run(World(seconds=30.0), story)

    assert fetching.answer(HERE) is None


def test_a_real_server_on_the_loopback_is_asked() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps(ANSWER).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, Fetching([host]) as fetching:
            call = Call(WEATHER, f"http://{host}/")
            fetching.answer(call)
            await until(lambda: fetching.figures.fetched == 1)
            assert fetching.answer(call) == (1.5, "drizzle", 2)

    asyncio.run(story())


class Kept:
    """Answers of a service that a test gives."""

    def __init__(self, *values: Value | None) -> None:
        self.values = values
        self.urls: list[str] = []

    def answer(self, call: Call) -> Sequence[Value | None]:
        self.urls.append(call.url)
        return self.values


TAKEN = """
town: { type: text }
rain: { type: number, source: weather.rain }
words: { type: text, source: weather.words, values: [dry, wet] }
"""
DECLARED = """
weather:
  kind: http
  url: "https://weather.example/{context.town}?hour={context.hour}"
  values: { rain: /now/rain, words: /now/words }
  timeout_ms: 500
"""


def test_a_strategy_takes_values_and_says_what_it_could_not_take() -> None:
    compiled = sources("hour: { type: integer, source: time.hour }" + TAKEN, DECLARED)
    kept = Kept(3, "wet")

    found = fill(compiled, answers=kept, town="Zielona Góra/1")

    assert kept.urls == ["https://weather.example/Zielona%20G%C3%B3ra%2F1?hour=12"]
    assert (found.facts["context.rain"], found.facts["context.words"], found.doubts) == (3.0, "wet", ())
    assert fill(compiled, answers=Kept("3", None), town="x").doubts == (
        "context.rain: unreadable",
        "context.words: no data",
    )
    assert fill(compiled, answers=Kept(True, "damp"), town="x").doubts == (
        "context.rain: unreadable",
        "context.words: out of range",
    )
    assert fill(compiled, town="x").doubts == ("context.rain: late", "context.words: late")
    assert fill(compiled).doubts == ()


@pytest.mark.parametrize(
    ("value", "written"),
    [(52.2297, "52.23"), (-0.001, "0.00"), (-7, "-7"), (True, "true"), ("a&b=c #/?", "a%26b%3Dc%20%23%2F%3F")],
)
def test_values_in_addresses_are_rounded_and_escaped(value: Value, written: str) -> None:
    assert address_of("https://x.example/{customer.a}", 2).of({"customer.a": value}) == f"https://x.example/{written}"


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_no_value_leads_to_another_address(value: str) -> None:
    assert address_of("https://x.example/v1/{context.a}/now", 2).of({"context.a": value}) is None


def test_a_number_too_large_for_a_number_is_unreadable() -> None:
    compiled = sources("hour: { type: integer, source: time.hour }" + TAKEN, DECLARED)

    assert fill(compiled, answers=Kept(10**400, "dry"), town="x").doubts == ("context.rain: unreadable",)


@pytest.mark.parametrize("url", ["https://x.example/{a", "https://x.example/a}", "https://x.example/{a{b}}"])
def test_braces_need_each_other(url: str) -> None:
    with pytest.raises(ValueError, match="brace"):
        address_of(url, 2)


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", {"a/b": [{"~": 1}]}),
        ("/a~1b/0/~0", 1),
        ("/a~1b/1", None),
        ("/x", None),
        ("/a~1b/x", None),
        ("/a~1b/0/~0/y", None),
    ],
)
def test_pointers_lead_to_values(pointer: str, value: object) -> None:
    assert is_pointer(pointer)
    assert at({"a/b": [{"~": 1}]}, pointer) == value


@pytest.mark.parametrize("text", ["now", "/a~", "/a~2"])
def test_other_texts_are_no_pointers(text: str) -> None:
    assert not is_pointer(text)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://A.example/x", "a.example"),
        ("http://127.0.0.1:80?x", "127.0.0.1:80"),
        ("https://a@b/x", ""),
        ("https://a\\b/", ""),
        ("nothing", ""),
    ],
)
def test_the_host_of_an_address_is_read_as_it_stands(url: str, host: str) -> None:
    assert host_of(url) == host
