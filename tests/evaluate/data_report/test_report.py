"""What the report says of inputs that are right, and of those that are wrong in one way each."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from opportune.customers.quality import DEFAULTS, Counts, Kind, Thresholds
from opportune.evaluate.data_report import DataReport
from opportune.evaluate.data_report.report import Comparison, report_of
from opportune.evaluate.model_report.parts import InputHealth
from opportune.learning import Predictor
from opportune.records import ValueType

AT = datetime(2026, 5, 4, tzinfo=UTC)
USUAL = Thresholds()
AGE, CITY, TOPIC = "customer.age", "customer.city", "context.topic"
KNOWN = (Predictor(AGE, ValueType.INTEGER), Predictor(CITY, ValueType.TEXT), Predictor(TOPIC, ValueType.TEXT))


def health(name: str, drift: float | None = 0.01, never_seen: float = 0.0) -> InputHealth:
    return InputHealth(
        predictor=name,
        type="text",
        missing_before=0.0,
        missing_now=0.0,
        never_seen=never_seen,
        drift=drift,
        groups=(("a", 0.5, 0.5),),
    )


def judged(counts: Counts | None, thresholds: Thresholds = USUAL, **drifting: InputHealth) -> DataReport:
    found = {AGE: health(AGE), CITY: health(CITY), TOPIC: health(TOPIC)}
    found |= {one.predictor: one for one in drifting.values()}
    comparison = Comparison(found, 2_000, 1_000)
    return report_of("shop", "abc", KNOWN, {TOPIC}, thresholds, comparison, counts, 2, AT)


WELL = Counts(since=AT, decisions=1_000, known=500, absent={AGE: 100, TOPIC: 400})


def test_shares_are_of_the_decisions_that_could_have_had_the_input() -> None:
    report = judged(WELL)
    by_name = {one.input: one for one in report.inputs}

    assert by_name[AGE].missing == 0.2
    assert by_name[TOPIC].missing == 0.4
    assert by_name[CITY].missing == 0.0
    assert (report.processes, report.decisions, report.known) == (2, 1_000, 500)
    assert report.concerns == ()


@pytest.mark.parametrize(
    ("kind", "name", "counts"),
    [
        ("missing", AGE, Counts(since=AT, decisions=500, known=500, absent={AGE: 251})),
        ("stale", AGE, Counts(since=AT, decisions=500, known=500, doubts={"stale": {AGE: 101}})),
        ("late", TOPIC, Counts(since=AT, decisions=500, known=0, doubts={"late": {TOPIC: 26}})),
        ("unfit", AGE, Counts(since=AT, decisions=500, known=500, doubts={"unfit": {AGE: 6}})),
        ("unfit", CITY, Counts(since=AT, decisions=500, known=500, refused={CITY: 6})),
    ],
)
def test_each_fault_warns_above_its_threshold_and_not_at_it(kind: Kind, name: str, counts: Counts) -> None:
    (concern,) = judged(counts).concerns
    exactly = Thresholds(DEFAULTS, {(kind, name): concern.value})

    assert (concern.kind, concern.input, concern.threshold) == (kind, name, DEFAULTS[kind])
    assert judged(counts, exactly).concerns == ()


def test_drift_and_new_values_are_read_from_the_journal() -> None:
    found = judged(WELL, city=health(CITY, drift=0.3, never_seen=0.2), topic=health(TOPIC, never_seen=0.9))

    assert {(one.kind, one.input) for one in found.concerns} == {("drift", CITY), ("unseen", CITY)}
    assert {one.input: one.unseen for one in found.inputs}[TOPIC] is None


def test_a_threshold_of_one_input_goes_before_that_of_all() -> None:
    strict = Thresholds({**DEFAULTS, "missing": 0.1}, {("missing", TOPIC): 0.9})

    assert [one.input for one in judged(WELL, strict).concerns] == [AGE]


def test_few_decisions_warn_nobody() -> None:
    few = Counts(since=AT, decisions=99, known=99, absent={AGE: 99})
    enough = Counts(since=AT, decisions=100, known=100, absent={AGE: 100})

    assert judged(few).concerns == ()
    assert [one.input for one in judged(enough).concerns] == [AGE]


def test_where_nothing_was_counted_nothing_is_said() -> None:
    report = judged(None)

    assert (report.since, report.decisions, report.processes) == (None, 0, 0)
    assert all(one.missing is None and one.unfit is None for one in report.inputs)
