"""Who is who over HTTP: several identifiers, proofs, merges and their undoing, households."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from opportune.customers.identity.proof import signed
from opportune.records import DecisionRequest
from opportune.service import Settings
from opportune.service.identity_links import SECRET
from opportune.service.revisions import Strategy, strategy_from_files
from opportune.storage import verify_storage

from .shop import Service, files, serving

IDENTIFIERS = """
email: {normalize: email, trust: claimed}
phone: {normalize: phone, region: PL, trust: claimed}
cookie: {trust: anonymous}
card: {trust: proven}
"""
LEVELS = "household: {attributes: {size: {type: integer, range: [1, 20], if_missing: some}}}\n"


def identified(**changed: str) -> Strategy:
    return strategy_from_files(files(identifiers=IDENTIFIERS, levels=LEVELS, **changed))[0]


@pytest.fixture(scope="module")
def plan() -> Strategy:
    return identified()


@pytest.fixture
def shop(tmp_path: Path, plan: Strategy) -> Iterator[Service]:
    with serving(tmp_path / "shop.db", Settings(kernel="numpy"), plan) as service:
        yield service
        assert list(verify_storage(service.runtime.storage)) == []


def _know(shop: Service, path: str, **attributes: Any) -> None:
    assert shop.call("PUT", f"/v1/customers/{path}", {"attributes": attributes}).status_code == 200


def _record(shop: Service, answer: dict[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = shop.call("GET", f"/v1/decisions/{answer['id']}").json()["decision"]
    return record


def _age(shop: Service, id: str, **names: str) -> tuple[Any, list[str]]:
    """Decide by identifiers; give the age that was known, and what was in doubt."""
    record = _record(shop, shop.decide(id, identifiers=names))
    return record["facts"].get("customer.age"), record.get("doubts", [])


def _proof(shop: Service, minutes: int = 5, **names: str) -> str:
    until = datetime.now(UTC) + timedelta(minutes=minutes)
    return signed(shop.runtime.storage.secret(SECRET), names, until)


def _identify(shop: Service, proof: str, **names: str) -> tuple[int, dict[str, Any]]:
    response = shop.call("POST", "/v1/identify", {"identifiers": names, "proof": proof})
    return response.status_code, response.json()


def _merge(shop: Service, customer: str, other: str, id: str = "m-1", **words: str) -> dict[str, Any]:
    answer: dict[str, Any] = shop.call(
        "POST", f"/v1/customers/{customer}/merge", {"id": id, "other": other, **words}
    ).json()
    return answer


def test_a_person_is_named_by_any_identifier(shop: Service) -> None:
    _know(shop, "email:Anna@Example.COM", age=41)
    _know(shop, "phone:22 123 45 67", age=52)
    assert shop.call("GET", "/v1/customers/email:Anna@example.com").json()["attributes"] == {"age": 41}
    assert _age(shop, "r-1", email=" Anna@EXAMPLE.com") == (41, [])
    assert _age(shop, "r-2", phone="+48 22 123-45-67") == (52, [])
    assert _age(shop, "r-3", email="Anna@example.org") == (None, [])
    history = shop.call("GET", "/v1/customers/email:Anna@example.com/history").json()["entries"]
    assert [entry["kind"] for entry in history] == ["decision", "profile"]


def test_the_most_trusted_known_one_decides_and_contradictions_are_doubts(shop: Service) -> None:
    _know(shop, "4711", age=30)
    _know(shop, "email:b@example.com", age=40)
    _know(shop, "cookie:c-1", age=50)
    names = {"cookie": "c-1", "email": "b@example.com", "customer": "4711"}
    doubts = ["identity.email: another person", "identity.cookie: another person"]
    assert _age(shop, "r-1", **names) == (30, doubts)
    assert _age(shop, "r-2", cookie="c-1", email="b@example.com") == (40, doubts[1:])
    assert _age(shop, "r-3", cookie="c-1", customer="unknown") == (50, [])
    assert shop.call("GET", "/v1/customers/4711/merges").json() == {"merges": []}


def test_what_is_claimed_alone_opens_nobody_else(shop: Service) -> None:
    _know(shop, "4711", age=30)
    _merge(shop, "4711", "email:b@example.com")
    _merge(shop, "4711", "cookie:c-1", "m-2")
    assert _age(shop, "r-1", email="b@example.com") == (None, ["identity.email: unproven"])
    assert _age(shop, "r-2", cookie="c-1") == (30, [])
    assert _age(shop, "r-3", cookie="c-1", email="b@example.com") == (30, [])
    assert _age(shop, "r-4", cookie="c-2", email="b@example.com") == (None, ["identity.email: unproven"])
    assert _age(shop, "r-5", customer="4711", email="b@example.com") == (30, [])


GUARDED = {
    "consents": "ads: {basis: objection, kinds: [offer, service, transactional]}\n",
    "contact_policies": "once: {at_most: 1, within: {days: 5}, exempt: []}\n",
}


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path / "guarded.db", Settings(kernel="numpy"), identified(**GUARDED)) as service:
        _know(service, "4711", age=30)
        _merge(service, "4711", "email:b@example.com")
        yield service
        assert list(verify_storage(service.runtime.storage)) == []


def _shown(answer: dict[str, Any]) -> int:
    return sum(len(place["actions"]) for place in answer["placements"])


@pytest.mark.parametrize("names", [{}, {"cookie": "c-9"}, {"phone": "22 123 45 67"}])
def test_what_is_claimed_lifts_no_protection(guarded: Service, names: dict[str, str]) -> None:
    claim = {"email": "b@example.com", **names}
    first = guarded.decide("r-1", identifiers=claim)
    record = _record(guarded, first)
    assert _shown(first) == 1
    assert "customer.age" not in record["facts"]
    assert record["person"] == guarded.runtime.storage.person_of("4711")
    # One cap, whichever way the person is named.
    assert _shown(guarded.decide("r-2", identifiers=claim)) == _shown(guarded.decide("r-3", customer="4711")) == 0
    told = guarded.call("GET", f"/v1/decisions/{first['id']}").json()["explanation"]["profiling"]
    assert told == "named by an identifier that is not proven"


@pytest.mark.parametrize("path", ["4711", "email:b@example.com"])
def test_an_objection_holds_for_who_is_named_by_a_claim(guarded: Service, path: str) -> None:
    assert _shown(guarded.decide("r-1", identifiers={"email": "a@example.com"})) == 1
    guarded.call("PUT", f"/v1/customers/{path}/consents", {"purpose": "ads", "given": False})
    answer = guarded.decide("r-2", identifiers={"email": "b@example.com"})
    assert (answer["degraded"], _shown(answer)) == (None, 0)


def test_a_proven_newcomer_is_not_whom_another_claim_names(guarded: Service) -> None:
    guarded.call("PUT", "/v1/customers/4711/consents", {"purpose": "ads", "given": False})
    assert _shown(guarded.decide("r-1", identifiers={"customer": "4712", "email": "b@example.com"})) == 1


def test_in_a_fallback_a_claim_gets_no_events_and_opens_nothing(guarded: Service) -> None:
    live = guarded.runtime.live
    live.current = dataclasses.replace(live.current, learned=None)
    visit = [{"id": "e-1", "type": "call_ended"}]
    answer = guarded.decide("r-1", identifiers={"email": "b@example.com"}, events=visit)
    assert answer["degraded"] == "model-missing"
    guarded.runner.run(guarded.runtime.late_records.close())
    assert "customer.age" not in _record(guarded, answer)["facts"]
    history = guarded.call("GET", "/v1/customers/4711/history").json()["entries"]
    assert [entry["kind"] for entry in history] == ["decision", "merge", "profile"]
    # While nobody is looked up, what anybody may say is nobody's.
    late = {"id": "r-2", "identifiers": {"email": "b@example.com"}, "events": [{"id": "e-2", "type": "call_ended"}]}
    request = msgspec.convert({"channel": "till", "placements": [{"name": "receipt"}], **late}, DecisionRequest)
    assert guarded.runner.run(guarded.runtime.decide(request, 1, 1)).degraded == "overloaded"
    guarded.runner.run(guarded.runtime.late_records.close())
    history = guarded.call("GET", "/v1/customers/4711/history").json()["entries"]
    assert "event" not in {entry["kind"] for entry in history}


def test_a_shared_browser_does_not_open_the_one_who_used_it_before(shop: Service) -> None:
    _know(shop, "4711", age=30)
    _merge(shop, "4711", "cookie:c-1")
    assert _age(shop, "r-1", cookie="c-1", customer="4712") == (None, ["identity.cookie: another person"])
    _know(shop, "4712", age=60)
    status, body = _identify(shop, _proof(shop, cookie="c-1", customer="4712"), cookie="c-1", customer="4712")
    assert (status, body["code"]) == (409, "identity-conflict")
    assert _age(shop, "r-2", cookie="c-1") == (30, [])


def test_of_two_proofs_at_once_that_contradict_one_holds(shop: Service) -> None:
    for customer, age in (("4711", 30), ("4712", 60)):
        _know(shop, customer, age=age)
    proofs: list[dict[str, Any]] = [{"customer": customer, "cookie": "c-1"} for customer in ("4711", "4712")]

    async def both() -> list[int]:
        bodies = [{"identifiers": names, "proof": _proof(shop, **names)} for names in proofs]
        answers = await asyncio.gather(*(shop.acall("POST", "/v1/identify", body) for body in bodies))
        return sorted(answer.status_code for answer in answers)

    assert shop.runner.run(both()) == [200, 409]
    ages = [shop.call("GET", f"/v1/customers/{customer}").json()["attributes"] for customer in ("4711", "4712")]
    assert ages == [{"age": 30}, {"age": 60}]


def test_a_proof_makes_a_visitor_known(shop: Service) -> None:
    answer = shop.decide("r-1", identifiers={"cookie": "c-1"})
    shop.call("POST", "/v1/events", {"id": "e-1", "type": "visit", "identifiers": {"cookie": "c-1"}})
    _know(shop, "4711", age=30)
    proof = _proof(shop, cookie="c-1", customer="4711")
    assert _identify(shop, proof, customer="4711", cookie="c-1") == (200, {"status": "recorded", "merged": 1})
    assert _age(shop, "r-2", cookie="c-1") == (30, [])
    assert _identify(shop, proof, customer="4711", cookie="c-1") == (200, {"status": "repeated", "merged": 0})
    history = shop.call("GET", "/v1/customers/4711/history").json()["entries"]
    assert {"decision", "merge"} <= {entry["kind"] for entry in history}
    assert answer["id"] in {entry.get("decision") for entry in history}
    (merge,) = shop.call("GET", "/v1/customers/4711/merges").json()["merges"]
    assert (merge["one"], merge["other"], merge["author"]) == ("4711", "cookie:c-1", "proof")


def test_a_proof_that_was_undone_is_no_proof_again(shop: Service) -> None:
    _know(shop, "4711", age=30)
    _know(shop, "cookie:c-1", age=50)
    proof = _proof(shop, cookie="c-1", customer="4711")
    _identify(shop, proof, customer="4711", cookie="c-1")
    (merge,) = shop.call("GET", "/v1/customers/4711/merges").json()["merges"]
    shop.call("POST", "/v1/customers/4711/split", {"id": "s-1", "merge": merge["entry"]})
    assert _identify(shop, proof, customer="4711", cookie="c-1") == (200, {"status": "repeated", "merged": 0})
    assert _age(shop, "r-1", cookie="c-1") == (50, [])


def test_nobody_known_becomes_one_person(shop: Service) -> None:
    names = {"customer": "4711", "email": "A@B.pl", "cookie": "c-1"}
    assert _identify(shop, _proof(shop, **names), **names) == (200, {"status": "recorded", "merged": 2})
    _know(shop, "4711", age=30)
    assert _age(shop, "r-1", cookie="c-1") == (30, [])


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"customer": "4711", "cookie": "c-2"}, "invalid-proof"),
        ({"customer": "4712", "cookie": "c-1"}, "invalid-proof"),
        ({"customer": "4711"}, "invalid-proof"),
        ({"customer": "4711", "cookie": "c-1", "email": "a@b.pl"}, "invalid-proof"),
        ({"customer": "4711", "cokie": "c-1"}, "invalid-identifier"),
        ({"customer": "4711", "email": "c-1"}, "invalid-identifier"),
    ],
)
def test_a_proof_is_of_its_identifiers_alone(shop: Service, sent: dict[str, str], code: str) -> None:
    _know(shop, "4711", age=30)
    before = shop.runtime.storage.last_sequence()
    status, body = _identify(shop, _proof(shop, customer="4711", cookie="c-1"), **sent)
    assert (status, body["code"]) == (422, code)
    assert shop.runtime.storage.last_sequence() == before


def test_an_old_proof_is_refused(shop: Service) -> None:
    names = {"customer": "4711", "cookie": "c-1"}
    status, body = _identify(shop, _proof(shop, -1, **names), **names)
    assert (status, body["code"]) == (422, "expired-proof")


def test_a_merge_is_listed_and_undone(shop: Service) -> None:
    _know(shop, "4711", age=30)
    _know(shop, "4712", age=60, city="Gdynia")
    assert _merge(shop, "4711", "4712", author="Ola", reason="the same passport")["status"] == "recorded"
    assert shop.call("GET", "/v1/customers/4712").json()["attributes"] == {"age": 30, "city": "Gdynia"}
    (merge,) = shop.call("GET", "/v1/customers/4712/merges").json()["merges"]
    assert (merge["author"], merge["reason"], merge["undone"]) == ("Ola", "the same passport", None)
    body = {"id": "s-1", "merge": merge["entry"], "author": "Ewa", "reason": "twins"}
    answer = shop.call("POST", "/v1/customers/4711/split", body).json()
    assert answer["status"] == "recorded"
    assert shop.call("GET", "/v1/customers/4711").json()["attributes"] == {"age": 30}
    assert shop.call("GET", "/v1/customers/4712").json()["attributes"] == {"age": 60, "city": "Gdynia"}
    for customer in ("4711", "4712"):
        (line,) = shop.call("GET", f"/v1/customers/{customer}/merges").json()["merges"]
        assert (line["undone"], line["undone_by"], line["undone_because"]) == (answer["sequence"], "Ewa", "twins")
    history = shop.call("GET", "/v1/customers/4712/history").json()["entries"]
    undone = next(entry["details"] for entry in history if entry["kind"] == "split")
    assert undone["merge"] == merge["entry"]
    again = shop.call("POST", "/v1/customers/4711/split", {**body, "id": "s-2"})
    assert again.json()["code"] == "merge-undone"
    other = shop.call("POST", "/v1/customers/4711/split", {**body, "id": "s-3", "merge": 1})
    assert other.json()["code"] == "unknown-merge"


def test_customers_belong_to_households(shop: Service) -> None:
    _know(shop, "4711", age=30)
    _know(shop, "4712", age=60)
    _merge(shop, "4711", "email:a@b.pl")
    for number, customer in enumerate(("4711", "4712")):
        body = {"id": f"j-{number}", "level": "household", "unit": "h-1"}
        assert shop.call("PUT", f"/v1/customers/{customer}/units", body).json()["status"] == "recorded"
    assert shop.call("PUT", "/v1/units/household/h-1", {"attributes": {"size": 3}}).json()["version"] == 1
    unit = shop.call("GET", "/v1/units/household/h-1").json()
    assert unit["attributes"] == {"size": 3}
    assert unit["members"] == [["4711", "email:a@b.pl"], ["4712"]]
    assert shop.call("PATCH", "/v1/units/household/h-1", {"attributes": {"size": None}}).json()["version"] == 2
    units = shop.call("GET", "/v1/customers/4712/units").json()["units"]
    assert units == [{"level": "household", "unit": "h-1", "attributes": {}}]
    shop.call("PUT", "/v1/customers/4712/units", {"id": "j-3", "level": "household", "unit": None})
    assert shop.call("GET", "/v1/customers/4712/units").json()["units"] == []
    assert shop.call("GET", "/v1/units/household/h-1").json()["members"] == [["4711", "email:a@b.pl"]]


def test_a_household_is_no_person(shop: Service) -> None:
    _know(shop, "4711", age=30)
    join = {"id": "j-1", "level": "household", "unit": "h-1"}
    shop.call("PUT", "/v1/customers/4711/units", join)
    unit, erasure = "/v1/customers/household:h-1", {"id": "e-1", "author": "Ola", "reason": "asked"}
    refused = [
        shop.call("POST", "/v1/customers/4711/merge", {"id": "m-1", "other": "household:h-1"}),
        shop.call("POST", f"{unit}/merge", {"id": "m-2", "other": "4711"}),
        shop.call("POST", f"{unit}/split", {"id": "s-1", "merge": 1}),
        shop.call("PUT", f"{unit}/units", {**join, "id": "j-2"}),
        shop.call("PUT", f"{unit}/consents", {"purpose": "ads", "given": True}),
        shop.call("PUT", unit, {"attributes": {"age": 7}}),
        shop.call("POST", f"{unit}/erasure", erasure),
        shop.call("GET", f"{unit}/export"),
    ]
    assert {response.json()["code"] for response in refused} == {"invalid-identifier"}
    assert shop.call("POST", "/v1/units/company/h-1/erasure", erasure).json()["code"] == "unknown-level"
    assert shop.call("POST", "/v1/units/household/h-1/erasure", erasure).json()["payloads"] == 1
    assert shop.call("GET", "/v1/units/household/h-1").json()["code"] == "not-found"
    assert shop.call("GET", "/v1/customers/4711").json()["attributes"] == {"age": 30}


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "/v1/units/household/h-1", None, "not-found"),
        ("GET", "/v1/units/company/h-1", None, "unknown-level"),
        ("PUT", "/v1/customers/1/units", {"id": "j", "level": "company", "unit": "x"}, "unknown-level"),
        ("PUT", "/v1/units/household/h-1", {"attributes": {"size": 40}}, "invalid-attribute"),
        ("GET", "/v1/customers/1/merges", None, "not-found"),
        ("GET", "/v1/customers/1/units", None, "not-found"),
        ("GET", "/v1/customers/phone:12", None, "invalid-identifier"),
        ("POST", "/v1/customers/1/merge", {"id": "m", "other": "1"}, "invalid-request"),
        ("POST", "/v1/customers/1/merge", {"id": "m", "other": "2"}, "unknown-customer"),
        ("POST", "/v1/customers/1/split", {"id": "m", "merge": 7}, "unknown-merge"),
    ],
)
def test_refusals(shop: Service, method: str, path: str, body: Any, code: str) -> None:
    assert shop.call(method, path, body).json()["code"] == code


def test_identifiers_are_compared_as_they_were_read(shop: Service) -> None:
    """A retry is the same request however the address is typed; another address is another request."""
    first = shop.decide("r-1", identifiers={"email": "a@B.pl"})
    assert shop.decide("r-1", identifiers={"email": " a@b.PL"}) == first
    again = shop.call("POST", "/v1/decisions", {**_body("r-1"), "identifiers": {"email": "b@b.pl"}})
    assert again.json()["code"] == "id-conflict"
    assert _record(shop, first)["request"]["identifiers"] == {"email": "a@b.pl"}


def _body(id: str) -> dict[str, Any]:
    return {"id": id, "channel": "till", "placements": [{"name": "receipt"}]}


@pytest.mark.parametrize(
    ("identifiers", "code"),
    [
        ({"email": "x"}, "invalid-identifier"),
        ({"mail": "a@b.pl"}, "invalid-identifier"),
        ({"phone": "1"}, "invalid-identifier"),
        ({"cookie": ""}, "invalid-request"),
    ],
)
def test_wrong_identifiers_are_refused_without_being_repeated(
    shop: Service, identifiers: dict[str, str], code: str
) -> None:
    response = shop.call("POST", "/v1/decisions", {**_body("r-1"), "identifiers": identifiers})
    event = shop.call("POST", "/v1/events", {"id": "e-1", "type": "call_ended", "identifiers": identifiers})
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert (event.status_code, event.json()["code"]) == (422, code)
    assert "a@b.pl" not in response.text


HOUSEHOLD_CAP = "two_coffees: {at_most: 2, within: {days: 7}, over: household, actions: [coffee]}\n"


@pytest.mark.parametrize(
    ("policy", "coffees"), [(HOUSEHOLD_CAP, 2), (HOUSEHOLD_CAP.replace("over: household, ", ""), 6)]
)
def test_a_household_has_one_cap(tmp_path: Path, policy: str, coffees: int) -> None:
    """The cap counts over all members, also where they ask at once; without `over` every member has one."""
    strategy = identified(contact_policies=policy)
    with serving(tmp_path / "shop.db", Settings(kernel="numpy"), strategy) as shop:
        for customer in ("1", "2", "3"):
            _know(shop, customer, age=30)
            shop.call(
                "PUT", f"/v1/customers/{customer}/units", {"id": f"j{customer}", "level": "household", "unit": "h"}
            )
        shop.call("PUT", "/v1/units/household/h", {"attributes": {"size": 3}})

        async def all_at_once(number: int) -> list[Any]:
            asked = [
                shop.acall("POST", "/v1/decisions", {**_body(f"r{number}-{customer}"), "customer": customer})
                for customer in ("1", "2", "3")
            ]
            return [response.json() for response in await asyncio.gather(*asked)]

        answers = [answer for number in range(6) for answer in shop.runner.run(all_at_once(number))]
        shown = [one["action"] for answer in answers for slot in answer["placements"] for one in slot["actions"]]
        assert {answer["degraded"] for answer in answers} == {None}
        assert shown.count("coffee") == coffees
        assert _record(shop, answers[0])["facts"]["household.size"] == 3
        assert list(verify_storage(shop.runtime.storage)) == []


def test_who_leaves_a_household_counts_alone(tmp_path: Path) -> None:
    strategy = identified(contact_policies=HOUSEHOLD_CAP.replace("at_most: 2", "at_most: 1"))
    with serving(tmp_path / "shop.db", Settings(kernel="numpy"), strategy) as shop:
        for customer in ("1", "2"):
            _know(shop, customer, age=30)
            shop.call(
                "PUT", f"/v1/customers/{customer}/units", {"id": f"j{customer}", "level": "household", "unit": "h"}
            )

        def coffees(prefix: str, customer: str) -> int:
            answers = [shop.decide(f"{prefix}{number}", customer=customer) for number in range(8)]
            return sum(
                one["action"] == "coffee" for a in answers for slot in a["placements"] for one in slot["actions"]
            )

        assert coffees("a", "1") == 1
        assert coffees("b", "2") == 0
        shop.call("PUT", "/v1/customers/2/units", {"id": "j3", "level": "household", "unit": None})
        assert coffees("c", "2") == 1


def test_an_explanation_says_over_whom_was_counted(tmp_path: Path) -> None:
    strategy = identified(contact_policies=HOUSEHOLD_CAP.replace("at_most: 2", "at_most: 1"))
    with serving(tmp_path / "shop.db", Settings(kernel="numpy"), strategy) as shop:
        for customer in ("1", "2"):
            _know(shop, customer, age=30)
            body = {"id": f"j{customer}", "level": "household", "unit": "h"}
            shop.call("PUT", f"/v1/customers/{customer}/units", body)
        for number in range(8):
            shop.decide(f"a{number}", customer="1")
        found = shop.call("GET", f"/v1/decisions/{shop.decide('b', customer='2')['id']}").text
        assert "two_coffees: 1 of 1 over the household in 7 days" in found
