"""Counting what decisions had stays small, whatever they are like."""

from __future__ import annotations

from datetime import UTC, datetime

from opportune.customers.quality import Tally, added
from opportune.customers.quality.tally import FORMS_MAX

SINCE = datetime(2026, 5, 4, tzinfo=UTC)


def test_what_the_project_does_not_declare_is_not_counted() -> None:
    tally = Tally(["customer.age"], SINCE)
    tally.note(tally.mask(["customer.old"]), True, {"feature.gone": 1}, {"topic": "x"}, ("customer.old: stale",))
    tally.refuse("customer.old")
    counts = tally.counts()

    assert counts.absent == {"customer.age": 1}
    assert counts.doubts == {}
    assert counts.refused == {}


def test_memory_does_not_grow_with_kinds_of_decisions() -> None:
    tally = Tally([f"feature.f{number}" for number in range(20)], SINCE)
    rounds = 3 * FORMS_MAX
    for number in range(rounds):
        gathered = {f"feature.f{place}": 1.0 for place in range(20) if number >> place & 1}
        doubts = tuple(f"feature.f{place}: late" for place in range(20) if number >> place & 1)
        tally.note(0, True, gathered, {}, doubts)

    assert len(tally._masks) <= FORMS_MAX
    assert len(tally._doubted) <= FORMS_MAX + 1
    odd = sum(number & 1 for number in range(rounds))
    assert tally.counts().absent["feature.f0"] == rounds - odd
    assert tally.counts().doubts["late"]["feature.f0"] == odd


def test_changes_tell_whether_there_is_anything_new_to_say() -> None:
    tally = Tally(["customer.age"], SINCE)
    seen = [tally.changes]
    tally.note(0, True, {}, {}, ())
    seen.append(tally.changes)
    tally.refuse("customer.age")
    seen.append(tally.changes)

    assert seen == [0, 1, 2]
    assert tally.counts().refused == {"customer.age": 1}


def test_of_no_process_nothing_is_known() -> None:
    assert added([]) is None
