"""The lever that gives an action a share, compared with strategies that are written with it."""

from __future__ import annotations

import pytest

from opportune.evaluate.goals import find_lever
from opportune.service.foreseeing import side_of
from opportune.service.revisions import strategy_from_files
from tests.evaluate.foresight.examples import example, files, people
from tests.evaluate.goals.deciding import by_hand, decided

COUNT = 50
ACTION, PATH = "online_security", "actions/protection/online_security.yaml"


def share_by_hand(lever):
    """Decide with the lever written into the action."""
    text = files("telecom")[PATH]
    assert "\nlever:" not in text
    strategy = strategy_from_files(files("telecom") | {PATH: f"{text}\nlever: {lever}\n"})[0]
    decisions = decided(strategy, people("telecom", COUNT), is_explored=False)
    filled = [answer.actions[0].action for one in decisions for answer in one.placements if answer.actions]
    return filled.count(ACTION) / len(filled), by_hand(strategy, decisions)


@pytest.fixture(scope="module")
def side():
    return side_of(example("telecom"), None, None, "numpy")


@pytest.fixture(scope="module")
def found(side):
    return find_lever(side, people("telecom", COUNT), ACTION, 0.15)


def test_the_lever_gives_the_share_and_a_lower_one_does_not(found):
    assert found.verdict == "found"
    assert found.lever is not None
    share, _ = share_by_hand(found.lever)
    assert share == pytest.approx(found.share_after)
    assert share >= 0.15
    lower = max(lever for lever, _ in found.tried if lever < found.lever)
    assert share_by_hand(lower)[0] < 0.15
    assert lower > found.lever * 0.985


def test_what_it_costs_is_what_deciding_by_hand_brings(found):
    (_, before), (_, after) = share_by_hand(1.0), share_by_hand(found.lever)

    assert [one.before for one in found.goals] == pytest.approx(before.tolist(), rel=1e-4)
    assert [one.after for one in found.goals] == pytest.approx(after.tolist(), rel=1e-4)
    assert [one.gain.value for one in found.goals] == pytest.approx((after - before).tolist(), rel=1e-2, abs=1e-5)
    assert found.share_before == pytest.approx(share_by_hand(1.0)[0])


def test_what_no_lever_reaches_is_said(side):
    seen = find_lever(side, people("telecom", COUNT), ACTION, 0.99)

    assert (seen.verdict, seen.lever) == ("unreachable", None)
    assert seen.share_after == max(share for _, share in seen.tried)
    assert seen.share_after < 0.99


def test_what_an_action_has_without_any_lever_is_said():
    texts = files("telecom") | {PATH: f'{files("telecom")[PATH]}\nmandatory: "customer.tenure_months >= 0"\n'}
    side = side_of(strategy_from_files(texts)[0], None, None, "numpy")

    seen = find_lever(side, people("telecom", COUNT), ACTION, 0.01)

    assert (seen.verdict, seen.lever) == ("exceeded", None)
    assert seen.share_after > 0.01
