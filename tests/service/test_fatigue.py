"""What contacts cost that a person had already, as a service counts it: exactly, for each person, and provably."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from opportune.decide import arbitrate
from opportune.service import Settings
from opportune.service.redeciding import prove_decisions
from opportune.service.revisions import strategy_from_files
from opportune.storage import Kind, decision_of, open_storage, verify_storage

from .shop import Service, files, serving
from .test_limits import Clock, ask_at_once, know, shown

GOALS = """
profit: {unit: EUR, currency: EUR}
peace: {unit: points, weight: 2, fatigue: {each: 0.5, within: {days: 7}, channels: [till]}}
"""
OFFERS = {"coffee", "water", "wine"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tiring(tmp_path: Path, clock: Clock) -> Iterator[Service]:
    strategy = strategy_from_files(files(goals=GOALS))[0]
    with serving(tmp_path / "shop.db", Settings(kernel="numpy", clock=clock), strategy) as service:
        yield service


def counts(path: Path, identifier: str) -> list[int]:
    """Give what was counted at every decision for a customer, in their order."""
    with open_storage(str(path / "shop.db"), read_only=True) as storage:
        decisions = [decision_of(entry) for entry in storage.journal(kinds=(Kind.DECISION,))]
        own = [one for one in decisions if one.request.customer == identifier]
        assert all(tired.goal == "peace" for one in own for tired in one.tired)
        return [sum(tired.count for tired in one.tired) for one in own]


def offers(answer: dict[str, object]) -> int:
    return sum(action in OFFERS for action in shown(answer))


def test_every_contact_before_counts_and_those_of_others_do_not(tmp_path: Path, tiring: Service) -> None:
    know(tiring, "c-1", "c-2")
    before, expected = 0, []
    for number in range(5):
        expected.append(before)
        before += offers(tiring.decide(f"r-{number}", customer="c-1"))
    tiring.decide("r-9", customer="c-2")

    assert counts(tmp_path, "c-1") == expected
    assert expected[-1] > expected[1] > 0
    assert counts(tmp_path, "c-2") == [0]


def test_a_window_slides(tmp_path: Path, tiring: Service, clock: Clock) -> None:
    know(tiring, "c-1")
    first = offers(tiring.decide("r-1", customer="c-1"))
    clock.now += timedelta(days=6)
    second = offers(tiring.decide("r-2", customer="c-1"))
    clock.now += timedelta(days=1)
    tiring.decide("r-3", customer="c-1")

    assert counts(tmp_path, "c-1") == [0, first, second]


def test_all_that_ask_at_once_are_counted_one_after_the_other(tmp_path: Path, tiring: Service) -> None:
    know(tiring, "c-1")
    answers = ask_at_once(tiring, 6, "c-1")

    found = counts(tmp_path, "c-1")
    assert found[0] == 0
    assert found == sorted(found)
    assert found[-1] == sum(map(offers, answers)) - offers(answers[-1])


def test_the_tenth_contact_is_worth_less_and_is_told_so(tiring: Service) -> None:
    know(tiring, "c-1")
    answers = [tiring.decide(f"r-{number}", customer="c-1") for number in range(3)]
    last = tiring.call("GET", f"/v1/decisions/{answers[-1]['id']}").json()["explanation"]

    told = {one["action"]: one for one in last["placements"][0]["candidates"] if one.get("parts")}
    tired = sum(map(offers, answers[:-1]))
    offer = next(one for name, one in told.items() if name in OFFERS)
    assert f"peace: {tired} contacts in 7 days cost {0.5 * tired:g} points" in offer["reason"]
    assert offer["parts"]["fatigue.peace"] == pytest.approx(-2 * 0.5 * tired)
    services = [one for name, one in told.items() if name not in OFFERS]
    assert all(one["parts"]["fatigue.peace"] == 0 for one in services)


def test_what_was_decided_is_decided_again_to_the_same_bytes(
    tmp_path: Path, tiring: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    know(tiring, "c-1")
    for number in range(6):
        tiring.decide(f"r-{number}", customer="c-1")

    with open_storage(str(tmp_path / "shop.db"), read_only=True) as storage:
        proof, problems = prove_decisions(storage)
        assert (proof.compared, list(problems)) == (6, [])
        assert verify_storage(storage) == []
        # The control: an engine that forgets what contacts cost is found out.
        monkeypatch.setattr(arbitrate, "worth_of_fatigue", lambda plan, weights, tired: None)
        _, problems = prove_decisions(storage)
        assert len(problems) == 5
