"""Control groups: every group has its share of all persons, nobody is in two, and periods are those of the project."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from opportune.decide.control import control_group
from opportune.decide.plan import ControlGroup
from tests.worlds import NOON, Item, World, replace

PERSONS = 4_000


def members(shares, now=NOON, period="quarter", zone="UTC"):
    groups = tuple(ControlGroup(f"g{n}", share, "random", period) for n, share in enumerate(shares))
    plan = replace(World([Item("a")], control_groups=groups).plan(), zone=zone)
    found = (control_group(plan, f"c-{n}", now) for n in range(PERSONS))
    return ["" if group is None else group.name for group in found]


@pytest.mark.parametrize("shares", [(0.2, 0.3, 0.5), (0.1, 0.2, 0.3), (1.0, 0.5)])
def test_every_group_has_its_share_of_all_persons(shares):
    counts = Counter(members(shares))

    left = 1.0
    for number, share in enumerate(shares):
        # Four standard deviations of a share of 0.5.
        assert counts[f"g{number}"] / PERSONS == pytest.approx(min(share, left), abs=4 * 0.5 / PERSONS**0.5)
        left -= min(share, left)
    assert left > 0 or not counts[""]


def test_nobody_without_a_name_and_a_session_is_in_a_group():
    plan = World([Item("a")], control_groups=(ControlGroup("g", 1.0, "random", "forever"),)).plan()

    assert control_group(plan, None, NOON) is None


def test_groups_are_drawn_anew_where_the_period_ends_in_the_zone_of_the_project():
    end = datetime(2026, 3, 31, 11, tzinfo=UTC)  # Midnight in Apia.
    moments = (end - timedelta(days=1), end - timedelta(seconds=1), end)

    first, last, new = (members((0.5,), now, zone="Pacific/Apia") for now in moments)

    assert first == last != new
