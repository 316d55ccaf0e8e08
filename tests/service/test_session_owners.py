"""A session belongs to one person or to nobody: what one said or was shown in it, no other hears of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from opportune.customers.identity import Identifier
from opportune.service.conversations import entries_of, erase_unnamed
from opportune.service.revisions import Strategy, strategy_from_files
from opportune.service.speakers import Speaker, owners
from opportune.storage import ErasePerson, Kind, MergePersons, SqliteStorage, Storage
from opportune.testing.storage import event, save_decision

from .shop import Service, files
from .test_sessions import CONTEXT, ask, facts, shown

IDENTIFIERS = """
email: {normalize: email, trust: claimed}
cookie: {trust: anonymous}
"""


@pytest.fixture
def strategy() -> Strategy:
    return strategy_from_files(files(context=CONTEXT, identifiers=IDENTIFIERS))[0]


def _know(service: Service, *customers: str) -> None:
    for customer in customers:
        service.call("PATCH", f"/v1/customers/{customer}", {"attributes": {"age": 40}}).raise_for_status()


def _told(service: Service, id: str, **whose: Any) -> tuple[str | None, int, bool]:
    """Decide in the session; give what it knew was said, its turn, and whether it knew that anything was shown."""
    known = facts(service, ask(service, id, **whose))
    return known.get("context.need"), known["session.turn"], bool(known["session.shown"])


def _news(service: Service, id: str, **fields: Any) -> dict[str, Any]:
    answer: dict[str, Any] = service.call("POST", "/v1/sessions/s-1", {"id": id, **fields}).json()
    return answer


@pytest.mark.parametrize("known", [("c-1", "c-2"), ("c-1",), ("c-2",), ()])
@pytest.mark.parametrize("whose", [{"customer": "c-2"}, {"identifiers": {"cookie": "k"}}, {}])
def test_another_person_begins_the_session_anew(
    service: Service, known: tuple[str, ...], whose: dict[str, Any]
) -> None:
    _know(service, *known)
    ask(service, "r-1", customer="c-1", context={"need": "wake"})

    assert _told(service, "r-2", **whose) == (None, 1, False)
    assert _news(service, "n-1", **whose)["context"] == {}
    assert _told(service, "r-3", customer="c-1")[0] == ("wake" if not whose else None)


def test_what_nobody_said_goes_with_who_is_named_next_and_no_further(service: Service) -> None:
    _know(service, "c-1", "c-2")
    ask(service, "r-1", context={"need": "wake"})

    assert _told(service, "r-2", customer="c-1") == ("wake", 2, True)
    assert _told(service, "r-3", customer="c-1") == ("wake", 3, True)
    assert _told(service, "r-4", customer="c-2") == (None, 1, False)
    export = service.call("GET", "/v1/customers/c-2/export").text
    assert "wake" not in export
    assert "wake" in service.call("GET", "/v1/customers/c-1/export").text


def test_merged_persons_are_one_in_a_session(service: Service) -> None:
    _know(service, "c-1", "cookie:k")
    ask(service, "r-1", identifiers={"cookie": "k"}, context={"need": "wake"})
    service.call("POST", "/v1/customers/c-1/merge", {"id": "m", "other": "cookie:k"}).raise_for_status()

    assert _told(service, "r-2", customer="c-1") == ("wake", 2, True)


def test_an_address_that_anybody_may_say_opens_no_session(service: Service) -> None:
    _know(service, "c-1", "email:a@example.com")
    service.call("POST", "/v1/customers/c-1/merge", {"id": "m", "other": "email:a@example.com"}).raise_for_status()
    ask(service, "r-1", customer="c-1", context={"need": "wake"})
    claimed: dict[str, Any] = {"identifiers": {"email": "a@example.com"}}

    assert _news(service, "n-1", **claimed)["context"] == {}
    assert "context.need" not in facts(service, ask(service, "r-2", **claimed))
    ask(service, "r-3", **claimed, context={"need": "rest"})
    assert facts(service, ask(service, "r-4", **claimed))["context.need"] == "rest"


def test_news_of_nobody_are_of_who_was_last_in_the_session(service: Service) -> None:
    _know(service, "c-1")
    ask(service, "r-1", customer="c-1", context={"need": "wake"})
    assert _news(service, "n-1", events=[{"type": "call_ended"}])["context"] == {}
    ask(service, "r-2")
    _news(service, "n-2", events=[{"type": "call_ended"}, {"type": "call_ended"}])
    entries = service.call("GET", "/v1/customers/c-1/history").json()["entries"]

    assert sum(one["kind"] == "event" for one in entries) == 2


def test_other_events_push_nothing_out_of_a_session(service: Service) -> None:
    ask(service, "r-1", customer="c-1", context={"need": "wake"})
    noise = [{"id": f"e-{number}", "type": "call_ended", "session": "s-1"} for number in range(600)]
    service.call("POST", "/v1/events", noise).raise_for_status()

    assert _told(service, "r-2", customer="c-1") == ("wake", 2, True)
    assert shown(ask(service, "r-3", customer="c-1"))


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with SqliteStorage(tmp_path / "store.db") as one:
        yield one


def _unnamed(storage: Storage, customer: str) -> list[str]:
    return sorted(entry.id for entry in entries_of(storage, customer, "customer") if entry.person is None)


def test_however_much_happened_behind_it_what_nobody_said_is_found(storage: Storage) -> None:
    storage.write([event("first", None, session="s")])
    storage.write([event(f"e{number}", None, session="s") for number in range(10_001)])
    storage.write([event("own", "c-001", session="s")])

    assert len(_unnamed(storage, "c-001")) == 10_002


def test_of_what_nobody_said_a_person_has_what_stands_beside_its_own(storage: Storage) -> None:
    people = [None, "c-002", None, "c-001", None, "c-002", None, "c-003", None, "c-001"]
    storage.write([event(f"e{number}", one, session="s") for number, one in enumerate(people)])
    assert _unnamed(storage, "c-001") == ["e2", "e4", "e8"]
    assert _unnamed(storage, "c-002") == ["e0", "e2", "e4", "e6"]

    last = storage.last_sequence()
    storage.write([MergePersons(id="m", identifier="c-001", other="c-003")])
    storage.write([ErasePerson(id="f", identifier="c-001")])
    erase_unnamed(storage, last)
    left = [entry.id for entry in storage.session("s") if entry.payload is not None]
    assert left == ["e5", "e1", "e0"]


def test_what_was_asked_under_a_name_that_was_not_known_yet_is_of_whom_it_names(storage: Storage) -> None:
    for name in ("c-001", "c-2"):
        asked = save_decision(f"r-{name}", person=None)
        request = replace(asked.decision.request, customer=name, session=None)
        storage.write([replace(asked, decision=replace(asked.decision, request=request))])
    storage.write([event("known", "c-001"), event("other", "c-2")])
    assert _unnamed(storage, "c-001") == ["r-c-001"]

    last = storage.last_sequence()
    storage.write([ErasePerson(id="f", identifier="c-001")])
    erase_unnamed(storage, last)

    left = [entry.id for entry in storage.journal(kinds=(Kind.DECISION,)) if entry.payload is not None]
    assert left == ["r-c-2"]


def test_whoever_is_nobody_owns_what_is_of_nobody(storage: Storage) -> None:
    storage.write([event("named", session="s"), event("unnamed", None, session="s")])
    told = {entry.id: is_own for entry, is_own in owners(Speaker(storage), storage.session("s"))}
    others = Speaker(storage, Identifier("customer", "c-002"))

    assert told == {"named": False, "unnamed": None}
    assert {entry.id: is_own for entry, is_own in owners(others, storage.session("s"))} == told
