"""Many conditions over the same facts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from opportune.records import Facts
from opportune.rules.change import Allows, Change, change
from opportune.rules.clauses import Clause, Feature, clauses_of
from opportune.rules.closures import Closure, NotCoveredError, compile_closure
from opportune.rules.columns import Column, Columns
from opportune.rules.evaluate import closure_of
from opportune.rules.index import Index
from opportune.rules.judge import Finding, judge
from opportune.rules.rule import Rule
from opportune.rules.sets import Listed
from opportune.rules.text import key_of

__all__ = ["RuleSet"]


class RuleSet:
    """Conditions, each a conjunction of rules; a condition passes when all its rules are TRUE.

    Unknown and failed rules do not pass; a condition without rules always passes.
    Immutable; safe to share between threads.

    Args:
        conjunctions: rules of every condition, n in all; all boolean and of one schema.
    """

    def __init__(self, conjunctions: Sequence[Sequence[Rule]]) -> None:
        self.conditions = tuple(tuple(rules) for rules in conjunctions)
        self.split = _Split()
        places: dict[frozenset[str], int] = {}
        distinct: list[list[Clause]] = []
        where = []
        for rules in self.conditions:
            keys = frozenset(self.split.key(rule) for rule in rules)
            clauses = self.split.clauses(keys)
            if not clauses:
                where.append(_NEVER if clauses is None else _ALWAYS)
                continue
            if keys not in places:
                places[keys] = len(distinct)
                distinct.append(clauses)
            where.append(places[keys])
        self.index = Index(distinct, self.split.closures)
        bit_of = {condition: bit for bit, condition in enumerate(self.index.order)}
        bits = {_ALWAYS: self.index.n, _NEVER: self.index.n + 1}
        self.bits = np.array([bits[at] if at < 0 else bit_of[at] for at in where], dtype=np.intp)

    def __len__(self) -> int:
        return len(self.conditions)

    def passed(self, facts: Facts) -> npt.NDArray[np.bool_]:
        """Give one boolean per condition, shape [n].

        Args:
            facts: values of the types that the schema declares.
        """
        return self.index.alive(self.index.rows(facts)).take(self.bits)

    def passed_table(self, columns: Mapping[str, Column], length: int) -> npt.NDArray[np.bool_]:
        """Give `passed` of every row of a table, shape [length, n].

        Args:
            columns: by fact key; a key without column is missing in all rows.

        Raises:
            ValueError: a column has another length or type than its variable needs.
        """
        blocks = [alive.take(self.bits, axis=1) for alive in self._columns.alive(columns, length)]
        return np.concatenate(blocks) if blocks else np.empty((0, len(self.bits)), dtype=np.bool_)

    def judge(self, i: int, facts: Facts) -> list[Finding]:
        """Say of every rule of condition `i` what it came to, and why."""
        return judge(self.conditions[i], facts)

    def change(
        self,
        which: Sequence[int],
        facts: Facts,
        fixed: Collection[str] = ("now", "zone"),
        allows: Allows = lambda name, value: True,
    ) -> Change | None:
        """Give the smallest change of one variable that makes these conditions pass; None where no single one does.

        Args:
            which: conditions, all of which are to pass.
            fixed: variables that nobody can change.
            allows: says which values variables may have.
        """
        return change([rule for i in which for rule in self.conditions[i]], facts, fixed, allows)

    @cached_property
    def _columns(self) -> Columns:
        return Columns(self.index)


_ALWAYS, _NEVER = -1, -2


class _Split:
    """Clauses of every distinct rule, and what evaluates their features."""

    def __init__(self) -> None:
        self.closures: dict[Feature, Closure] = {}
        self._keys: dict[int, str] = {}
        self._clauses: dict[str, list[Clause] | None] = {}

    def key(self, rule: Rule) -> str:
        """Give the text that stands for the rule, after making sure that its clauses are known."""
        key = self._keys.get(id(rule))
        if key is None:
            key = self._keys[id(rule)] = key_of(rule.tree)
            if key not in self._clauses:
                self._clauses[key] = self._of_rule(rule)
        return key

    def clauses(self, keys: frozenset[str]) -> list[Clause] | None:
        """Give the clauses of a conjunction; None where it can never be TRUE."""
        joined: list[Clause] = []
        for key in sorted(keys):
            clauses = self._clauses[key]
            if clauses is None:
                return None
            joined += clauses
        return joined

    def _of_rule(self, rule: Rule) -> list[Clause] | None:
        clauses = clauses_of(rule.tree, rule.types)
        try:
            for feature in {feature for clause in clauses or () for feature in clause}:
                if feature not in self.closures and (feature.variable is None or feature.entry is not None):
                    self.closures[feature] = compile_closure(feature.node, rule.types)
        except NotCoveredError:
            whole = Feature(key_of(rule.tree), "bool", rule.tree)
            self.closures[whole] = closure_of(rule)
            return [{whole: Listed(frozenset((True,)))}]
        return clauses
