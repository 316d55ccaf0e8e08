"""Forgetting persons over HTTP where something stands in the way."""

from __future__ import annotations

from pathlib import Path

from opportune.service.erasure_list import ErasureList

from .shop import Service


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
