"""What room an answer has for members of exclusivity groups and quotas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from opportune.decide.limits.quota import Quota
from opportune.decide.rooms import rooms_of
from opportune.records import Stage
from tests.worlds import Item, World

PLAN = replace(World([Item(name) for name in "abcd"]).plan(), exclusion=np.array([[True, True, False, False]]))


def test_an_answer_has_room_for_one_of_a_group_and_for_as_many_as_a_quota_says() -> None:
    quota = Quota(np.array([False, True, True, True]), 2)

    empty, begun = rooms_of(PLAN, [quota], []), rooms_of(PLAN, [quota], [1])

    assert empty.members.tolist() == begun.members.tolist() == [[True, True, False, False], [False, True, True, True]]
    assert (empty.left.tolist(), begun.left.tolist()) == ([1, 2], [0, 1])
    assert empty.closes.tolist() == [Stage.EXCLUSIVE, Stage.LINKED]
    assert rooms_of(PLAN, [], [3]).left.tolist() == [1]
