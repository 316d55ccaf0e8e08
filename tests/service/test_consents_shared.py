"""A withdrawal holds for the next decision in whichever process it is made; two processes and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from time import sleep

import httpx
import pytest
from msgspec.structs import replace

from opportune.errors import StaleError
from opportune.storage import RecordConsent, SaveDecision, open_storage
from opportune.testing.storage.writes import save_decision
from tests.postgres import need_postgres

from .fleet import Fleet
from .shop import decision, files

pytestmark = pytest.mark.serial

CLIENTS = 6
"""Connections: the system spreads them over both processes."""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("both")
    consents = "offers: { basis: consent, kinds: [offer, service, transactional] }\n"
    for path, text in files(consents=consents).items():
        (folder / "shop" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "shop" / path).write_text(text)
    service = Fleet(need_postgres().database(), 2, project=folder / "shop")
    try:
        yield service
    finally:
        service.stop()


def shown(client: httpx.Client, id: str) -> int:
    answer = client.post("/v1/decisions", json=decision(id, customer="c-1")).json()
    assert answer["degraded"] is None, answer
    return len(answer["placements"][0]["actions"])


def late(service: Fleet, count: int) -> tuple[int, int]:
    """Give and withdraw a consent again and again, and ask every process after each; count what was not obeyed."""
    clients = [service.client() for _ in range(CLIENTS)]
    path = "/v1/customers/c-1/consents"
    unheard = kept = 0
    for number in range(count):
        speaker, asked = clients[number % CLIENTS], clients[(number + 1 + number // CLIENTS) % CLIENTS]
        speaker.put(path, json={"purpose": "offers", "given": True}).raise_for_status()
        unheard += not shown(asked, f"yes-{number}")
        speaker.delete(path, params={"purpose": "offers"}).raise_for_status()
        kept += bool(shown(asked, f"no-{number}"))
    for client in clients:
        client.close()
    return unheard, kept


def test_a_withdrawal_holds_for_the_next_decision_in_every_process(both: Fleet) -> None:
    assert late(both, 40) == (0, 0)


@pytest.mark.full
def test_a_thousand_withdrawals_hold_for_the_next_decision_in_every_process(both: Fleet) -> None:
    assert late(both, 1_000) == (0, 0)


def asking(person: str | None, seen: int, kind: str) -> SaveDecision:
    write = save_decision(kind, person=person)
    own = replace(write.decision, request=replace(write.decision.request, customer="c-1"))
    return replace(write, decision=own, contacts_seen=seen, seen_kinds=(kind,))


def test_a_decision_that_does_not_ask_for_consents_would_be_late() -> None:
    """The control: the store refuses a decision that did not know the newest consent, if it says that it matters."""
    with open_storage(need_postgres().database()) as storage:
        storage.write([RecordConsent(id="yes", identifier="c-1", channel="*", purpose="offers", given=True)])
        seen = storage.last_sequence()
        storage.write([RecordConsent(id="no", identifier="c-1", channel="*", purpose="offers", given=False)])
        person = storage.person_of("c-1")

        heedless, heedful = storage.write([asking(person, seen, "decision"), asking(person, seen, "consent")])

    assert not isinstance(heedless, Exception)
    assert isinstance(heedful, StaleError)


def test_an_erased_person_is_forgotten_by_every_process(both: Fleet) -> None:
    clients = [both.client() for _ in range(CLIENTS)]
    for number, client in enumerate(clients):
        client.patch("/v1/customers/c-1", json={"attributes": {"age": 30 + number}}).raise_for_status()
        client.put("/v1/customers/c-1/consents", json={"purpose": "offers", "given": True}).raise_for_status()
        shown(client, f"before-{number}")

    done = clients[0].post("/v1/customers/c-1/erasure", json={"reason": "asked"}, timeout=60.0)
    sleep(1.0)
    records = []
    for number, client in enumerate(clients):
        answer = client.post("/v1/decisions", json=decision(f"after-{number}", customer="c-1")).json()
        records.append(client.get(f"/v1/decisions/{answer['id']}").json()["decision"]["facts"])
    for client in clients:
        client.close()

    assert done.status_code == 200, done.text
    assert [facts for facts in records if "customer.age" in facts] == []
