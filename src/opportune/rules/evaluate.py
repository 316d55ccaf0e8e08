"""Evaluate one rule on one set of facts."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakKeyDictionary

from opportune.records import Facts, Value, ValueType
from opportune.rules import domain
from opportune.rules.closures import Closure, NotCoveredError, compile_closure
from opportune.rules.engine import EngineError, engine_for, is_missing
from opportune.rules.rule import Rule
from opportune.rules.tokens import Edits, tokenize
from opportune.rules.values import Failed, NoValue, RuntimeValue, Unknown, from_plain, to_fact

__all__ = ["closure_of", "evaluate"]


def evaluate(rule: Rule, facts: Facts) -> Value | Unknown | Failed:
    """Give the rule's value; Unknown where missing variables leave it open, Failed on a run-time error."""
    return to_fact(closure_of(rule)(facts, {}))


_CLOSURES: WeakKeyDictionary[Rule, Closure] = WeakKeyDictionary()
"""Compiled rules; they live as long as their rule."""


def closure_of(rule: Rule) -> Closure:
    """Give the function that evaluates the rule; what closures do not cover is asked of CEL's engine."""
    closure = _CLOSURES.get(rule)
    if closure is None:
        try:
            closure = compile_closure(rule.tree, rule.types)
        except NotCoveredError:
            closure = _ask_engine(rule.plain, rule.types, rule.segments)
        _CLOSURES[rule] = closure
    return closure


def _ask_engine(plain: str, types: Mapping[str, ValueType], named: Mapping[str, Rule]) -> Closure:
    engine = engine_for(frozenset(types.items()))
    words = {token.text for token in tokenize(plain)}
    segments = {f"segment.{name}": segment for name, segment in named.items() if name in words}

    def ask(facts: Facts, local: dict[str, RuntimeValue]) -> RuntimeValue:
        found = {name: evaluate(segment, facts) for name, segment in segments.items()}
        values = {name: value for name, value in found.items() if not isinstance(value, NoValue)}
        try:
            return from_plain(engine.evaluate(_answer_known(plain, facts), {**facts, **values}))
        except EngineError as error:
            name = is_missing(error)
            if name is None:
                return Failed(str(error))
            value = found.get(name)
            return value if isinstance(value, NoValue) else Unknown(frozenset((name,)))

    return ask


def _answer_known(plain: str, facts: Facts) -> str:
    """Put the answers of known("a.b") into the text: CEL's engine cannot be asked for what is missing."""
    edits, tokens = Edits(plain), tokenize(plain)
    for i, token in enumerate(tokens[:-3]):
        if token.text == domain.KNOWN and token.kind == "name" and tokens[i + 1].text == "(":
            is_there = tokens[i + 2].text[1:-1] in facts
            start = tokens[i - 1] if i and tokens[i - 1].text == "." else token  # as in .known("a.b")
            edits.replace(start.at, tokens[i + 3].end, "true" if is_there else "false")
    return edits.apply()
