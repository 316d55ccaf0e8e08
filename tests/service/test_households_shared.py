"""One cap for a household whose members ask two processes at the same time, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from opportune.storage import open_storage, verify_storage
from tests.postgres import need_postgres

from .fleet import Fleet
from .shop import decision, files

pytestmark = pytest.mark.serial

MEMBERS, CAP, ROUNDS = 4, 3, 12


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Fleet]:
    texts = files(
        levels="household: {attributes: {size: {type: integer}}}\n",
        contact_policies=f"coffees: {{at_most: {CAP}, within: {{days: 7}}, over: household, actions: [coffee]}}\n",
    )
    for path, text in texts.items():
        (tmp_path / "shop" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "shop" / path).write_text(text)
    service = Fleet(need_postgres().database(), 2, project=tmp_path / "shop")
    try:
        yield service
    finally:
        service.stop()


def test_a_household_has_one_cap_over_all_processes(both: Fleet) -> None:
    customers = [f"c-{number}" for number in range(MEMBERS)]
    with both.client() as client:
        for customer in customers:
            client.put(f"/v1/customers/{customer}", json={"attributes": {"age": 30}}).raise_for_status()
            body = {"id": f"j-{customer}", "level": "household", "unit": "h-1"}
            client.put(f"/v1/customers/{customer}/units", json=body).raise_for_status()

    def ask(customer: str) -> int:
        shown = 0
        with both.client() as client:
            for number in range(ROUNDS):
                body = decision(f"{customer}-{number}", customer=customer)
                answer = client.post("/v1/decisions", json=body, headers={"Opportune-Deadline-Ms": "30000"}).json()
                assert answer["degraded"] in (None, "store-busy"), answer
                if answer["degraded"] is None:
                    shown += any(one["action"] == "coffee" for slot in answer["placements"] for one in slot["actions"])
        return shown

    with ThreadPoolExecutor(MEMBERS) as pool:
        assert sum(pool.map(ask, customers)) == CAP
    with open_storage(both.store, read_only=True) as storage:
        assert list(verify_storage(storage)) == []
