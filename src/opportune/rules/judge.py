"""Say in words what a rule found, and why it does not pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from weakref import WeakKeyDictionary

from opportune.records import Facts, Value, ValueType
from opportune.rules.closures import Closure, NotCoveredError, compile_closure
from opportune.rules.evaluate import evaluate
from opportune.rules.quote import quote
from opportune.rules.rule import Rule
from opportune.rules.text import key_of, text_of
from opportune.rules.tree import Call, Const, Ident, Node, walk
from opportune.rules.values import Failed, NoValue, RuntimeValue, Unknown, to_fact

__all__ = ["Finding", "Verdict", "judge"]

SHOWN_MAX = 60
"""Characters of a value that a sentence shows."""


class Verdict(StrEnum):
    """What a rule came to; only TRUE passes."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule on one set of facts.

    Args:
        source: the rule as written.
        values: variables that the rule reads, with the values seen; missing ones are left out.
        missing: variables that leave the rule open.
        atoms: the parts that keep the rule from passing.
        sentence: why it does not pass, "" where it does.
    """

    verdict: Verdict
    source: str
    values: Mapping[str, Value]
    missing: tuple[str, ...]
    atoms: tuple[str, ...]
    sentence: str


def judge(rules: Sequence[Rule], facts: Facts) -> list[Finding]:
    """Give the finding of every rule of a condition."""
    return [_finding(rule, facts) for rule in rules]


def _finding(rule: Rule, facts: Facts) -> Finding:
    result = evaluate(rule, facts)
    values = {name: facts[name] for name in sorted(rule.variables) if name in facts}
    if result is True:
        return Finding(Verdict.TRUE, rule.source, values, (), (), "")
    missing: tuple[str, ...] = ()
    verdict = Verdict.FALSE if result is False else Verdict.FAILED
    if isinstance(result, Unknown):
        verdict, missing = Verdict.UNKNOWN, tuple(sorted(result.missing))
    parts = _PARTS.setdefault(rule, _Parts(rule.types))
    blamed = _blame(rule.tree, True, parts, facts)
    sentences = list(dict.fromkeys(_sentence(node, want, parts, facts) for node, want in blamed))
    if isinstance(result, Unknown):
        sentences = [_missing(result)]
    atoms = tuple(dict.fromkeys(_wanted(node, want) for node, want in blamed))
    return Finding(verdict, rule.source, values, missing, atoms, "; ".join(sentences))


class _Parts:
    """Evaluates single parts of one rule's tree; what was compiled once is kept."""

    def __init__(self, types: Mapping[str, ValueType]) -> None:
        self._types = types
        self._closures: dict[int, Closure] = {}

    def value(self, node: Node, facts: Facts) -> RuntimeValue:
        """Give the value of a node of the rule's own tree, which lives as long as this."""
        closure = self._closures.get(id(node))
        if closure is None:
            try:
                closure = compile_closure(node, self._types)
            except NotCoveredError as error:
                failed = Failed(f"only CEL's engine evaluates {error}")
                closure = lambda facts, local: failed  # noqa: E731
            self._closures[id(node)] = closure
        return closure(facts, {})


_PARTS: WeakKeyDictionary[Rule, _Parts] = WeakKeyDictionary()
"""Parts of the rules that were asked about; they live as long as their rule."""


_Blamed = list[tuple[Node, bool]]
"""Atoms, with the truth that the rule wants of them."""


def _blame(node: Node, want: bool, parts: _Parts, facts: Facts) -> _Blamed:
    """Give the atoms that keep the node from being `want`."""
    if parts.value(node, facts) is want:
        return []
    match node:
        case Call(function="!_", args=(inner,)):
            return _blame(inner, not want, parts, facts)
        case Call(function="_&&_" | "_||_", args=(a, b)):
            return _blame(a, want, parts, facts) + _blame(b, want, parts, facts)
        case Call(function="_?_:_", args=(condition, yes, no), type="bool"):
            answer = parts.value(condition, facts)
            if isinstance(answer, bool):
                return _blame(yes if answer else no, want, parts, facts)
            return [(condition, True)]
        case _:
            return [(node, want)]


def _wanted(node: Node, want: bool) -> str:
    if want:
        return text_of(node)
    if isinstance(node, Call) and node.function in _OPPOSITES:
        return text_of(Call(_OPPOSITES[node.function], node.args, node.type))
    return text_of(Call("!_", (node,), "bool"))


_OPPOSITES = {"_==_": "_!=_", "_!=_": "_==_"}


def _missing(value: Unknown) -> str:
    names = sorted(value.missing)
    return f"unknown: {' and '.join(names)} {'is' if len(names) == 1 else 'are'} missing"


def _sentence(node: Node, want: bool, parts: _Parts, facts: Facts) -> str:
    value = parts.value(node, facts)
    if isinstance(value, Unknown):
        return _missing(value)
    if isinstance(value, Failed):
        return f"failed: {value.error} in {text_of(node)}"
    seen = [f"{text_of(part)} is {_shown(part, parts, facts)}" for part in _shown_of(node)]
    wants = f"rule wants {_wanted(node, want)}"
    return f"{' and '.join(seen)}, {wants}" if seen else f"{text_of(node)} is {str(value).lower()}, {wants}"


def _shown_of(node: Node) -> list[Node]:
    """Give what to show of an atom: the sides of a comparison, else its variables."""
    match node:
        case Call(function="known"):
            return [node]
        case Call(function="_==_" | "_!=_" | "_<_" | "_<=_" | "_>_" | "_>=_", args=args):
            sides = [arg for arg in args if any(isinstance(part, Ident) for part in walk(arg))]
        case Call(function="owns", args=(_, places)):
            sides = [places]
        case Call(function="within_km" | "matches" | "startsWith" | "endsWith" | "contains" | "@in", args=args):
            sides = [arg for arg in args if any(isinstance(part, Ident) for part in walk(arg))]
        case _:
            # Names of loop variables have no dot; what a fold went through is not shown.
            sides = [part for part in walk(node) if isinstance(part, Ident) and "." in part.name]
    return list({key_of(side): side for side in sides if not isinstance(side, Const)}.values())


def _shown(node: Node, parts: _Parts, facts: Facts) -> str:
    value = parts.value(node, facts)
    fact = to_fact(value)
    if isinstance(value, NoValue) or isinstance(fact, NoValue):
        return "unknown" if isinstance(value, Unknown) else text_of(node)
    if isinstance(fact, float) and fact.is_integer() and abs(fact) < 1e15:
        fact = int(fact)
    text = quote(fact)
    return text if len(text) <= SHOWN_MAX else f"{text[: SHOWN_MAX - 1]}…"
