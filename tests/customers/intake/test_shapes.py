from datetime import UTC, datetime
from typing import Any

import pytest

from opportune.customers.intake import Event, Item, Names, ProfileNews, SamePerson, items_of, read_item
from opportune.customers.intake.cloud_events import from_headers, is_in_headers
from opportune.errors import InputError

NAMES = Names(
    events={"call_ended": frozenset({"minutes", "to_service"}), "order": frozenset({"total"}), "page": frozenset()},
    customer=frozenset({"age", "home_city"}),
    cloud_events={"com.example.call.v1": "call_ended"},
    segment={"Order Completed": "order"},
    anonymous="cookie",
)
CLOUD = {"specversion": "1.0", "id": "7", "source": "/switch/3", "type": "com.example.call.v1", "subject": "c-1"}
TRACK = {"type": "track", "messageId": "m-1", "userId": "c-1", "event": "Order Completed"}


def own(value: Any) -> Event:
    return Event(**value)


def read(value: Any) -> Item:
    return read_item(value, NAMES, own).item


def problems(value: Any) -> list[tuple[str, str]]:
    with pytest.raises(InputError) as refusal:
        read(value)
    return [(problem.where, problem.message) for problem in refusal.value.problems]


def test_a_cloud_event_says_whom_it_concerns_and_what_happened() -> None:
    value = {**CLOUD, "time": "2026-05-04T18:00:00Z", "session": "s-1", "data": {"minutes": 3, "cell": 9}}
    told = read_item(value, NAMES, own)

    event = told.item
    assert isinstance(event, Event)
    assert (event.type, event.customer, event.session) == ("call_ended", "c-1", "s-1")
    assert event.attributes == {"minutes": 3}
    assert event.occurred_at == datetime(2026, 5, 4, 18, tzinfo=UTC)
    assert told.ignored == ("cell",)


def test_ids_of_cloud_events_are_unique_per_source() -> None:
    first, second = (read({**CLOUD, "source": source}) for source in ("/switch/3", "/switch/4"))

    assert first.id != second.id
    assert first == read(CLOUD)


def test_data_in_base64_is_json_or_refused() -> None:
    assert read({**CLOUD, "subjectkind": "email"}).identifiers == {"email": "c-1"}  # type: ignore[union-attr]
    event = read({**CLOUD, "data_base64": "eyJtaW51dGVzIjogMn0="})

    assert isinstance(event, Event)
    assert event.attributes == {"minutes": 2}
    for wrong in ("####", "WzFd", "eyJ"):
        assert [where for where, _ in problems({**CLOUD, "data_base64": wrong})] == ["data_base64"]


def test_a_cloud_event_may_come_in_headers() -> None:
    headers = {b"ce-specversion": b"1.0", b"ce-id": b"7", b"ce-source": b"/a%20b", b"ce-type": b"order"}

    event = read(from_headers(headers, {"total": 3}))

    assert is_in_headers(headers)
    assert not is_in_headers({b"content-type": b"application/json"})
    assert event == read({"specversion": "1.0", "id": "7", "source": "/a b", "type": "order", "data": {"total": 3}})


def test_all_that_is_wrong_with_a_cloud_event_is_said() -> None:
    value = {"specversion": "0.3", "type": "order_", "time": "yesterday", "data": [1], "subject": 3}

    assert [where for where, _ in problems(value)] == [
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "data",
        "time",
    ]


def test_data_come_in_one_way() -> None:
    value = {"specversion": "1.0", "id": "7", "source": "s", "type": "order", "data": {}, "data_base64": "e30="}

    with pytest.raises(InputError, match="found both"):
        read(value)


def test_letters_of_a_moment_may_be_small() -> None:
    value = {"specversion": "1.0", "id": "7", "source": "s", "type": "order", "time": "2026-05-04t18:00:00.5z"}

    event = read(value)

    assert isinstance(event, Event)
    assert event.occurred_at == datetime(2026, 5, 4, 18, 0, 0, 500_000, tzinfo=UTC)


def test_a_track_call_is_an_event() -> None:
    value = {**TRACK, "timestamp": "2026-05-04T18:00:00Z", "properties": {"total": 5}, "context": {"sessionId": "s"}}

    assert read(value) == Event(
        id="m-1",
        type="order",
        customer="c-1",
        session="s",
        attributes={"total": 5},
        occurred_at=datetime(2026, 5, 4, 18, tzinfo=UTC),
    )


def test_names_are_the_same_by_their_words() -> None:
    event = read({**TRACK, "event": "Call Ended", "properties": {"toService": True, "Minutes": 2}})

    assert isinstance(event, Event)
    assert event.type == "call_ended"
    assert event.attributes == {"to_service": True, "minutes": 2}


def test_a_visitor_whom_nobody_knows_has_an_identifier_of_another_kind() -> None:
    value = {"type": "page", "messageId": "m", "anonymousId": "a-1"}

    assert read(value) == Event(id="m", type="page", identifiers={"cookie": "a-1"})
    assert read({**value, "userId": "c-1"}) == Event(id="m", type="page", customer="c-1")
    with pytest.raises(InputError, match="anonymous"):
        read_item(value, Names(events={"page": frozenset()}), own)


def test_identify_brings_attributes_and_alias_a_second_name() -> None:
    traits = {"homeCity": "Łódź", "age": 30, "plan": "x"}
    told = read_item({"type": "identify", "messageId": "m", "userId": "c-1", "traits": traits}, NAMES, own)

    expected = {"home_city": "Łódź", "age": 30}
    assert told.item == ProfileNews(id="m", customer="c-1", kind="customer", attributes=expected)
    assert told.ignored == ("plan",)
    assert read({"type": "alias", "messageId": "m", "userId": "c-1", "previousId": "a-1"}) == SamePerson(
        id="m", customer="c-1", kind="customer", other="a-1", other_kind="cookie"
    )


def test_all_that_is_wrong_with_a_call_is_said() -> None:
    assert [where for where, _ in problems({"type": "track", "userId": 5, "properties": 1})] == [
        "messageId",
        "event",
        "userId",
        "properties",
    ]
    assert problems({"type": "group", "messageId": "m", "userId": "c"})[0][0] == "type"
    assert problems({**TRACK, "event": "Order Complete"})[0] == ("event", "the strategy has no such event type")


def test_an_unknown_event_type_has_its_code_and_a_suggestion() -> None:
    with pytest.raises(InputError) as refusal:
        read({**CLOUD, "type": "com.example.call.v2"})

    assert refusal.value.code == "unknown-event-type"
    assert "com.example.call.v1" in refusal.value.problems[0].remedy


def test_several_messages_come_in_a_list_or_a_batch() -> None:
    assert items_of([CLOUD, TRACK]) == [CLOUD, TRACK]
    assert items_of({"batch": [TRACK], "sentAt": "x"}) == [TRACK]
    assert items_of(TRACK) is None
    assert items_of({"id": "e", "type": "t", "batch": [1]}) is None
    assert read({"id": "e", "type": "order"}) == Event(id="e", type="order")
