"""Contact policies and stocks of a project: what they compile to, and their differences in words."""

from __future__ import annotations

import numpy as np

from opportune.decide.limits.limits import Apart, AtMost, Quiet, Rest
from opportune.decide.limits.windows import Length
from opportune.strategy import check_files
from opportune.strategy.compile import compile_plan
from opportune.strategy.diff import differences
from opportune.strategy.files import read_texts
from opportune.strategy.load import load_files
from opportune.strategy.starter import STARTER

POLICIES = """
three:
  at_most: 3
  within: { days: 7, hours: 12 }
  actions: plus_plan
  groups: [care]
  exempt: []
rest:
  after: { outcome: impression, times: 3, within: { weeks: 1 }, without: accept }
  rest: { days: 10 }
  rests: group
nights:
  quiet: { from: "21:00", until: "08:00", days: [mon, sun] }
  directions: [inbound]
breath:
  apart: { minutes: 90 }
  channels: [app]
"""
STOCKS = """
sim_cards: { units: 2000 }
spring: { money: 10000.10, currency: EUR, per: month, pacing: even, confirmed_by: reject }
"""
TRAVEL = "actions/plans/travel_pack.yaml"


def texts(**more):
    files, _ = read_texts(STARTER)
    files[TRAVEL] += "uses: { spring: 12.50 }\n"
    return {**files, "contact_policies.yaml": POLICIES, "stocks.yaml": STOCKS, **more}


def plan_of(files):
    return compile_plan(check_files(files))


def test_policies_compile_to_what_they_say():
    plan = plan_of(texts())
    three, rest, nights, breath = plan.limits.policies

    assert isinstance(three, AtMost)
    assert (three.most, three.within, three.per, set(three.counts)) == (3, Length(7, 43_200), "person", {"shown"})
    assert three.scope.actions == {"plus_plan", "explain_invoice", "help_pages"}
    assert not three.scope.strangers
    assert isinstance(rest, Rest)
    assert (rest.times, rest.within, rest.without, rest.rest, rest.rests) == (
        3,
        Length(7),
        "accept",
        Length(10),
        "group",
    )
    assert rest.scope.groups == {"plans": 3}
    assert isinstance(nights, Quiet)
    assert (nights.begin, nights.end, nights.days) == (1_260, 480, {0, 6})
    assert isinstance(breath, Apart)
    assert breath.length == Length(0, 5_400)
    channels = [key.channel for key, is_in in zip(plan.candidates, breath.scope.mask, strict=True) if is_in]
    assert set(channels) == {"app"}
    assert plan.limits.needs_contacts
    assert plan.limits.horizon_seconds >= 17 * 86_400


def test_stocks_count_in_whole_units():
    plan = plan_of(texts())
    spring = plan.limits.stocks["spring"]

    assert (spring.units, spring.amounts, spring.period, spring.paced) == (1_000_010, (1_250,), "month", True)
    assert spring.confirmed_by == ("reject",)
    assert "reject" not in spring.released_by
    assert plan.limits.uses == {"family_sim": {"sim_cards": 1}, "travel_pack": {"spring": 1_250}}
    own = [key.action == "travel_pack" for key in plan.candidates]
    assert np.array_equal(spring.uses > 0, own)


def test_a_former_name_keeps_its_contacts():
    files = texts()
    files["actions/plans/plus_plan.yaml"] += "renamed_from: bigger_plan\n"

    assert plan_of(files).limits.former == {"bigger_plan": "plus_plan"}


def test_a_project_without_limits_has_none_but_can_be_switched_off():
    files, _ = read_texts(STARTER)
    del files["contact_policies.yaml"], files["stocks.yaml"], files["tests/limits.yaml"]
    files["actions/plans/family_sim.yaml"] = files["actions/plans/family_sim.yaml"].replace("uses:", "# uses:")

    limits = plan_of(files).limits

    assert limits.is_empty
    assert not limits.needs_contacts
    assert limits.members("", "action:plus_plan").sum() == 2
    assert limits.members("", "group:care").sum() == limits.members("", "action:help_pages").sum() + 1


def test_differences_are_told_in_words():
    before = load_files(texts())
    changed = POLICIES.replace("days: 7, hours: 12", "days: 14").replace("21:00", "22:00")
    after = load_files(texts(**{"contact_policies.yaml": changed, "stocks.yaml": STOCKS.replace("2000", "500")}))

    assert differences(before, after) == (
        "contact policy 'three', within: 7 days 12 hours → 14 days",
        "contact policy 'nights', quiet: 21:00 to 08:00 on mon, sun → 22:00 to 08:00 on mon, sun",
        "stock 'sim_cards', units: 2000 → 500",
    )
