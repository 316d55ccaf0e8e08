"""Find the smallest change of one variable that makes a condition pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from weakref import WeakKeyDictionary

from opportune.records import Facts, Value, ValueType
from opportune.rules.clauses import Feature, clauses_of
from opportune.rules.closures import Closure, NotCoveredError, compile_closure
from opportune.rules.evaluate import closure_of
from opportune.rules.quote import quote
from opportune.rules.rule import Rule
from opportune.rules.sets import Cut, Lines, ValueSet
from opportune.rules.tree import Call, Const, Node, free_variables, walk
from opportune.rules.values import EPOCH

__all__ = ["Allows", "Change", "change"]

DOUBLINGS_MAX = 40
"""How often a probe doubles its step."""
CANDIDATES_MAX = 400
"""Values tried per variable."""
OTHER = "other"
"""Stands for any text that no rule names; where rules name it, a number follows."""

Allows = Callable[[str, Value], bool]
"""Whether a variable may have a value."""


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
    atoms: tuple[tuple[Feature, ValueSet], ...]
    computed: tuple[_Computed, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Computed:
    """A number that is computed of variables, and where atoms cut it."""

    value: Closure
    cuts: tuple[Cut, ...]


def change(rules: Sequence[Rule], facts: Facts, fixed: Collection[str], allows: Allows) -> Change | None:
    """Give the smallest change of one variable that makes all rules TRUE, checked by evaluating them again.

    Args:
        fixed: variables that nobody can change.
        allows: says which values variables may have.

    Returns:
        None where there is no such change, and where all rules are TRUE already.
    """
    parts = [part for rule in rules for part in _parts_of(rule)]
    failing = [part for part in parts if part.holds(facts, {}) is not True]
    if not failing:
        return None
    # Only a variable that every failing part reads can mend all of them.
    names = frozenset.intersection(*(part.names for part in failing)) - set(fixed)
    found = [_best(name, parts, _type_of(name, rules), facts, allows) for name in sorted(names)]
    return min((one for one in found if one), key=lambda one: (one.distance, one.variable), default=None)


_PARTS: WeakKeyDictionary[Rule, tuple[_Part, ...]] = WeakKeyDictionary()
"""Parts of the rules that were asked about; they live as long as their rule."""


def _parts_of(rule: Rule) -> tuple[_Part, ...]:
    parts = _PARTS.get(rule)
    if parts is None:
        parts = _PARTS[rule] = tuple(_part(node, rule) for node in _conjuncts(rule.tree))
    return parts


def _part(node: Node, rule: Rule) -> _Part:
    atoms = tuple(atom for clause in clauses_of(node, rule.types) or () for atom in clause.items())
    texts = {one.value for one in walk(node) if isinstance(one, Const) and isinstance(one.value, str)}
    try:
        holds, computed = compile_closure(node, rule.types), tuple(_computed(atoms, rule))
    except NotCoveredError:
        holds, computed = closure_of(rule), ()
    return _Part(holds, free_variables(node), atoms, computed, tuple(sorted(texts)))


def _computed(atoms: Iterable[tuple[Feature, ValueSet]], rule: Rule) -> Iterator[_Computed]:
    for feature, values in atoms:
        if feature.variable is None and isinstance(values, Lines):
            yield _Computed(compile_closure(feature.node, rule.types), values.cuts)


def _conjuncts(node: Node) -> Iterator[Node]:
    if isinstance(node, Call) and node.function == "_&&_":
        for arg in node.args:
            yield from _conjuncts(arg)
    else:
        yield node


def _type_of(name: str, rules: Sequence[Rule]) -> ValueType:
    return next(rule.types[name] for rule in rules if name in rule.variables)


_Passes = Callable[[Value], bool]


def _best(name: str, parts: Sequence[_Part], kind: ValueType, facts: Facts, allows: Allows) -> Change | None:
    concerned = [part for part in parts if name in part.names]

    def passes(value: Value) -> bool:
        changed = {**facts, name: value}
        return all(part.holds(changed, {}) is True for part in concerned)

    before = facts.get(name)
    atoms = [(feature, values) for part in concerned for feature, values in part.atoms]
    texts = sorted({text for part in concerned for text in part.texts})
    candidates: list[Value | None] = list(_candidates(kind, before, [v for f, v in atoms if _is_plain(f, name)], texts))
    move = _mover(kind, before, facts)
    if move is not None:
        if any(not _is_plain(feature, name) and name in free_variables(feature.node) for feature, _ in atoms):
            candidates += _probes(move, passes)
        candidates += _crossings([one for part in concerned for one in part.computed], name, facts, move)
        candidates.append(move(0))
    allowed = [value for value in candidates if value is not None and allows(name, value)]
    ranked = sorted((_distance(before, value), i, value) for i, value in enumerate(allowed))
    for distance, _, value in ranked[:CANDIDATES_MAX]:
        if value != before and passes(value):
            return Change(name, before, value, distance, _sentence(name, before, value))
    return None


def _is_plain(feature: Feature, name: str) -> bool:
    return feature.variable == name and feature.entry is None


def _candidates(
    kind: ValueType, before: Value | None, atoms: Sequence[ValueSet], texts: Sequence[str]
) -> Iterator[Value]:
    """Give values worth a try, in no order."""
    if kind is ValueType.BOOLEAN:
        yield from (True, False)
    elif kind is ValueType.TEXT:
        yield from (*texts[: CANDIDATES_MAX - 1], _other(texts, [before]))
    elif kind is ValueType.TEXTS:
        entries = list(before) if isinstance(before, list | tuple) else []
        yield from _lists(entries, [*texts, _other(texts, entries)])
    else:
        cuts = sorted({cut for values in atoms if isinstance(values, Lines) for cut in values.cuts})
        yield from _near_cuts(kind, before, cuts)


def _other(texts: Sequence[str], seen: Sequence[Value | None]) -> str:
    names = (OTHER if number == 1 else f"{OTHER} {number}" for number in count(1))
    return next(name for name in names if name not in texts and name not in seen)


def _lists(entries: Sequence[str], texts: Sequence[str]) -> Iterator[Value]:
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
    for micro in micros:
        try:
            yield EPOCH + timedelta(microseconds=micro)
        except OverflowError:
            continue


_Move = Callable[[int], Value | None]
"""Gives the value that so many steps lead to: of 1 for numbers, of a day for times."""


def _crossings(computed: Iterable[_Computed], name: str, facts: Facts, move: _Move) -> Iterator[Value]:
    """Give the values around which a computed number reaches its cuts, if every step changes it by as much."""
    start, next_ = move(0), move(1)
    if start is None or next_ is None:
        return
    for one in computed:
        here, there = (one.value({**facts, name: value}, {}) for value in (start, next_))
        slope = there - here if isinstance(here, int | float) and isinstance(there, int | float) else 0
        for cut in one.cuts if math.isfinite(slope) and slope else ():
            steps = (cut - here) / slope
            if math.isfinite(steps):
                near = (move(math.floor(steps) + more) for more in (-1, 0, 1, 2))
                yield from (value for value in near if value is not None)


def _probes(move: _Move, passes: _Passes) -> Iterator[Value]:
    """Walk away from the value in growing steps, then halve back to the least step that passes."""
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


def _try(move: _Move, step: int, passes: _Passes) -> bool:
    value = move(step)
    return value is not None and passes(value)


def _mover(kind: ValueType, before: Value | None, facts: Facts) -> _Move | None:
    """Give what moves the value; where it is missing, from 0, and a time from the moment of the decision."""
    if kind is ValueType.TIMESTAMP:
        moment = before or facts.get("now")
        if not isinstance(moment, datetime):
            return None

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
