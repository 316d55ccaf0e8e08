"""Forgetting persons over HTTP where something stands in the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from opportune.errors import StoreError
from opportune.service.erasure_list import ErasureList
from opportune.service.revisions import strategy_from_files
from opportune.storage import SqliteStorage

from .shop import Service, files, serving


def test_an_erasure_that_could_not_be_listed_is_listed_when_it_is_ordered_again(
    service: Service, tmp_path: Path
) -> None:
    service.call("PATCH", "/v1/customers/c-1", {"attributes": {"age": 40}})
    place = tmp_path / "shop.db.erasures"
    place.mkdir()
    order = {"reason": "asked by letter"}

    told = [service.call("POST", "/v1/customers/c-1/erasure", order).status_code for _ in range(2)]
    place.rmdir()
    last = service.call("POST", "/v1/customers/c-1/erasure", order)

    assert told == [503, 503]
    assert last.json()["code"] == "unknown-customer"
    assert len(ErasureList(place).read()) == 1


def test_words_that_are_too_long_are_refused(service: Service) -> None:
    service.call("PATCH", "/v1/customers/c-1", {"attributes": {"age": 40}})

    refused = service.call("POST", "/v1/customers/c-1/erasure", {"reason": "x" * 2_001})

    assert refused.json()["problems"][0]["where"] == "reason"
    assert service.call("GET", "/v1/customers/c-1").status_code == 200


def test_a_request_that_is_sent_again_makes_nobody_known_who_was_forgotten(tmp_path: Path) -> None:
    policy = "some: {at_most: 9, within: {days: 7}, per: person}\n"
    with serving(tmp_path / "shop.db", of=strategy_from_files(files(contact_policies=policy))[0]) as service:
        first = service.decide("r-1", customer="c-1")
        assert service.call("GET", "/v1/customers/c-1/history").status_code == 200
        assert service.call("POST", "/v1/customers/c-1/erasure", {"reason": "asked by letter"}).status_code == 200

        again = service.decide("r-1", customer="c-1")

        assert again["id"] == first["id"]
        assert service.call("GET", "/v1/customers/c-1/history").status_code == 404
        assert service.decide("r-2", customer="c-1")["degraded"] is None
        assert service.call("GET", "/v1/customers/c-1/history").status_code == 200


def test_an_export_does_not_tell_who_somebody_else_turned_out_to_be(service: Service) -> None:
    for customer in ("c-1", "c-2"):
        service.call("PATCH", f"/v1/customers/{customer}", {"attributes": {"age": 40}})
    service.call("POST", "/v1/customers/c-1/merge", {"id": "m", "other": "c-2"})
    while_one = service.call("GET", "/v1/customers/c-1/export").text
    entry = service.call("GET", "/v1/customers/c-1/merges").json()["merges"][0]["entry"]
    service.call("POST", "/v1/customers/c-1/split", {"id": "s", "merge": entry})

    exports = [service.call("GET", f"/v1/customers/{one}/export").text for one in ("c-1", "c-2")]

    assert "c-2" in while_one
    assert [("c-1" in text, "c-2" in text) for text in exports] == [(True, False), (False, True)]


def test_an_export_tells_what_identifiers_a_contact_named_but_those_of_others(tmp_path: Path) -> None:
    kinds = "email: {normalize: email, trust: claimed, title: E-mail address}\ncookie: {trust: anonymous}\n"
    with serving(tmp_path / "shop.db", of=strategy_from_files(files(identifiers=kinds))[0]) as service:
        for path in ("c-1", "cookie:of-somebody-else"):
            service.call("PATCH", f"/v1/customers/{path}", {"attributes": {"age": 40}})
        named = {"email": "anna@example.com", "cookie": "of-somebody-else"}
        service.decide("r-1", customer="c-1", identifiers=named, language="pl")

        (decision,) = service.call("GET", "/v1/customers/c-1/export").json()["decisions"]
        page = service.call("GET", "/v1/customers/c-1/export.html").text

        assert (decision["identifiers"], decision["language"]) == ({"email": "anna@example.com"}, "pl")
        assert "E-mail address" in page
        assert "anna@example.com" in page
        assert "of-somebody-else" not in page


def test_the_page_runs_nothing_that_somebody_wrote(service: Service) -> None:
    service.call("PATCH", "/v1/customers/c-1", {"attributes": {"city": "<img src=x onerror=f()>"}})

    page = service.call("GET", "/v1/customers/c-1/export.html")

    assert "<img" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_the_page_says_what_was_noted_in_words(service: Service) -> None:
    service.call("PATCH", "/v1/customers/c-1", {"attributes": {"age": 40}})
    service.call("POST", "/v1/sessions/s-1", {"id": "n-1", "customer": "c-1"})

    page = service.call("GET", "/v1/customers/c-1/export.html?language=pl").text

    assert "zapisano w rozmowie" in page
    assert "session." not in page


def test_an_erasure_whose_files_cannot_be_rewritten_is_told_and_certified_later(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(storage: SqliteStorage) -> tuple[str, ...]:
        raise StoreError("shop.db: no space left")

    service.call("PATCH", "/v1/customers/c-1", {"attributes": {"age": 40}}).raise_for_status()
    order = ("POST", "/v1/customers/c-1/erasure", {"id": "e-1", "reason": "asked"})
    with monkeypatch.context() as patch, capture_logs() as lines:
        patch.setattr(SqliteStorage, "_compact", fail)
        full = service.call(*order)
    later = service.call(*order)

    assert full.status_code == 503
    (told,) = (line for line in lines if line["event"] == "erased, and not certified")
    assert told["reason"] == "shop.db: no space left"
    assert (later.status_code, later.json()["compacted"], later.json()["repeated"]) == (200, True, True)
    assert later.json()["entry"] == told["entry"]


def test_an_export_tells_answers_that_stand_as_learned_and_no_others(service: Service) -> None:
    service.call("PUT", "/v1/customers/c-1", {"attributes": {"age": 40}})
    reports = {
        "stands": [("accept", {})],
        "twice": [("accept", {}), ("accept", {})],
        "neutral": [("impression", {})],
        "withdrawn": [("accept", {}), ("", {"withdraws": "withdrawn-0"})],
        "corrected": [("accept", {}), ("reject", {"replaces": "corrected-0"})],
    }
    known = {}
    for name, said in reports.items():
        known[service.decide(name, customer="c-1")["id"]] = name
        for number, (outcome, more) in enumerate(said):
            told = {"action": "water", "outcome": outcome} if outcome else {}
            report = {"id": f"{name}-{number}", "decision": list(known)[-1], **told, **more}
            assert service.call("POST", "/v1/outcomes", report).status_code == 200

    taught = service.call("GET", "/v1/customers/c-1/export").json()["taught"]

    told = sorted((known[one["decision"]], one["outcome"]) for one in taught)
    assert told == [("corrected", "reject"), ("stands", "accept"), ("twice", "accept")]
