"""Index, closures and columns give what CEL's own engine gives."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from opportune.records import ValueType
from opportune.rules import Failed, Rule, RuleSet, Unknown, check, evaluate
from tests.rules import expressions

RULES, ROWS, BATCHES = 12, 20, 120
SCHEMA = expressions.schema()
seeds = st.integers(min_value=0, max_value=2**48)


def rules_of(random: Random) -> list[Rule]:
    writer = expressions.Writer(random)
    sources = [writer.conjunction(random.randint(1, 5)) for _ in range(RULES // 3)]
    sources += [writer.boolean(random.randint(0, 3)) for _ in range(RULES - len(sources))]
    return [check(source, SCHEMA) for source in sources]


def verdict(value: Any) -> str:
    return "unknown" if isinstance(value, Unknown) else "failed" if isinstance(value, Failed) else "value"


def agree(rule: Rule, row: dict[str, Any]) -> None:
    """Compare closures with the engine.

    The engine names one reason where several hold; then ours must be unknown whenever the engine's is, and failed
    whenever nothing is missing.
    """
    kind, expected = expressions.oracle(rule, row)
    found = evaluate(rule, row)
    where = f"{rule.source} on {row}: engine {kind} {expected!r}, closures {found!r}"
    if kind == "value":
        assert same(found, expected), where
    elif kind == "unknown":
        assert isinstance(found, Unknown), where
        assert expected in found.missing, where
    elif rule.variables <= row.keys():
        assert isinstance(found, Failed), where
    else:
        assert verdict(found) != "value", where


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, datetime):
        expected = expected.replace(tzinfo=UTC) if expected.tzinfo is None else expected
    if isinstance(expected, float) and isinstance(found, float):
        return struct.pack("<d", found) == struct.pack("<d", expected) or (found != found and expected != expected)
    return type(found) is type(expected) and bool(found == expected)


def test_all_ways_of_evaluation_agree_with_the_engine(tell: Callable[[str], None]) -> None:
    cases = 0

    @settings(max_examples=BATCHES)
    @given(seeds)
    def run(seed: int) -> None:
        nonlocal cases
        random = Random(seed)
        rules = rules_of(random)
        conditions = [[rule] for rule in rules] + [random.sample(rules, k) for k in (0, 2, 3)]
        rows = [expressions.facts(random) for _ in range(ROWS)]
        ruleset = RuleSet(conditions)
        table = ruleset.passed_table(expressions.columns(rows), ROWS)

        for row, of_table in zip(rows, table, strict=True):
            for rule in rules:
                agree(rule, row)
            true = {id(rule) for rule in rules if evaluate(rule, row) is True}
            expected = [all(id(rule) in true for rule in condition) for condition in conditions]
            of_index = ruleset.passed(row).tolist()
            assert of_index == expected, blame(conditions, row, of_index, expected)
            assert of_table.tolist() == expected, blame(conditions, row, of_table.tolist(), expected)
            cases += len(rules)

    run()
    tell(f"{cases} cases of (rule, customer): index = closures = columns = CEL's engine")
    assert cases >= 20_000


def blame(conditions: list[list[Rule]], row: Any, found: list[bool], expected: list[bool]) -> str:
    wrong = [i for i in range(len(found)) if found[i] != expected[i]]
    sources = [[rule.source for rule in conditions[i]] for i in wrong]
    return f"{sources} on {row}: expected {[expected[i] for i in wrong]}"


@settings(max_examples=60)
@given(seeds)
def test_values_agree_with_the_engine(seed: int) -> None:
    random = Random(seed)
    writer = expressions.Writer(random)
    kinds = {ValueType.NUMBER: writer.number, ValueType.INTEGER: writer.integer, ValueType.TEXT: writer.text}
    rules = [check(write(2), SCHEMA, kind) for kind, write in kinds.items()]

    for _ in range(ROWS):
        row = expressions.facts(random)
        for rule in rules:
            agree(rule, row)
