"""Laws of conditions, changes and contradictions."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from opportune.errors import Problem, RuleError
from opportune.rules import Rule, RuleSet, check, contradictory, evaluate
from tests.rules import expressions

SCHEMA = expressions.schema()
seeds = st.integers(min_value=0, max_value=2**48)


def rules_of(random: Random, count: int, depth: int) -> list[Rule]:
    writer = expressions.Writer(random)
    return [check(writer.boolean(random.randint(0, depth)), SCHEMA) for _ in range(count)]


@settings(max_examples=100)
@given(seeds)
def test_one_more_rule_never_lets_more_pass(seed: int) -> None:
    random = Random(seed)
    *rules, more = rules_of(random, 4, 2)
    ruleset = RuleSet([rules, [*rules, more]])

    for _ in range(10):
        fewer_rules, more_rules = ruleset.passed(expressions.facts(random))
        assert fewer_rules or not more_rules


@settings(max_examples=100)
@given(seeds)
def test_the_order_of_rules_does_not_matter(seed: int) -> None:
    random = Random(seed)
    rules = rules_of(random, 4, 2)
    other = random.sample(rules, len(rules))
    ruleset = RuleSet([rules, other])

    for _ in range(10):
        first, second = ruleset.passed(expressions.facts(random))
        assert first == second


@settings(max_examples=150)
@given(seeds)
def test_every_change_makes_its_condition_pass_and_touches_one_variable(seed: int) -> None:
    random = Random(seed)
    ruleset = RuleSet([rules_of(random, random.randint(1, 3), 2)])
    facts = expressions.facts(random)

    change = ruleset.change([0], facts)

    if change is not None:
        assert change.variable not in ("now", "zone")
        assert change.after != change.before
        assert ruleset.passed({**facts, change.variable: change.after}).all()


SIGNS = ("<", "<=", ">", ">=", "==", "!=")
SIDES = ("customer.visits", "customer.visits", "customer.visits * 2", "customer.visits + 5", "7 - customer.visits")


@settings(max_examples=300)
@given(seeds)
def test_no_whole_number_that_is_nearer_than_the_change_lets_pass(seed: int) -> None:
    random = Random(seed)
    asked = [f"{random.choice(SIDES)} {random.choice(SIGNS)} {random.randint(-9, 20)}" for _ in range(4)]
    joined = random.choice(("({} || {}) && {} && {}", "({} || {}) && ({} || {})", "({} ? {} : {}) && {}"))
    ruleset = RuleSet([[check(joined.format(*asked), SCHEMA)]])
    before = random.randint(-9, 20)
    passing = [value for value in range(-60, 60) if ruleset.passed({"customer.visits": value}).all()]

    change = ruleset.change([0], {"customer.visits": before})

    if not passing or before in passing:
        assert change is None
    else:
        assert change is not None
        assert change.distance == min(abs(value - before) / (1 + abs(value) + abs(before)) for value in passing)


@settings(max_examples=150)
@given(seeds)
def test_contradictory_rules_pass_for_nobody(seed: int) -> None:
    random = Random(seed)
    writer = expressions.Writer(random)
    rules = [check(writer.conjunction(2), SCHEMA) for _ in range(random.randint(2, 6))]

    sentence = contradictory(rules)

    if sentence is not None:
        ruleset = RuleSet([rules])
        for _ in range(200):
            assert not ruleset.passed(expressions.facts(random)).any(), sentence
        assert ruleset.change([0], expressions.facts(random)) is None, sentence


@settings(max_examples=100)
@given(seeds)
def test_a_finding_has_a_sentence_unless_the_rule_is_true(seed: int) -> None:
    random = Random(seed)
    rules = rules_of(random, 3, 2)
    facts = expressions.facts(random)

    for rule, finding in zip(rules, RuleSet([rules]).judge(0, facts), strict=True):
        assert (finding.verdict == "true") == (evaluate(rule, facts) is True)
        assert bool(finding.sentence) == (finding.verdict != "true")


PIECES = ("(", ")", "'", '"', "&&", "!", ".", " ", "{", "\ud800", "\x00")
BITS = (*PIECES, "known", ".known(", "owns(", "days_since(", "now", "2u", "b'x'")


@settings(max_examples=300)
@given(seeds)
def test_a_damaged_rule_is_checked_or_refused_with_places(seed: int) -> None:
    random = Random(seed)
    source = expressions.Writer(random).boolean(random.randint(0, 2))
    at = random.randrange(len(source) + 1)
    damaged = source[:at] + random.choice(BITS) * random.randrange(2) + source[at + random.randrange(4) :]

    problems = problems_of(damaged)

    assert problems != []
    for problem in problems or ():
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.code


def problems_of(source: str) -> list[Problem] | None:
    try:
        check(source, SCHEMA)
    except RuleError as error:
        return error.problems
    return None
