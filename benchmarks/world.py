"""A made-up firm of any size for the benchmarks: customers, rules, goals and a truth to learn from.

Everything follows from the number of actions and one seed. Nobody's data are in it.

Notation: N actions (each with one treatment), 50 numbers n00-n49 and 50 categories c00-c49 as predictors; rules look at
the first 25 of either kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from opportune.learning.base import CandidateKey, Predictor
from opportune.records import ValueType

__all__ = ["NOW", "Atom", "Clause", "Rule", "World", "make_world"]

NUMBERS = 50
CATEGORIES = 50
RULED = 25
THRESHOLDS = 12
ACTIONS_PER_GROUP = 50
NOW = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Atom:
    """One test of one attribute: low <= number < high, or the category is among `levels`."""

    name: str
    low: float | None = None
    high: float | None = None
    levels: tuple[str, ...] = ()


Clause = tuple[Atom, ...]
"""Atoms of which one must hold."""
Rule = tuple[Clause, ...]
"""Clauses all of which must hold; those with two atoms stand first."""


@dataclass(frozen=True)
class World:
    """Customers and strategy of one size.

    Args:
        profiles: facts of every customer, keys "customer.<name>".
        keys: candidates in plan order.
        values: money for an acceptance, float64 [N]; `costs` when shown; `levers` float32.
        answers: (customer, candidate, accepted) to learn from, in order.
    """

    size: int
    profiles: list[dict[str, float | str]]
    rules: list[Rule]
    keys: list[CandidateKey]
    values: np.ndarray
    costs: np.ndarray
    levers: np.ndarray
    answers: list[tuple[int, int, bool]] = field(repr=False)
    levels: dict[str, tuple[str, ...]] = field(repr=False, default_factory=dict)

    @property
    def predictors(self) -> list[Predictor]:
        """All attributes as predictors, in order of name."""
        return [
            Predictor(name, ValueType.TEXT if name in self.levels else ValueType.NUMBER)
            for name in sorted(self.profiles[0])
        ]


def make_world(size: int, customers: int = 300, answers: int = 4000, seed: int = 7, rare: float = 0.0) -> World:
    """Make a firm with `size` actions.

    Args:
        rare: share of the actions that also ask for what hardly any customer has.
    """
    rng = np.random.default_rng([seed, size])
    levels = {f"customer.c{i:02d}": tuple(f"v{k}" for k in range(4 + i % 7)) for i in range(CATEGORIES)}
    columns = _columns(rng, customers, levels)
    profiles = [{name: column[i] for name, column in columns.items()} for i in range(customers)]
    rules = _rules(rng, size, columns, levels)
    if rare:
        seldom = Atom("customer.n01", low=1_000.0)
        rules = [(*rule[:5], (seldom,)) if k < rare else rule for rule, k in zip(rules, rng.random(size), strict=True)]
    keys = [CandidateKey(f"g{i // ACTIONS_PER_GROUP:03d}", f"a{i:05d}", "web", "card") for i in range(size)]
    return World(
        size=size,
        profiles=profiles,
        rules=rules,
        keys=keys,
        values=np.round(rng.lognormal(3.0, 0.5, size), 2),
        costs=np.round(-rng.uniform(0.0, 0.2, size), 2),
        levers=np.round(rng.uniform(0.8, 1.25, size), 2).astype(np.float32),
        answers=_answers(rng, columns, customers, size, answers),
        levels=levels,
    )


def _columns(
    rng: np.random.Generator, customers: int, levels: dict[str, tuple[str, ...]]
) -> dict[str, list[float] | list[str]]:
    columns: dict[str, list[float] | list[str]] = {}
    for i in range(NUMBERS):
        drawn = rng.normal(50.0, 15.0, customers) if i % 2 else rng.lognormal(3.0, 0.8, customers)
        columns[f"customer.n{i:02d}"] = np.round(drawn, 2).tolist()
    for name, names in levels.items():
        share = rng.dirichlet(np.full(len(names), 2.0))
        columns[name] = [names[k] for k in rng.choice(len(names), customers, p=share).tolist()]
    return columns


def _rules(
    rng: np.random.Generator,
    size: int,
    columns: dict[str, list[float] | list[str]],
    levels: dict[str, tuple[str, ...]],
) -> list[Rule]:
    """Write 3-6 conditions per action, each true for half to nine tenths of the customers: 10-30 % of actions pass."""
    atoms = {
        name: _category_atoms(rng, name, columns[name], levels[name]) if name in levels else _number_atoms(name, column)
        for name, column in columns.items()
        if int(name[-2:]) < RULED
    }
    names = sorted(atoms)
    rules = []
    for _ in range(size):
        wanted = int(rng.integers(3, 7))
        either = int(rng.integers(0, 3))
        used = rng.permutation(len(names))[: wanted + either].tolist()
        picked = [atoms[names[k]][int(rng.integers(len(atoms[names[k]])))] for k in used]
        doubles = [(picked[2 * k], picked[2 * k + 1]) for k in range(either)]
        rules.append((*doubles, *((atom,) for atom in picked[2 * either :])))
    return rules


def _number_atoms(name: str, column: list[float] | list[str]) -> list[Atom]:
    """Thresholds that strategists share: at least, less than, and between."""
    cuts = np.round(np.quantile(np.asarray(column, dtype=float), np.linspace(0.08, 0.5, THRESHOLDS)), 1).tolist()
    tops = np.round(np.quantile(np.asarray(column, dtype=float), np.linspace(0.5, 0.92, THRESHOLDS)), 1).tolist()
    return [
        *(Atom(name, low=cut) for cut in cuts),
        *(Atom(name, high=top) for top in tops),
        *(Atom(name, low=cut, high=top) for cut, top in zip(cuts[:4], tops[-4:], strict=True)),
    ]


def _category_atoms(
    rng: np.random.Generator, name: str, column: list[float] | list[str], levels: tuple[str, ...]
) -> list[Atom]:
    found: list[Atom] = []
    while len(found) < THRESHOLDS:
        subset = tuple(level for level in levels if rng.random() < 0.65)
        share = sum(value in subset for value in column) / len(column)
        if share >= 0.45 and subset != levels:
            found.append(Atom(name, levels=subset))
    return found


def _answers(
    rng: np.random.Generator, columns: dict[str, list[float] | list[str]], customers: int, size: int, answers: int
) -> list[tuple[int, int, bool]]:
    """Draw answers from a truth that is linear in a few numbers, with acceptance around 10 %."""
    numbers = np.array([column for name, column in columns.items() if name[9] == "n"], dtype=float).T
    scaled = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
    weights = rng.normal(0.0, 0.15, (scaled.shape[1], size))
    base = rng.normal(-2.2, 0.5, size)
    who = rng.integers(customers, size=answers)
    what = rng.integers(size, size=answers)
    log_odds = base[what] + np.einsum("rf,fr->r", scaled[who], weights[:, what])
    accepted = rng.random(answers) < 1.0 / (1.0 + np.exp(-log_odds))
    return list(zip(who.tolist(), what.tolist(), accepted.tolist(), strict=True))
