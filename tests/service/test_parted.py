"""Persons who were parted by another process, whose notice has not come yet: nobody is decided for as the other one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opportune.service.revisions import strategy_from_files
from opportune.storage import ErasePerson, SplitPersons

from .shop import Service, files, serving

CONSENTS = "offers: {basis: objection, kinds: [offer, service]}\n"
COOKIE: dict[str, Any] = {"identifiers": {"cookie": "k"}}
CUSTOMER: dict[str, Any] = {"customer": "c-1"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A customer who objects, one with a cookie, both of whom are known in memory."""
    strategy = strategy_from_files(files(consents=CONSENTS, identifiers="cookie: {trust: anonymous}\n"))[0]
    with serving(tmp_path / "shop.db", of=strategy) as one:
        one.call("PATCH", "/v1/customers/c-1", {"attributes": {"city": "Hel"}})
        one.call("PATCH", "/v1/customers/cookie:k", {"attributes": {"age": 40}})
        one.call("POST", "/v1/customers/c-1/merge", {"id": "m", "other": "cookie:k"})
        one.call("PUT", "/v1/customers/c-1/consents", {"purpose": "offers", "given": False})
        assert _told(one, "warm-1", COOKIE) == (0, {"customer.city", "customer.age"})
        assert _told(one, "warm-2", CUSTOMER) == (0, {"customer.city", "customer.age"})
        yield one


def _told(service: Service, id: str, whose: dict[str, Any]) -> tuple[int, set[str]]:
    """Decide; give how much was shown, and what was known of the person."""
    answer = service.decide(id, **whose)
    assert answer["degraded"] is None
    facts = service.call("GET", f"/v1/decisions/{answer['id']}").json()["decision"]["facts"]
    return len(answer["placements"][0]["actions"]), {name for name in facts if name.startswith("customer.")}


@pytest.mark.parametrize("first", [COOKIE, CUSTOMER])
def test_who_objected_is_heeded_and_told_apart_at_once(service: Service, first: dict[str, Any]) -> None:
    # Past the service's own writer, as another process would.
    service.runtime.storage.write([SplitPersons(id="s", merge="m")])

    told = {tuple(one): _told(service, f"r-{number}", one) for number, one in enumerate((first, COOKIE, CUSTOMER))}

    assert told[tuple(COOKIE)] == (2, {"customer.age"})
    assert told[tuple(CUSTOMER)] == (0, {"customer.city"})


def test_nothing_is_known_of_who_was_erased(service: Service) -> None:
    service.runtime.storage.write([ErasePerson(id="e", identifier="c-1")])

    assert _told(service, "r-1", CUSTOMER)[1] == set()
    assert _told(service, "r-2", COOKIE)[1] == set()
