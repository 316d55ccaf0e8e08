"""Find rules that can never all be TRUE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from opportune.rules.clauses import Clause, Feature, clauses_of
from opportune.rules.rule import Rule
from opportune.rules.sets import ValueSet, meet
from opportune.rules.text import text_of
from opportune.rules.tree import Call, Node

__all__ = ["contradictory"]

TRIES_MAX = 2000
"""Combinations of alternatives to look at before giving up."""
CLAUSES_MAX = 200
"""Clauses of several atoms to look at, the shortest first; each nests the search one deeper."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One side of the rules' &&, with its clauses; None where it can never be TRUE."""

    text: str
    clauses: list[Clause] | None


def contradictory(rules: Sequence[Rule], ranges: Sequence[Rule] = ()) -> str | None:
    """Say why the rules can never all be TRUE, None where they can or it is not decided.

    Decided are conditions on single expressions against constants, joined by &&, || and !; expressions are taken as
    independent of each other, so what is called contradictory is so for every set of facts.

    Args:
        ranges: comparisons of attributes with constants, which hold wherever the attribute has a value.
    """
    parts = [_Part(text_of(node), clauses_of(node, rule.types)) for rule in rules for node in _conjuncts(rule.tree)]
    for part in parts:
        if part.clauses is None:
            return f"{part.text} can never be true"
    parts += [_range(rule) for rule in ranges]
    if not _excludes(parts):
        return None
    guilty = _fewest(parts)
    if len(guilty) == 1:
        return f"{guilty[0].text} can never be true"
    texts = list(dict.fromkeys(part.text for part in guilty))
    return f"{', '.join(texts[:-1])} and {texts[-1]} exclude each other"


def _range(rule: Rule) -> _Part:
    clauses = clauses_of(rule.tree, rule.types) or ()
    or_missing: list[Clause] = [
        {feature: replace(values, missing=True) for feature, values in one.items()} for one in clauses
    ]
    return _Part(text_of(rule.tree), or_missing)


def _conjuncts(node: Node) -> list[Node]:
    if isinstance(node, Call) and node.function == "_&&_":
        return [part for arg in node.args for part in _conjuncts(arg)]
    return [node]


def _fewest(parts: list[_Part]) -> list[_Part]:
    """Leave parts out while the rest still excludes itself."""
    kept = parts
    for part in parts:
        fewer = [other for other in kept if other is not part]
        if _excludes(fewer):
            kept = fewer
    return kept


def _excludes(parts: Sequence[_Part]) -> bool:
    single: dict[Feature, ValueSet] = {}
    open_ones: list[Clause] = []
    for clause in (clause for part in parts for clause in part.clauses or ()):
        if len(clause) > 1:
            open_ones.append(clause)
            continue
        ((feature, values),) = clause.items()
        single[feature] = meet(single[feature], values) if feature in single else values
        if single[feature].is_empty():
            return True
    return not _Search(sorted(open_ones, key=len)[:CLAUSES_MAX]).finds(single, 0)


class _Search:
    """Looks for one choice of an atom per clause that leaves every feature a value."""

    def __init__(self, clauses: Sequence[Clause]) -> None:
        self._clauses = clauses
        self._tries = 0

    def finds(self, chosen: Mapping[Feature, ValueSet], at: int) -> bool:
        """Say whether there is one, or it was not decided."""
        self._tries += 1
        if at == len(self._clauses) or self._tries > TRIES_MAX:
            return True
        for feature, values in self._clauses[at].items():
            left = meet(chosen[feature], values) if feature in chosen else values
            if not left.is_empty() and self.finds({**chosen, feature: left}, at + 1):
                return True
        return False
