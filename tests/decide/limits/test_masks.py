"""Marking who is kept out: both forms alike, and no earlier stage is overwritten."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opportune.decide import steps_numpy
from opportune.decide.limits.limits import Apart, Limits, Purpose, Quiet, Scope, Stock
from opportune.decide.limits.masks import mark_limited, quotas_of
from opportune.decide.limits.windows import Length
from opportune.decide.steps import steps_of
from opportune.learning.kernels import resolve_kernel
from opportune.records import Hold, Stage

NAMES = ("a", "b", "c")
"""Two things and another action, one candidate each."""


def of(names: str) -> np.ndarray:
    return np.array([name in names for name in NAMES])


AC = Scope(of("ac"), frozenset("ac"), {"things": 1, "others": 1}, None, False)
LIMITS = Limits(
    policies=(Apart("breath", AC, Length(1), over="household"), Quiet("nights", AC, 0, 1, frozenset({0}))),
    stocks={"pens": Stock("pens", 5, "", False, Length(1), (), (), np.array([1, 2, 0]), (1, 2))},
    actions={name: (slice(n, n + 1), "things" if n < 2 else "others", "offer") for n, name in enumerate(NAMES)},
    groups={"things": slice(0, 2), "others": slice(2, 3)},
    size=3,
    purposes=(
        Purpose("marketing", "consent", {"desk": of("bc"), "post": of("a")}),
        Purpose("profiling", "objection", {"desk": of("")}, profiling=True),
    ),
)
FORMS = sorted({"numpy", resolve_kernel("auto")})


@pytest.mark.parametrize("form", [steps_of(kernel) for kernel in FORMS], ids=FORMS)
@given(
    candidates=st.lists(
        st.tuples(st.sampled_from([*map(int, Stage), steps_numpy.OPEN]), st.booleans()), min_size=1, max_size=20
    ),
    ends=st.tuples(st.integers(0, 20), st.integers(0, 20)),
)
def test_members_that_stand_later_are_limited(
    form: ModuleType, candidates: list[tuple[int, bool]], ends: tuple[int, int]
) -> None:
    size = len(candidates)
    begin, end = sorted(min(size, one) for one in ends)
    stages = np.array([stage for stage, _ in candidates], dtype=np.uint8)

    form.limit(stages, np.array([is_member for _, is_member in candidates]), begin, end)

    for place, (stage, is_member) in enumerate(candidates):
        is_held = is_member and begin <= place < end
        assert stages[place] == (min(stage, Stage.LIMITED) if is_held else stage)


@pytest.mark.parametrize("kernel", FORMS)
@pytest.mark.parametrize(
    ("limit", "kind", "part", "held"),
    [
        ("breath", "distance", "", "ac"),
        ("breath", "rest", "group:things", "a"),
        ("breath", "rest", "action:b", ""),
        ("pens", "stock", "", "ab"),
        ("pens", "stock", "over:1", "b"),
        ("marketing", "consent", "channel:desk", "bc"),
        ("marketing", "consent", "channel:app", ""),
        ("profiling", "consent", "profile", ""),
        ("minors", "minor", "profile", ""),
        ("", "identity", "profile", ""),
        ("", "switch", "action:b", "b"),
        ("", "switch", "group:things", "ab"),
        # What the strategy no longer has holds nothing.
        ("", "switch", "action:gone", ""),
        ("", "switch", "group:gone", ""),
        ("gone", "at_most", "", ""),
        ("gone", "consent", "channel:desk", ""),
    ],
)
def test_a_hold_keeps_out_what_its_limit_covers_in_its_part(
    kernel: str, limit: str, kind: str, part: str, held: str
) -> None:
    hold = Hold(limit, kind, part, 0, 1, 1)
    stages = np.full(3, steps_numpy.OPEN, dtype=np.uint8)

    marked = mark_limited(LIMITS, [hold], stages, kernel)

    assert "".join(name for name, stage in zip(NAMES, marked, strict=True) if stage == Stage.LIMITED) == held
    assert LIMITS.members(limit, part).tolist() == of(held).tolist()


def test_what_leaves_something_keeps_nothing_out_and_is_shared_by_what_it_is_left_for() -> None:
    holds = [Hold("pens", "stock", "within:1", 1, 4, 5), Hold("breath", "at_most", "", 0, 1, 1)]
    stages = np.full(3, steps_numpy.OPEN, dtype=np.uint8)

    (quota,) = quotas_of(LIMITS, holds)

    assert (quota.members.tolist(), quota.most) == (of("a").tolist(), 1)
    assert mark_limited(LIMITS, holds[:1], stages).tolist() == stages.tolist()


def test_only_levels_that_a_policy_counts_over_are_asked_for() -> None:
    alone = Limits(policies=(Apart("breath", AC, Length(1)),))

    assert LIMITS.levels == {"household"}
    assert alone.levels == set()
