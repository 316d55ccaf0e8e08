"""Evaluate one rule on one set of facts."""

from __future__ import annotations

from functools import lru_cache

from opportune.records import Facts, Value
from opportune.rules.closures import Closure, NotCoveredError, compile_closure
from opportune.rules.engine import EngineError, engine_for, is_missing
from opportune.rules.rule import Rule
from opportune.rules.values import Failed, RuntimeValue, Unknown, to_fact

__all__ = ["closure_of", "evaluate"]


def evaluate(rule: Rule, facts: Facts) -> Value | Unknown | Failed:
    """Give the rule's value; Unknown where missing variables leave it open, Failed on a run-time error."""
    return to_fact(closure_of(rule)(facts, {}))


@lru_cache(maxsize=100_000)
def closure_of(rule: Rule) -> Closure:
    """Give the function that evaluates the rule; what closures do not cover is asked of CEL's engine."""
    try:
        return compile_closure(rule.tree, rule.types)
    except NotCoveredError:
        return _ask_engine(rule)


def _ask_engine(rule: Rule) -> Closure:
    engine = engine_for(frozenset(rule.types.items()))

    def ask(facts: Facts, local: dict[str, RuntimeValue]) -> RuntimeValue:
        seen = dict(facts)
        for name, segment in rule.segments.items():
            value = evaluate(segment, facts)
            if not isinstance(value, Unknown | Failed):
                seen[f"segment.{name}"] = value
        try:
            return engine.evaluate(rule.plain, seen)
        except EngineError as error:
            name_of_missing = is_missing(error)
            return Unknown(frozenset((name_of_missing,))) if name_of_missing else Failed(str(error))

    return ask


