"""Imagined customers: declared values alone, both sides of every limit, the same people every time."""

from __future__ import annotations

from opportune.customers import Attribute
from opportune.evaluate.foresight.imagined import Imagination, named_in
from opportune.records import ValueType
from tests.evaluate.foresight.examples import AT, example


def people(project, count=400):
    strategy = example(project)
    named = named_in([strategy.plan])
    imagination = Imagination(strategy.registries.customer.attributes, "customer.", named)
    return strategy, [imagination.draw(f"s-{number}", AT) for number in range(count)]


def test_the_registry_takes_every_imagined_value():
    for project in ("telecom", "coupons"):
        strategy, found = people(project)

        for one in found:
            strategy.registries.customer.read(one)


def test_both_sides_of_every_limit_of_a_rule_occur():
    strategy, found = people("telecom")
    rules = [rule for condition in strategy.plan.gate.conditions for rule in condition]
    of_customers = [rule for rule in rules if all(name.startswith("customer.") for name in rule.variables)]

    for number, condition in enumerate(strategy.plan.gate.conditions):
        if condition and all(rule in of_customers for rule in condition):
            passed = [
                bool(strategy.plan.gate.passed(strategy.registries.customer.read(one)[0])[number]) for one in found
            ]
            assert {True, False} <= set(passed), condition


def test_some_values_are_missing():
    _, found = people("telecom")

    assert 0 < sum("tenure_months" not in one for one in found) < 60


def test_the_same_seed_gives_the_same_people_and_a_new_attribute_changes_no_other():
    one = Attribute(name="age", type=ValueType.INTEGER, range=(0, 100))
    other = Attribute(name="city", type=ValueType.TEXT)
    alone = Imagination({"age": one}, "customer.", {}).draw("s-1", AT)
    beside = Imagination({"city": other, "age": one}, "customer.", {}).draw("s-1", AT)

    assert alone == {"age": beside["age"]}


def test_values_without_limits_or_ranges_are_drawn_all_the_same():
    kinds = {kind.value: Attribute(name=kind.value, type=kind) for kind in ValueType}
    found = [Imagination(kinds, "customer.", {}).draw(f"s-{number}", AT) for number in range(50)]

    assert {name for one in found for name in one} == set(kinds)
