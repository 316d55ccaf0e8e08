"""Inputs of now against those of before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from opportune.evaluate.model_report.findings import findings
from opportune.evaluate.model_report.inputs import inputs
from opportune.learning import Predictor
from opportune.records import ValueType

RNG = np.random.default_rng(5)
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
AGE = Predictor("customer.age", ValueType.INTEGER)
CITY = Predictor("customer.city", ValueType.TEXT)
SINCE = Predictor("customer.since", ValueType.TIMESTAMP)
OWNS = Predictor("customer.owns", ValueType.TEXTS)
VIP = Predictor("customer.vip", ValueType.BOOLEAN)


def people(count, age=45, cities=("Oslo", "Rome"), missing=0.0):
    found = []
    for _ in range(count):
        facts = {
            "now": NOON,
            "customer.age": int(RNG.normal(age, 10)),
            "customer.since": NOON - timedelta(days=float(RNG.exponential(400))),
            "customer.owns": ["tv"] if RNG.random() < 0.5 else ["tv", "phone"],
            "customer.vip": bool(RNG.random() < 0.1),
        }
        if RNG.random() >= missing:
            facts["customer.city"] = cities[RNG.integers(len(cities))]
        found.append(facts)
    return found


def test_alike_inputs_do_not_drift():
    found = inputs([AGE, CITY, SINCE, OWNS, VIP], people(3_000), people(1_000))

    assert [one.predictor for one in found if (one.drift or 0) > 0.05] == []
    assert findings([], found, {}, 1_000) == []
    for one in found:
        assert sum(before for _, before, _ in one.groups) == pytest.approx(1.0)
        assert sum(now for _, _, now in one.groups) == pytest.approx(1.0)


def at(moment, *since):
    return [{"now": moment, "customer.since": one} for one in since for _ in range(200)]


def test_customers_of_one_day_who_grow_older_do_not_drift():
    moved, new, later = datetime(2020, 1, 1, tzinfo=UTC), NOON - timedelta(days=90), NOON + timedelta(days=20)
    before = [one for days in range(10) for one in at(NOON + timedelta(days=days), moved, new)]

    (same,) = inputs([SINCE], before, at(later, moved, new))
    (other,) = inputs([SINCE], before, at(later, new))
    (fresh,) = inputs([SINCE], before, at(later, moved, later))

    assert (same.drift, same.never_seen) == (0.0, 0.0)
    assert [label for label, _, _ in same.groups] == ["< 2026-02-03", "≥ 2026-02-03"]
    assert other.drift > 0.25
    assert fresh.never_seen == 0.5


def test_what_happened_an_hour_ago_does_not_drift_from_day_to_day():
    later = NOON + timedelta(days=20)

    (one,) = inputs(
        [SINCE],
        at(NOON, *(NOON - timedelta(hours=k) for k in range(9))),
        at(later, *(later - timedelta(hours=k) for k in range(9))),
    )

    assert (one.drift, one.never_seen) == (0.0, 0.0)
    assert all(label.endswith(" d") for label, _, _ in one.groups)


def test_few_decisions_tell_nothing_of_inputs():
    none = people(1, cities=("Oslo",)), people(1, age=95, cities=("Bergen",), missing=1.0)
    some = people(200, missing=0.7), people(200, cities=("Bergen",), missing=0.7)

    assert findings([], inputs([AGE, CITY, OWNS], *none), {}, 1) == []
    assert findings([], inputs([CITY], *some), {}, 200) == []


def test_other_inputs_are_found_for_what_they_are():
    before, now = people(3_000), people(1_000, age=70, cities=("Oslo", "Bergen"), missing=0.4)

    found = inputs([AGE, CITY, OWNS], before, now)

    told = {(one.code, one.subject) for one in findings([], found, {}, 1_000)} - {("never-seen", "customer.age")}
    assert told == {
        ("drift", "customer.age"),
        ("drift", "customer.city"),
        ("missing", "customer.city"),
        ("never-seen", "customer.city"),
    }
    city = next(one for one in found if one.predictor == "customer.city")
    assert city.missing_now == pytest.approx(0.4, abs=0.06)
    assert city.never_seen == pytest.approx(0.5, abs=0.06)


def test_a_number_that_is_mostly_one_value_drifts():
    def counts(rate, middle=0):
        return [{"customer.age": int(value) - middle} for value in RNG.poisson(rate, 2_000)]

    (rare,) = inputs([AGE], counts(0.08), counts(1.0))
    (alike,) = inputs([AGE], counts(0.08), counts(0.08))
    (both,) = inputs([AGE], [*counts(0.0)] * 9 + counts(0.0, 1) + counts(0.0, -1), [*counts(0.0, 1), *counts(0.0)])

    assert rare.drift > 1.0
    assert [label for label, _, _ in rare.groups] == ["< 1", "≥ 1"]
    assert alike.drift < 0.02
    assert [label for label, _, _ in both.groups] == ["< 0", "0 – 1", "≥ 1"]


def test_few_values_say_nothing_of_drift():
    (one,) = inputs([AGE], people(3_000), people(20))

    assert one.drift is None


def test_a_value_that_few_people_have_is_not_named():
    before = [*people(500), {"now": NOON, "customer.city": "Longyearbyen"}]

    (one,) = inputs([CITY], before, people(500))

    assert "Longyearbyen" not in {label for label, _, _ in one.groups}


def test_nobody_at_all():
    assert [one.groups for one in inputs([AGE, CITY], [], [])] == [(), ()]
