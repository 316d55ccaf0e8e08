"""Counts by whole numbers are those that one would count one by one, in one process or in several."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from opportune.customers.quality import Counts, Tally, added

SINCE = datetime(2026, 5, 4, tzinfo=UTC)
CUSTOMER = ("customer.age", "customer.city", "customer.income")
CONTEXT = ("topic", "mood")
FEATURES = ("feature.calls_7d", "feature.spend")
NAMES = (*CUSTOMER, *(f"context.{name}" for name in CONTEXT), *FEATURES)
UNKNOWN = ("customer.old", "feature.gone")


def some(names: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(names), unique=True).map(tuple)


DECISIONS = st.tuples(
    some((*CUSTOMER, UNKNOWN[0])),
    st.booleans(),
    some((*FEATURES, UNKNOWN[1], "context.topic")),
    some(CONTEXT),
    some(("customer.age: stale", "customer.city: unfit", "context.mood: late", "customer.income: missing")),
)
Decision = tuple[tuple[str, ...], bool, tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def counted(decisions: list[Decision]) -> Counts:
    tally = Tally(NAMES, SINCE)
    for own, is_known, gathered, said, doubts in decisions:
        mask = tally.mask(own if is_known else ())
        given_ = dict.fromkeys(gathered, 1) if is_known else {}
        tally.note(mask, is_known, given_, dict.fromkeys(said, 1), doubts)
    return tally.counts()


def one_by_one(decisions: list[Decision]) -> dict[str, int]:
    absent = {}
    for name in NAMES:
        lacked = 0
        for own, is_known, gathered, said, _ in decisions:
            had = {f"context.{one}" for one in said} | ({*own, *gathered} if is_known else set())
            could = is_known or name.startswith("context.")
            lacked += could and name not in had
        if lacked:
            absent[name] = lacked
    return absent


@given(st.lists(DECISIONS, max_size=60))
def test_counting_all_inputs_at_once_is_counting_them_one_by_one(decisions: list[Decision]) -> None:
    found = counted(decisions)

    assert found.absent == one_by_one(decisions)
    assert found.decisions == len(decisions)
    assert found.known == sum(decision[1] for decision in decisions)
    for kind, name in (("stale", "customer.age"), ("unfit", "customer.city"), ("late", "context.mood")):
        said = sum(f"{name}: {kind}" in decision[4] for decision in decisions)
        assert found.doubts.get(kind, {}).get(name, 0) == said


@settings(max_examples=50)
@given(st.lists(DECISIONS, max_size=40), st.integers(0, 40))
def test_processes_add_up_to_one_that_made_all_decisions(decisions: list[Decision], cut: int) -> None:
    assert added([counted(decisions[:cut]), counted(decisions[cut:])]) == counted(decisions)
