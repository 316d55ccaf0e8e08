"""What is of a special category is kept of a person, and no decision knows it or records it."""

from __future__ import annotations

from pathlib import Path

from opportune.service.profiles import fitting
from opportune.service.revisions import strategy_from_files
from tests.service.shop import files, serving

ATTRIBUTES = """
age: {type: integer}
city: {type: text}
diagnosis: {type: text, special: health, predictor: false}
diet: {type: text, special: health, predictor: false, allowed_because: they asked for it}
"""
LEVELS = "household: {attributes: {size: {type: integer}, faith: {type: text, special: belief, predictor: false}}}\n"
POLICY = "few: {at_most: 3, within: {days: 7}, over: household}\n"


def test_no_decision_knows_or_records_it(tmp_path: Path) -> None:
    strategy = strategy_from_files(files(attributes=ATTRIBUTES, levels=LEVELS, contact_policies=POLICY))[0]
    known = {"age": 40, "diagnosis": "flu", "diet": "vegan"}
    with serving(tmp_path / "shop.db", of=strategy) as service:
        service.call("PATCH", "/v1/customers/c-1", {"attributes": known})
        service.call("PUT", "/v1/customers/c-1/units", {"id": "u", "level": "household", "unit": "h"})
        service.call("PUT", "/v1/units/household/h", {"attributes": {"size": 2, "faith": "none"}})

        decision = service.call("GET", f"/v1/decisions/{service.decide(customer='c-1')['id']}").json()["decision"]

        facts = {name: value for name, value in decision["facts"].items() if name.startswith(("customer.", "house"))}
        assert facts == {"customer.age": 40, "customer.diet": "vegan", "household.size": 2}
        assert not decision.get("doubts")
        assert service.call("GET", "/v1/customers/c-1").json()["attributes"] == known
        assert service.call("GET", "/v1/units/household/h").json()["attributes"] == {"size": 2, "faith": "none"}
        export = service.call("GET", "/v1/customers/c-1/export").json()
        assert {one["name"]: one["value"] for one in export["profile"]} == known
        judged = [one["input"] for one in service.call("GET", "/v1/data-quality").json()["inputs"]]
        assert "customer.age" in judged
        assert not {"customer.diagnosis", "household.faith"} & {*judged}


def test_it_is_left_out_beside_values_that_do_not_fit() -> None:
    registry = strategy_from_files(files(attributes=ATTRIBUTES))[0].registries.customer

    facts, misfits = fitting(registry, {"age": "old", "city": "Hel", "diagnosis": "flu"})

    assert (facts, misfits) == ({"customer.city": "Hel"}, 1)
    assert registry.left_out({"age": "old", "diagnosis": "flu"}, facts) == ("age",)
