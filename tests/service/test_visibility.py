"""`?for=<role>`: what a role may not see is left out of profiles and decisions, wherever it could be read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from opportune.service.revisions import strategy_from_folder

from .shop import PROJECT, Service, serving

ROLES = ("agent", "strategist", "analyst", "compliance")
SECRET = "Zabłudów"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """The corner shop, where the city is for compliance alone and decides over one action."""
    folder = shutil.copytree(PROJECT, tmp_path / "project")
    attributes = folder / "attributes.yaml"
    attributes.write_text(
        attributes.read_text().replace("city: {type: text,", "city: {type: text, visible_to: [compliance],")
        + "time_zone: {type: text, visible_to: [compliance]}\n"
    )
    wine = folder / "actions" / "drinks" / "wine.yaml"
    wine.write_text(wine.read_text() + "suitability: [\"customer.city == 'Gdynia' || customer.age > 200\"]\n")
    with serving(tmp_path / "shop.db", of=strategy_from_folder(folder)) as one:
        values = {"age": 30, "city": SECRET, "time_zone": "Asia/Tokyo", "member": True}
        one.call("PUT", "/v1/customers/c-1", {"attributes": values})
        yield one


def test_a_profile_leaves_out_what_is_not_for_the_role(service: Service) -> None:
    whole = service.call("GET", "/v1/customers/c-1").json()
    agent = service.call("GET", "/v1/customers/c-1?for=agent").json()
    compliance = service.call("GET", "/v1/customers/c-1?for=compliance").json()

    assert (len(whole["attributes"]), whole["withheld"]) == (4, 0)
    assert (agent["attributes"], agent["withheld"]) == ({"age": 30, "member": True}, 2)
    assert (compliance["attributes"], compliance["withheld"]) == ({"city": SECRET, "time_zone": "Asia/Tokyo"}, 2)


def test_a_decision_tells_nothing_of_what_is_not_for_the_role(service: Service) -> None:
    id = service.decide(customer="c-1", context={"weather": "Rainy"})["id"]
    whole = service.call("GET", f"/v1/decisions/{id}").text
    agent = service.call("GET", f"/v1/decisions/{id}?for=agent")
    compliance = service.call("GET", f"/v1/decisions/{id}?for=compliance")

    assert whole.count(SECRET) >= 3
    assert "Tokyo" in whole
    assert SECRET not in agent.text
    assert "Tokyo" not in agent.text
    assert (agent.json()["withheld"], compliance.json()["withheld"]) == (2, 2)
    assert agent.json()["decision"]["facts"]["context.weather"] == "Rainy"
    assert SECRET in compliance.text
    (wine,) = [
        candidate
        for candidate in agent.json()["explanation"]["placements"][0]["candidates"]
        if candidate["action"] == "wine"
    ]
    assert wine["stage"] == "suitability"
    assert wine["rules"][0]["values"] == {"customer.age": 30}
    assert wine["change"] is None
    assert "may not see" in wine["reason"]


def test_a_text_that_names_what_is_not_for_the_role_is_left_out(tmp_path: Path) -> None:
    folder = shutil.copytree(PROJECT, tmp_path / "project")
    attributes = folder / "attributes.yaml"
    missing = "city: {type: text, visible_to: [compliance], if_missing: {en: town, pl: miasto},"
    attributes.write_text(attributes.read_text().replace("city: {type: text,", missing))
    coffee = folder / "actions" / "drinks" / "coffee.yaml"
    text = "{title: 'Coffee in {{ customer.city }}', subtitle: Hot}"
    named = coffee.read_text().replace("{title: A coffee}", text)
    coffee.write_text(named.replace("{title: coffee}", "{title: Kawa, subtitle: Ciepła}"))
    with serving(tmp_path / "shop.db", of=strategy_from_folder(folder)) as service:
        service.call("PUT", "/v1/customers/c-1", {"attributes": {"age": 30, "city": SECRET}})
        id = service.decide(customer="c-1")["id"]

        told = {
            role: service.call("GET", f"/v1/decisions/{id}{role}") for role in ("", "?for=agent", "?for=compliance")
        }

        def content(role: str) -> dict[str, str]:
            shown = told[role].json()["decision"]["placements"][0]["actions"]
            found: dict[str, str] = next(one["content"] for one in shown if one["action"] == "coffee")
            return found

        whole = {"title": f"Coffee in {SECRET}", "subtitle": "Hot"}
        assert content("") == content("?for=compliance") == whole
        assert content("?for=agent") == {"subtitle": "Hot"}
        assert SECRET not in told["?for=agent"].text


def test_without_a_role_nothing_is_withheld(service: Service) -> None:
    id = service.decide(customer="c-1")["id"]
    whole = service.call("GET", f"/v1/decisions/{id}").json()

    assert whole["withheld"] == 0
    assert whole["decision"]["facts"]["customer.city"] == SECRET


@pytest.mark.parametrize("query", ["for=", "for=boss", "for=agent&for=analyst", "of=agent"])
def test_another_role_is_refused(service: Service, query: str) -> None:
    for path in ("/v1/customers/c-1", "/v1/decisions/d-1"):
        response = service.call("GET", f"{path}?{query}")
        assert (response.status_code, response.json()["code"]) == (400, "invalid-query")


@pytest.mark.parametrize("role", ROLES)
def test_an_attribute_that_is_no_longer_declared_is_for_nobody(service: Service, role: str) -> None:
    id = service.decide(customer="c-1")["id"]
    declared = service.runtime.strategy.registries.customer.attributes
    age = declared.pop("age")
    try:
        answer = service.call("GET", f"/v1/decisions/{id}?for={role}").json()
        profile = service.call("GET", f"/v1/customers/c-1?for={role}").json()
    finally:
        declared["age"] = age

    assert "customer.age" not in json.dumps(answer["decision"]["facts"])
    assert "age" not in profile["attributes"]
