"""What customers allow, over HTTP: recorded, told, and obeyed by the next decision."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opportune.service.revisions import strategy_from_files

from .shop import Service, files, serving

CONSENTS = """\
offers:
  basis: consent
  kinds: [offer, service, transactional]
  texts: { v1: "May we?", v2: "May we please?" }
profiling: { basis: objection, profiling: true }
"""
WITHDRAWALS = 40
PATH = "/v1/customers/c-1/consents"


def asking(**more: str):
    return strategy_from_files(files(consents=CONSENTS, **more))[0]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path / "shop.db", of=asking()) as one:
        one.call("PATCH", "/v1/customers/c-1", {"attributes": {"age": 40}})
        yield one


def shown(service: Service, id: str, **fields: object) -> int:
    answer = service.decide(id, **{"customer": "c-1", **fields})
    assert answer["degraded"] is None
    return len(answer["placements"][0]["actions"])


def said(service: Service, given: bool, purpose: str = "offers", **more: object) -> None:
    answer = service.call("PUT", PATH, {"purpose": purpose, "given": given, **more})
    assert answer.status_code == 200, answer.text


def test_silence_is_told_as_it_is_obeyed(shop: Service) -> None:
    lines = shop.call("GET", PATH).json()["consents"]

    assert [(one["purpose"], one["channel"], one["allowed"], one["given"]) for one in lines] == [
        ("offers", "till", False, None),
        ("offers", "app", False, None),
        ("profiling", "till", True, None),
        ("profiling", "app", True, None),
    ]
    assert not shown(shop, "r-1")


def test_what_was_said_is_kept_with_its_proof(shop: Service) -> None:
    said(shop, True, source="web form", text_version="v2", occurred_at="2026-05-04T12:30:00+02:00")

    line = shop.call("GET", PATH).json()["consents"][0]

    assert line == {
        "purpose": "offers",
        "channel": "till",
        "basis": "consent",
        "allowed": True,
        "given": True,
        "at": "2026-05-04T10:30:00Z",
        "source": "web form",
        "text_version": "v2",
        "everywhere": True,
    }


def test_a_withdrawal_holds_for_the_next_decision_each_time(shop: Service) -> None:
    late = []
    for number in range(WITHDRAWALS):
        said(shop, True)
        if not shown(shop, f"yes-{number}"):
            late.append(number)
        assert shop.call("DELETE", f"{PATH}?purpose=offers&source=call").status_code == 200
        if shown(shop, f"no-{number}"):
            late.append(number)

    assert late == []


@pytest.mark.full
def test_a_thousand_withdrawals_hold_for_the_next_decision_each_time(shop: Service) -> None:
    late = 0
    for number in range(1_000):
        said(shop, True)
        assert shown(shop, f"yes-{number}")
        shop.call("DELETE", f"{PATH}?purpose=offers")
        late += bool(shown(shop, f"no-{number}"))

    assert late == 0


def test_without_the_stores_refusal_withdrawals_would_be_late(shop: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: what a process remembers is not asked of the store again, as with a cache of consents."""
    said(shop, True)
    known = shop.runtime.storage.consents("c-1")
    monkeypatch.setattr(shop.runtime.storage, "consents", lambda *_: known)
    shop.call("DELETE", f"{PATH}?purpose=offers")

    assert shown(shop, "r-1")


def test_a_customer_who_speaks_before_being_known_is_heard(shop: Service) -> None:
    assert not shown(shop, "r-1", customer="c-new")

    shop.call("PUT", "/v1/customers/c-new/consents", {"purpose": "offers", "given": True})

    assert shown(shop, "r-2", customer="c-new")


def test_the_same_key_has_one_effect(shop: Service) -> None:
    answers = [
        shop.call("PUT", PATH, {"purpose": "offers", "given": True}, Idempotency_Key="k-1").json()["status"]
        for _ in range(2)
    ]

    assert answers == ["recorded", "repeated"]
    assert shop.call("PUT", PATH, {"purpose": "offers", "given": False}, Idempotency_Key="k-1").status_code == 409


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("offer", {"given": True}, "unknown-purpose"),
        ("offers", {"given": True, "channel": "phone"}, "unknown-channel"),
        ("offers", {"given": True, "text_version": "v3"}, "unknown-text"),
        ("offers", {"given": "yes"}, "invalid-request"),
        ("offers", {"given": True, "occurred_at": "2026-05-04T12:30:00"}, "invalid-request"),
        ("offers", {"given": True, "source": "x" * 201}, "invalid-request"),
    ],
)
def test_what_cannot_be_is_refused(shop: Service, path: str, body: dict[str, object], code: str) -> None:
    answer = shop.call("PUT", PATH, {"purpose": path, **body})

    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_an_objection_to_profiling_is_recorded_and_told(shop: Service) -> None:
    said(shop, True)
    said(shop, False, "profiling", source="letter")

    answer = shop.decide("r-1", customer="c-1")
    record = shop.call("GET", f"/v1/decisions/{answer['id']}").json()

    assert not [name for name in record["decision"]["facts"] if name.startswith("customer.")]
    assert record["explanation"]["profiling"].endswith("by letter")


def test_a_fallback_shows_nothing_that_needs_asking(shop: Service) -> None:
    said(shop, True)

    answer = shop.call(
        "POST",
        "/v1/decisions",
        {"id": "late", "customer": "c-1", "channel": "till", "placements": [{"name": "receipt"}]},
        Opportune_Deadline_Ms="1",
    ).json()

    if answer["degraded"]:
        assert answer["placements"][0]["actions"] == []


def test_the_history_tells_what_was_said(shop: Service) -> None:
    said(shop, True, source="web form", text_version="v2")

    entry = shop.call("GET", "/v1/customers/c-1/history").json()["entries"][0]

    assert entry["kind"] == "consent"
    assert entry["details"] == {
        "channel": "*",
        "purpose": "offers",
        "given": True,
        "source": "web form",
        "text_version": "v2",
    }
