"""Find the smallest change of one variable that makes a condition pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from opportune.records import Facts, Value, ValueType
from opportune.rules.clauses import Feature, clauses_of
from opportune.rules.closures import Closure, NotCoveredError, compile_closure
from opportune.rules.evaluate import closure_of
from opportune.rules.quote import quote
from opportune.rules.rule import Rule
from opportune.rules.sets import Cut, Lines, Listed
from opportune.rules.tree import Call, Const, Node, free_variables, walk
from opportune.rules.values import EPOCH

__all__ = ["Change", "change"]

DOUBLINGS_MAX = 40
"""How often a probe doubles its step."""
CANDIDATES_MAX = 400
"""Values tried per variable."""
OTHER = "other"
"""Stands for any text that no rule names."""


@dataclass(frozen=True, slots=True)
class Change:
    """One variable that would have made a condition pass.

    Args:
        before: None where the value was missing.
        distance: relative size of the change: |after - before| / (1 + |before| + |after|) for numbers (times in days),
            plus 1 where a whole number would become a broken one; 0.5 for texts, booleans and lists, 0.6 for lists of
            which more than one entry changes; 1 for missing values.
    """

    variable: str
    before: Value | None
    after: Value
    distance: float
    sentence: str


@dataclass(frozen=True, slots=True)
class _Part:
    """One side of the rules' &&: all must be TRUE."""

    holds: Closure
    names: frozenset[str]
    atoms: tuple[tuple[Feature, Lines | Listed], ...]
    texts: tuple[str, ...]


def change(rules: Sequence[Rule], facts: Facts, fixed: Collection[str]) -> Change | None:
    """Give the smallest change of one variable that makes all rules TRUE, checked by evaluating them again.

    Args:
        fixed: variables that nobody can change.

    Returns:
        None where there is no such change, and where all rules are TRUE already.
    """
    parts = [part for rule in rules for part in _parts_of(rule)]
    failing = [part for part in parts if part.holds(facts, {}) is not True]
    if not failing:
        return None
    # Only a variable that every failing part reads can mend all of them.
    names = frozenset.intersection(*(part.names for part in failing)) - set(fixed)
    found = [_best(name, parts, _type_of(name, rules), facts) for name in sorted(names)]
    best = min((one for one in found if one), key=lambda one: (one.distance, one.variable), default=None)
    if best is None or not all(closure_of(rule)({**facts, best.variable: best.after}, {}) is True for rule in rules):
        return None
    return best


_PARTS: WeakKeyDictionary[Rule, tuple[_Part, ...]] = WeakKeyDictionary()
"""Parts of the rules that were asked about; they live as long as their rule."""


def _parts_of(rule: Rule) -> tuple[_Part, ...]:
    parts = _PARTS.get(rule)
    if parts is None:
        parts = _PARTS[rule] = tuple(_part(node, rule) for node in _conjuncts(rule.tree))
    return parts


def _part(node: Node, rule: Rule) -> _Part:
    try:
        holds = compile_closure(node, rule.types)
    except NotCoveredError:
        holds = closure_of(rule)
    atoms = tuple(atom for clause in clauses_of(node, rule.types) or () for atom in clause.items())
    texts = {one.value for one in walk(node) if isinstance(one, Const) and isinstance(one.value, str)}
    return _Part(holds, free_variables(node), atoms, tuple(sorted(texts)))


def _conjuncts(node: Node) -> Iterator[Node]:
    if isinstance(node, Call) and node.function == "_&&_":
        for arg in node.args:
            yield from _conjuncts(arg)
    else:
        yield node


def _type_of(name: str, rules: Sequence[Rule]) -> ValueType:
    return next(rule.types[name] for rule in rules if name in rule.variables)


_Passes = Callable[[Value], bool]


def _best(name: str, parts: Sequence[_Part], kind: ValueType, facts: Facts) -> Change | None:
    concerned = [part for part in parts if name in part.names]

    def passes(value: Value) -> bool:
        changed = {**facts, name: value}
        return all(part.holds(changed, {}) is True for part in concerned)

    before = facts.get(name)
    atoms = [(feature, values) for part in concerned for feature, values in part.atoms]
    texts = sorted({text for part in concerned for text in part.texts})
    candidates = list(_candidates(kind, before, [v for f, v in atoms if _is_plain(f, name)], texts))
    if any(not _is_plain(feature, name) and name in free_variables(feature.node) for feature, _ in atoms):
        candidates += _probes(kind, before, passes)
    ranked = sorted((_distance(before, value), i, value) for i, value in enumerate(candidates[:CANDIDATES_MAX]))
    for distance, _, value in ranked:
        if value != before and passes(value):
            return Change(name, before, value, distance, _sentence(name, before, value))
    return None


def _is_plain(feature: Feature, name: str) -> bool:
    return feature.variable == name and feature.entry is None


def _candidates(
    kind: ValueType, before: Value | None, atoms: Sequence[Lines | Listed], texts: Sequence[str]
) -> Iterator[Value]:
    """Give values worth a try, in no order."""
    if kind is ValueType.BOOLEAN:
        yield from (True, False)
    elif kind is ValueType.TEXT:
        yield from (*texts, OTHER)
    elif kind is ValueType.TEXTS:
        yield from _lists(before, texts)
    else:
        cuts = sorted({cut for values in atoms if isinstance(values, Lines) for cut in values.cuts})
        yield from _near_cuts(kind, before, cuts)


def _lists(before: Value | None, texts: Sequence[str]) -> Iterator[Value]:
    entries = list(before) if isinstance(before, list | tuple) else []
    yield []
    for text in texts:
        yield [text]
        yield [entry for entry in entries if entry != text] if text in entries else [*entries, text]


def _near_cuts(kind: ValueType, before: Value | None, cuts: Iterable[Cut]) -> Iterator[Value]:
    """Give the values at both sides of every cut; whole ones where the value was whole."""
    for cut in cuts:
        if kind is ValueType.TIMESTAMP:
            micros = -(-int(cut) // 1000)
            yield from _moments((micros - 1, micros))
        elif kind is ValueType.INTEGER:
            yield from (value for value in (int(cut) - 1, int(cut)) if -(1 << 63) <= value < 1 << 63)
        else:
            yield from _numbers(before, float(cut))


def _numbers(before: Value | None, cut: float) -> Iterator[float | int]:
    exact = (cut, math.nextafter(cut, -math.inf))
    if not math.isfinite(cut):
        return
    is_whole = before is None or (isinstance(before, int | float) and math.isfinite(before) and before == int(before))
    if not is_whole:
        yield from (value for value in exact if math.isfinite(value))
        return
    nearest = (math.ceil(cut) - 1, math.ceil(cut))
    yield from (value if type(before) is int else float(value) for value in nearest)
    yield from (value for value in exact if math.isfinite(value))


def _moments(micros: Iterable[int]) -> Iterator[datetime]:
    for count in micros:
        try:
            yield EPOCH + timedelta(microseconds=count)
        except OverflowError:
            continue


def _probes(kind: ValueType, before: Value | None, passes: _Passes) -> Iterator[Value]:
    """Walk away from the value in growing steps, then halve back to the least step that passes."""
    move = _mover(kind, before)
    if move is None:
        return
    for sign in (1, -1):
        step = next((1 << k for k in range(DOUBLINGS_MAX) if _try(move, sign << k, passes)), None)
        if step is None:
            continue
        fails, works = step // 2, step
        while works - fails > 1:
            middle = (fails + works) // 2
            fails, works = (fails, middle) if _try(move, sign * middle, passes) else (middle, works)
        value = move(sign * works)
        if value is not None:
            yield value


def _try(move: Callable[[int], Value | None], step: int, passes: _Passes) -> bool:
    value = move(step)
    return value is not None and passes(value)


def _mover(kind: ValueType, before: Value | None) -> Callable[[int], Value | None] | None:
    """Give the function that moves the value by a number of steps: 1 for numbers, a day for times."""
    if isinstance(before, datetime):
        moment = before

        def by_days(step: int) -> Value | None:
            try:
                return moment + timedelta(days=step)
            except OverflowError:
                return None

        return by_days
    if kind not in (ValueType.INTEGER, ValueType.NUMBER):
        return None
    start = before if isinstance(before, int | float) else 0
    if not math.isfinite(start):
        return None
    if kind is ValueType.NUMBER and type(start) is int and before is None:
        start = 0.0
    return lambda step: start + step if abs(start + step) < 1 << 62 else None


def _distance(before: Value | None, after: Value) -> float:
    if before is None:
        return 1.0
    if isinstance(before, list | tuple) and isinstance(after, list):
        return 0.5 if len(set(before) ^ set(after)) <= 1 else 0.6
    if isinstance(before, bool | str | list | tuple):
        return 0.5
    a, b = _amount(before), _amount(after)
    if not math.isfinite(a):
        return 0.5
    breaks = isinstance(after, float) and a.is_integer() and not b.is_integer()
    return abs(b - a) / (1 + abs(a) + abs(b)) + breaks


def _amount(value: Value) -> float:
    if isinstance(value, datetime):
        return (value - EPOCH) / timedelta(days=1)
    return float(value) if isinstance(value, int | float) else 0.0


def _sentence(name: str, before: Value | None, after: Value) -> str:
    was = "missing" if before is None else _plain(before)
    return f"{name} would have to be {_plain(after)} (it is {was})"


def _plain(value: Value) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else quote(value)
