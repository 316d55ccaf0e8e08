"""What a process remembers of limits: as the store has it, also where it hears only of its own decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opportune.service import Settings, runtime
from opportune.service.histories import Histories, Past
from opportune.service.revisions import strategy_from_files
from opportune.storage import RecordEvent

from .shop import Service, files, serving
from .test_histories import facts, with_features
from .test_limits import COFFEES, POLICIES, STOCKS, know, limited, shown


@pytest.fixture
def unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let services hear of no commit, as where several processes share a store."""

    def hear(histories: Histories, entries: object) -> None:
        histories.follows = False

    monkeypatch.setattr(Histories, "take", hear)


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let services not look again what is switched off and what is left of stocks."""
    monkeypatch.setattr(runtime, "REFRESH_SECONDS", 3600.0)


def past_of(service: Service, customer: str) -> Past:
    histories, now = service.runtime.histories, service.runtime.settings.clock()
    person = service.runtime.storage.person_of(customer)
    assert person is not None
    return service.runner.run(histories.of(service.runtime.live.current.needs, customer, person, now))


def decide_in_app(service: Service, id: str, customer: str) -> dict[str, Any]:
    fields = {"channel": "app", "placements": [{"name": "card", "size": 2}]}
    return service.decide(id, customer=customer, **fields)


@pytest.mark.parametrize("way", ["heard", "unheard"])
def test_a_past_goes_on_with_decisions_as_the_store_tells_it(
    tmp_path: Path, request: pytest.FixtureRequest, way: str
) -> None:
    if way == "unheard":
        request.getfixturevalue("unheard")
    with serving(tmp_path / "shop.db", of=with_features()) as service:
        know(service, "c-1")
        for number in range(3):
            service.decide(f"r-{number}", customer="c-1", placements=[{"name": "receipt"}, {"name": "screen"}])
            decide_in_app(service, f"a-{number}", "c-1")
        warm, reads = past_of(service, "c-1"), service.runtime.histories.reads
        entries, size = service.runtime.histories.entries, warm.size
        service.runtime.histories.forget_all()
        cold = past_of(service, "c-1")

    assert reads == 1
    assert len({(one.channel, one.placement) for one in warm.contacts}) == 3
    assert (warm.contacts, warm.last) == (cold.contacts, cold.last)
    assert entries == size == cold.size


@pytest.mark.usefixtures("unheard")
def test_a_rest_that_was_reported_here_costs_no_second_draw(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db", of=limited(POLICIES)) as service:
        know(service, "c-1")
        first = service.decide("r-1", customer="c-1")
        report = {"id": "o-1", "decision": first["id"], "action": "coffee", "outcome": "reject"}
        service.call("POST", "/v1/outcomes", report).raise_for_status()
        second = service.decide("r-2", customer="c-1")

    assert ("coffee" in shown(first), "coffee" in shown(second)) == (True, False)
    assert "redrawn" not in second


@pytest.mark.usefixtures("unheard")
def test_what_another_process_wrote_is_read_by_whichever_identifier_comes_next(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db", of=with_features()) as service:
        know(service, "c-1", "c-2")
        service.call("POST", "/v1/customers/c-1/merge", {"id": "m-1", "other": "c-2"})
        service.decide("r-1", customer="c-1")
        event = RecordEvent(id="e-1", type="call_ended", identifier="c-1", attributes={})
        service.runtime.storage.write([event])
        answer = service.decide("r-2", customer="c-2")

        assert answer["degraded"] is None
        assert facts(service, answer)["calls_7d"] == 1


@pytest.mark.usefixtures("still")
def test_what_is_left_of_a_stock_is_known_after_every_decision_of_the_process(tmp_path: Path) -> None:
    two = STOCKS.replace(f"units: {COFFEES}", f"units: {2 * COFFEES + 1}")
    texts = files(stocks=two)
    texts["actions/drinks/coffee.yaml"] += "uses: {beans: 2}\n"
    customers = [f"c-{number}" for number in range(COFFEES + 2)]
    with serving(tmp_path / "shop.db", of=strategy_from_files(texts)[0]) as service:
        know(service, *customers)
        answers = [service.decide(f"r-{customer}", customer=customer) for customer in customers]

    assert ["coffee" in shown(answer) for answer in answers] == [True] * COFFEES + [False] * 2
    assert not any("redrawn" in answer for answer in answers)


@pytest.mark.usefixtures("still")
def test_what_others_took_of_a_stock_costs_one_second_draw(tmp_path: Path) -> None:
    customers = [f"c-{number}" for number in range(COFFEES + 2)]
    with serving(tmp_path / "shop.db", of=limited(stocks=STOCKS)) as service:
        know(service, *customers)
        for customer in customers[:COFFEES]:
            service.decide(f"r-{customer}", customer=customer)
        # As if others had taken all that since the last look.
        service.runtime.standings._taken["beans", ""] = 0
        answers = [service.decide(f"r-{customer}", customer=customer) for customer in customers[COFFEES:]]

    assert not any("coffee" in shown(answer) for answer in answers)
    assert ["redrawn" in answer for answer in answers] == [True, False]


@pytest.mark.usefixtures("still")
def test_what_is_switched_off_is_off_from_the_first_decision_after_a_start(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db") as service:
        know(service, "c-1")
        service.call("POST", "/v1/limits/switches", {"target": "coffee", "off": True}).raise_for_status()
    with serving(tmp_path / "shop.db") as service:
        assert "coffee" not in shown(service.decide("r-1", customer="c-1"))


def test_memory_of_who_was_decided_for_is_bounded(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db", Settings(kernel="numpy", profiles_max=2), limited(POLICIES)) as service:
        know(service, "a", "b", "c", "d")
        for customer in "abcd":
            service.decide(f"r-{customer}", customer=customer)
        standings = service.runtime.standings

        assert len(standings._asked) == 2
        assert standings._turns == {}
