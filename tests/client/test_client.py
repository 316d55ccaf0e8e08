"""The Python client, against transports that answer, refuse, fail and are away."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

import opportune
from opportune.client import AWAY, AsyncClient, Client
from opportune.errors import InputError, ServiceError

ANSWER = {
    "id": "d-1",
    "revision": "abc",
    "degraded": None,
    "control": None,
    "placements": [{"name": "receipt", "actions": [{"action": "water", "treatment": "card", "rank": 1}]}],
}
DEFAULTS = {"till/receipt": [{"action": "water", "content": {"title": "A water"}}, {"action": "tea"}]}


class Script:
    """Answers one request after the other from a list; an exception stands for a broken connection."""

    def __init__(self, *steps: Any) -> None:
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        status, body = step
        return httpx.Response(status, json=body, headers={"retry-after": "0"} if status == 503 else {})

    def ids(self) -> list[str]:
        return [json.loads(request.content)["id"] for request in self.requests]


def sync(script: Script, use: Callable[[Client], Any]) -> Any:
    with Client("http://shop", defaults=DEFAULTS, transport=httpx.MockTransport(script)) as client:
        return use(client)


def of_async(script: Script, name: str, *args: Any, **fields: Any) -> Any:
    async def use() -> Any:
        async with AsyncClient("http://shop", defaults=DEFAULTS, transport=httpx.MockTransport(script)) as client:
            return await getattr(client, name)(*args, **fields)

    return asyncio.run(use())


def both(script: Callable[[], Script], name: str, *args: Any, **fields: Any) -> list[tuple[Any, Script]]:
    one, other = script(), script()
    return [
        (sync(one, lambda client: getattr(client, name)(*args, **fields)), one),
        (of_async(other, name, *args, **fields), other),
    ]


def test_an_answer_is_read_into_its_record() -> None:
    for answer, script in both(lambda: Script((200, ANSWER)), "decide", "till", "receipt", customer="c-1"):
        assert answer.placements[0].actions[0].action == "water"
        sent = json.loads(script.requests[0].content)
        assert (sent["channel"], sent["placements"], sent["customer"]) == ("till", [{"name": "receipt"}], "c-1")


def test_a_retry_keeps_the_id() -> None:
    steps = (httpx.ConnectError("no"), (503, {}), (200, ANSWER))

    for answer, script in both(lambda: Script(*steps), "decide", "till", "receipt"):
        assert answer.id == "d-1"
        assert len(script.ids()) == 3
        assert len(set(script.ids())) == 1


@pytest.mark.parametrize("step", [httpx.ConnectError("no"), httpx.ReadTimeout("slow"), (503, {}), (500, {})])
def test_while_the_service_is_away_the_defaults_are_shown(step: Any) -> None:
    for answer, _ in both(lambda: Script(step), "decide", "till", [{"name": "receipt", "size": 1}, "screen"]):
        assert answer.degraded == AWAY
        assert [shown.action for shown in answer.placements[0].actions] == ["water"]
        assert answer.placements[0].actions[0].content == {"title": "A water"}
        assert answer.placements[1].actions == ()


def test_a_refusal_is_raised_with_its_code_and_not_repeated() -> None:
    problem = {"title": "The request is wrong", "detail": "channel: no such channel", "code": "unknown-channel"}
    script = Script((422, problem))

    with pytest.raises(ServiceError) as caught:
        sync(script, lambda client: client.decide("tll", "receipt"))

    assert (caught.value.status, caught.value.code) == (422, "unknown-channel")
    assert len(script.requests) == 1


def test_a_refusal_says_what_to_do() -> None:
    wrong = [
        {"where": "channel", "message": "the strategy has no such channel", "remedy": "did you mean 'till'?"},
        {"where": "context", "message": "there is an attribute that the project does not declare", "remedy": ""},
    ]
    told = {"title": "No such channel", "detail": "channel: none", "code": "unknown-channel", "problems": wrong}

    with pytest.raises(ServiceError) as caught:
        sync(Script((422, told)), lambda client: client.decide("tll", "receipt"))

    first, second = str(caught.value).splitlines()
    assert first == "No such channel: channel: the strategy has no such channel; did you mean 'till'?"
    assert second == "context: there is an attribute that the project does not declare"


def test_an_outcome_that_could_not_be_reported_says_so() -> None:
    with pytest.raises(ServiceError) as caught:
        sync(Script(httpx.ConnectError("no")), lambda client: client.outcome("d-1", "water", "accept"))

    assert caught.value.code == "unreachable"


def test_outcomes_and_events_carry_ids() -> None:
    for recorded, script in both(
        lambda: Script((200, {"status": "recorded", "sequence": 7})), "outcome", "d-1", "water", "accept"
    ):
        assert recorded.sequence == 7
        assert script.ids()[0]
    for recorded, script in both(
        lambda: Script((200, {"status": "repeated", "sequence": 7})), "event", "call_ended", customer="c-1", id="e-1"
    ):
        assert recorded.status == "repeated"
        assert script.ids() == ["e-1"]


def test_a_batch_tells_what_became_of_each() -> None:
    wrong = {"where": "action", "message": "the strategy has no such action", "remedy": "did you mean 'water'?"}
    body = {
        "recorded": 1,
        "repeated": 0,
        "refused": 1,
        "items": [
            {"status": "recorded", "sequence": 5},
            {"status": "refused", "code": "unknown-action", "problems": [wrong]},
        ],
    }

    for batch, _ in both(lambda: Script((207, body)), "outcomes", [{"decision": "d-1"}, {"decision": "d-2"}]):
        assert [item.code for item in batch.items] == [None, "unknown-action"]
        assert [item.problems for item in batch.items] == [(), (wrong,)]


NOBODY = {"title": "There is no such thing", "detail": "nobody is known under this identifier", "code": "not-found"}


def test_customers_are_written_and_read() -> None:
    change = {"version": 2, "repeated": False, "ignored": []}

    for name in ("put_customer", "patch_customer"):
        for written, script in both(lambda: Script((200, change)), name, "a/b c", {"age": 3}):
            assert written.version == 2
            assert script.requests[0].url.raw_path == b"/v1/customers/a%2Fb%20c"
    for profile, _ in both(lambda: Script((200, {"version": 1, "attributes": {"age": 3}})), "customer", "c-1"):
        assert profile.attributes == {"age": 3}
    for profile, _ in both(lambda: Script((404, NOBODY)), "customer", "c-1"):
        assert profile is None


@pytest.mark.parametrize(
    ("name", "path"), [(".", b"%2E"), ("..", b"%2E%2E"), ("...", b"..."), ("a/../b", b"a%2F..%2Fb"), ("", b"")]
)
def test_no_identifier_leads_to_another_path(name: str, path: bytes) -> None:
    profile = {"version": 1, "attributes": {}}
    for _, script in both(lambda: Script((200, profile)), "customer", name):
        assert script.requests[0].url.raw_path == b"/v1/customers/" + path
    for _, script in both(lambda: Script((200, {"entry": 4})), "erase_unit", "household", name, reason="x"):
        assert script.requests[0].url.raw_path == b"/v1/units/household/" + path + b"/erasure"


def test_a_decision_is_explained_and_a_household_is_erased() -> None:
    for told, script in both(lambda: Script((200, {"outcomes": []})), "explain", "r/1"):
        assert told == {"outcomes": []}
        assert script.requests[0].url.raw_path == b"/v1/decisions/r%2F1"
    for told, script in both(lambda: Script((200, {"entry": 4})), "erase_unit", "household", "h/1", reason="x", id="e"):
        assert told == {"entry": 4}
        assert script.requests[0].url.raw_path == b"/v1/units/household/h%2F1/erasure"
        assert json.loads(script.requests[0].content) == {"author": "", "reason": "x", "id": "e"}


def test_a_household_is_joined_described_and_told() -> None:
    recorded = {"status": "recorded", "sequence": 9}
    for told, script in both(lambda: Script((200, recorded)), "join", "c/1", "household", "h/1", id="j"):
        assert told.sequence == 9
        assert (script.requests[0].method, script.requests[0].url.raw_path) == ("PUT", b"/v1/customers/c%2F1/units")
        assert json.loads(script.requests[0].content) == {"id": "j", "level": "household", "unit": "h/1"}
    for _, script in both(lambda: Script((200, recorded)), "join", "c-1", "household", None):
        assert json.loads(script.requests[0].content)["unit"] is None
    for told, _ in both(lambda: Script((200, {"units": [{"level": "household"}]})), "units", "c-1"):
        assert told == [{"level": "household"}]
    changed = {"version": 2, "repeated": False, "ignored": []}
    for told, script in both(lambda: Script((200, changed)), "patch_unit", "household", "h/1", {"size": 4}):
        assert told.version == 2
        assert (script.requests[0].method, script.requests[0].url.raw_path) == ("PATCH", b"/v1/units/household/h%2F1")


def test_who_is_who_is_asked_proven_and_undone() -> None:
    script = Script(
        (200, {"status": "recorded", "merged": 1}),
        (200, {"status": "recorded", "sequence": 9}),
        (200, {"merges": [{"entry": 8}]}),
        (200, {"status": "recorded", "version": 3}),
    )
    names = {"customer": "c-1", "cookie": "k"}
    assert sync(script, lambda client: client.identify(names, "a.b.c")).merged == 1
    assert sync(script, lambda client: client.split("c-1", 8, id="s-1", reason="twins")).sequence == 9
    assert sync(script, lambda client: client.merges("c-1")) == ({"entry": 8},)
    assert sync(script, lambda client: client.merge("c-1", "email:a@b.pl", id="m", author="Ola")).version == 3
    bodies = [json.loads(one.content) if one.content else None for one in script.requests]
    assert bodies[0] == {"identifiers": names, "proof": "a.b.c"}
    assert bodies[1] == {"id": "s-1", "merge": 8, "reason": "twins"}
    assert bodies[3] == {"id": "m", "other": "email:a@b.pl", "author": "Ola"}
    assert [one.url.path for one in script.requests[:3]] == [
        "/v1/identify",
        "/v1/customers/c-1/split",
        "/v1/customers/c-1/merges",
    ]


def test_customers_are_merged_and_their_history_is_read() -> None:
    script = Script((200, {"status": "recorded", "version": 3}))
    merged = sync(script, lambda client: client.merge("c/1", "c-2", id="m-1"))
    again = of_async(script, "merge", "c/1", "c-2")
    history = Script((200, {"entries": [{"kind": "merge"}], "before": 7}), (404, NOBODY))
    first = sync(history, lambda client: client.history("c-1", limit=1))
    older = of_async(history, "history", "c-1", before=7)

    assert (merged.status, merged.version, again) == ("recorded", 3, merged)
    assert script.requests[0].url.raw_path == b"/v1/customers/c%2F1/merge"
    assert json.loads(script.requests[0].content) == {"id": "m-1", "other": "c-2"}
    assert (first.entries, first.before, older) == (({"kind": "merge"},), 7, None)
    assert history.requests[1].url.query == b"limit=100&before=7"


RELEASE = {
    "number": 2,
    "hash": "abc",
    "repeated": False,
    "returns_to": None,
    "changes": ["goal 'profit', weight: 1 → 2"],
    "tests": 3,
    "trial": {"decided": 5, "refused": {}, "slowest_ms": 0.5},
    "live_ms": 4.0,
}


def test_a_strategy_is_published_and_taken_back() -> None:
    script = Script((200, RELEASE))
    done = sync(script, lambda client: client.publish({"project.yaml": "name: shop"}, reason="why"))
    back = of_async(script, "rollback", 1, author="ada")

    assert (done.number, done.changes) == (back.number, tuple(RELEASE["changes"]))
    assert [json.loads(request.content) for request in script.requests] == [
        {"files": {"project.yaml": "name: shop"}, "author": "", "reason": "why", "another_project": False},
        {"number": 1, "author": "ada", "reason": ""},
    ]


def test_going_back_without_a_number_is_tried_once() -> None:
    script = Script((503, {}), (200, RELEASE))

    with pytest.raises(ServiceError):
        sync(script, lambda client: client.rollback())
    assert len(script.requests) == 1


def test_all_that_is_wrong_with_a_strategy_is_told() -> None:
    problem = {"where": "goals.yaml:3:1", "message": "unknown key", "remedy": "remove it"}
    body = {"title": "t", "detail": "d", "code": "project-refused", "problems": [problem]}

    with pytest.raises(ServiceError) as caught:
        sync(Script((422, body)), lambda client: client.publish({}))
    assert [str(one) for one in caught.value.problems] == ["goals.yaml:3:1: unknown key; remove it"]


def test_models_are_listed() -> None:
    for models, _ in both(lambda: Script((200, {"models": [{"name": "bayes"}]})), "models"):
        assert models == [{"name": "bayes"}]


def test_models_are_compared_promoted_and_restored() -> None:
    changed = {"entry": 7, "champion": "simple", "live_ms": 3.5}
    for found, _ in both(lambda: Script((200, {"champion": "main", "figures": []})), "compare_models"):
        assert found["champion"] == "main"
    for found, _ in both(lambda: Script((200, {"versions": [{"number": 7}]})), "model_versions"):
        assert found == [{"number": 7}]
    for found, script in both(lambda: Script((200, changed)), "promote_model", "simple", author="ada", reason="plain"):
        assert found == changed
        sent = json.loads(script.requests[0].content)
        assert sent | {"id": ""} == {"model": "simple", "id": "", "author": "ada", "reason": "plain"}
    for found, script in both(lambda: Script((503, {}), (200, changed)), "restore_version", 7):
        assert found == changed
        assert len(set(script.ids())) == 1
        assert len(script.ids()) == 2
    for found, script in both(lambda: Script((200, changed)), "rebuild_models", author="ada"):
        assert found == changed
        assert json.loads(script.requests[0].content) == {"author": "ada", "reason": ""}


def test_an_answer_of_something_else_is_an_error() -> None:
    with pytest.raises(ServiceError):
        sync(Script((200, ["hello"])), lambda client: client.outcome("d-1", "water", "accept"))


@pytest.mark.parametrize("body", ["bad gateway", ["no"], 502, None, {"problems": "x"}])
@pytest.mark.parametrize("status", [400, 404, 502])
def test_a_refusal_of_something_else_is_an_error_whatever_its_body(status: int, body: Any) -> None:
    for name, args in (("outcome", ("d-1", "water", "accept")), ("customer", ("c-1",)), ("history", ("c-1",))):
        with pytest.raises(ServiceError) as caught:
            both(lambda: Script((status, body)), name, *args)

        assert (caught.value.status, caught.value.code) == (status, "unknown")


def test_an_answer_that_cannot_be_unpacked_is_none() -> None:
    def damaged(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"no gzip", headers={"content-encoding": "gzip"})

    with Client("http://shop", defaults=DEFAULTS, transport=httpx.MockTransport(damaged), retries=0) as client:
        assert client.decide("till", "receipt").degraded == AWAY
        with pytest.raises(ServiceError):
            client.outcome("d-1", "water", "accept")


@pytest.mark.parametrize(
    "url", ["", "shop", "127.0.0.1:8080", "localhost:8080", "ftp://shop", "http://", "http://x:99999"]
)
def test_what_is_no_address_is_refused_at_once_in_place_of_being_away_for_ever(url: str) -> None:
    for kind in (Client, AsyncClient):
        with pytest.raises(ValueError, match="begins with http://"):
            kind(url)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_does_not_have_is_refused_and_never_sent_as_null(number: float) -> None:
    for name, args, fields in (
        ("decide", ("till", "receipt"), {"context": {"minutes": number}}),
        ("patch_customer", ("c-1", {"age": number}), {}),
        ("outcome", ("d-1", "water", "accept"), {"amount": number}),
    ):
        script = Script((200, {}))

        with pytest.raises(InputError, match="NaN"):
            both(lambda: script, name, *args, **fields)  # noqa: B023

        assert script.requests == []


def test_texts_are_sent_in_utf_8() -> None:
    for _, script in both(lambda: Script((200, {"status": "recorded", "sequence": 1})), "event", "żółw", id="ż"):
        assert script.requests[0].content == '{"id":"ż","type":"żółw"}'.encode()


def test_an_empty_id_is_sent_as_it_is() -> None:
    for _, script in both(lambda: Script((200, {"status": "recorded", "sequence": 1})), "event", "call", id=""):
        assert script.ids() == [""]


@pytest.fixture
def trickle() -> Iterator[str]:
    """The URL of a service that sends one byte of its answer every fifth of a second, and never ends."""
    ended = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def send(connection: socket.socket) -> None:
        with connection:
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not ended.wait(0.2):
                    connection.sendall(b" ")
            except OSError:
                return

    def accept() -> None:
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=send, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    ended.set()
    listener.close()


def test_the_defaults_come_within_the_time_of_a_decision_however_slowly_the_service_answers(trickle: str) -> None:
    begin = monotonic()
    with Client(trickle, defaults=DEFAULTS, decide_seconds=0.5) as client:
        answer = client.decide("till", "receipt")
    between = monotonic()

    async def use() -> Any:
        async with AsyncClient(trickle, defaults=DEFAULTS, decide_seconds=0.5) as client:
            return await client.decide("till", "receipt")

    other = asyncio.run(use())
    assert answer.degraded == other.degraded == AWAY
    assert between - begin < 0.9
    assert monotonic() - between < 0.9


def test_all_tries_of_a_decision_share_its_time() -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        sleep(0.2)
        raise httpx.ReadTimeout("slow")

    begin = monotonic()
    with Client("http://shop", retries=100, decide_seconds=0.5, transport=httpx.MockTransport(slow)) as client:
        assert client.decide("till", "receipt").degraded == AWAY
    assert monotonic() - begin < 0.9


def test_an_answer_of_a_proxy_is_brought_to_what_was_asked_for() -> None:
    shown = [{"action": "tea", "rank": 1}, {"action": "milk", "rank": 2}]
    answer = {
        "id": "",
        "revision": "abc",
        "degraded": AWAY,
        "control": None,
        "placements": [{"name": "screen", "actions": []}, {"name": "receipt", "actions": shown}],
    }
    asked = [{"name": "receipt", "size": 1}, {"name": "screen"}, {"name": "door"}]

    for given, _ in both(lambda: Script((200, answer)), "decide", "till", asked):
        assert [placement.name for placement in given.placements] == ["receipt", "screen", "door"]
        assert [[one.action for one in placement.actions] for placement in given.placements] == [["tea"], [], []]
        assert (given.id, given.degraded, given.revision) == ("", AWAY, "abc")


def test_many_events_and_news_of_a_session_go_in_one_call_each() -> None:
    batch = {"recorded": 1, "repeated": 0, "refused": 0, "items": []}
    known = {"status": "recorded", "sequence": 4, "context": {"topic": "invoice"}}

    for taken, script in both(lambda: Script((200, batch)), "events", [{"id": "e", "type": "call"}]):
        assert taken.recorded == 1
        assert json.loads(script.requests[0].content) == [{"id": "e", "type": "call"}]
    for added, script in both(lambda: Script((200, known)), "add_to_session", "a/b", context={"topic": None}, id="n"):
        assert added.context == {"topic": "invoice"}
        assert script.requests[0].url.raw_path == b"/v1/sessions/a%2Fb"
        assert json.loads(script.requests[0].content) == {"id": "n", "context": {"topic": None}}


def test_what_the_client_raises_is_imported_from_where_the_client_is() -> None:
    assert {name: getattr(opportune, name) for name in ("AsyncClient", "Client", "ServiceError")} == {
        "AsyncClient": AsyncClient,
        "Client": Client,
        "ServiceError": ServiceError,
    }
