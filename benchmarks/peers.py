"""What others offer for the same work: rule engines, learners, and a careful rival written by hand.

Each peer is imported when it is made, so that one that is missing is reported and left out.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from benchmarks import rule_texts
from benchmarks.world import World
from opportune.learning.bayes import BayesModel
from opportune.learning.encoding_numpy import CURVE_MEAN, Z_MAX
from opportune.learning.marks import mark_of

__all__ = [
    "LEARNERS",
    "RULE_ENGINES",
    "CelRules",
    "Composite",
    "GittinsLearner",
    "Learner",
    "Rival",
    "RiverLearner",
    "RuleEngine",
    "VowpalFixed",
    "VowpalListed",
    "ZenRules",
    "version_of",
]

PLACES = 3
LESSONS = 300
"""Answers that the peers learn before they are measured: enough that their weights exist."""
CEL_LENGTH_MAX = 90_000
"""CEL's engine refuses texts of more than 100,000 code points, so the list of rules is cut into several."""


class RuleEngine(Protocol):
    """Which rules hold for a customer."""

    def passed(self, customer: int) -> list[bool]:
        """Give one truth per rule."""


class Learner(Protocol):
    """How good candidates are for a customer."""

    def score(self, customer: int, among: Sequence[int]) -> Sequence[float]:
        """Give one score per candidate of `among`."""


def version_of(package: str) -> str:
    """Give the installed version."""
    return importlib.metadata.version(package)


def plain_profiles(world: World) -> list[dict[str, float | str]]:
    """Give profiles with short names, the form in which these peers would be handed them."""
    return [{name.rpartition(".")[2]: value for name, value in profile.items()} for profile in world.profiles]


class ZenRules:
    """zen-engine: all rules as one compiled array expression, its fastest form."""

    package = "zen-engine"

    def __init__(self, world: World) -> None:
        zen = importlib.import_module("zen")
        self._expression = zen.compile_expression(f"[{', '.join(map(rule_texts.zen, world.rules))}]")
        self._customers = [{"customer": profile} for profile in plain_profiles(world)]

    def passed(self, customer: int) -> list[bool]:
        """Give one truth per rule."""
        found: list[bool] = self._expression.evaluate(self._customers[customer])
        return found


class CelRules:
    """CEL's own engine: the rules as few list expressions, its fastest form."""

    package = "cel-expr-python"

    def __init__(self, world: World) -> None:
        cel = importlib.import_module("cel_expr_python").cel
        types = {p.name: cel.Type.STRING if p.name in world.levels else cel.Type.DOUBLE for p in world.predictors}
        env = cel.NewEnv(variables=types)
        self._lists = [env.compile(f"[{', '.join(part)}]") for part in _parts(map(rule_texts.cel, world.rules))]
        self._profiles = world.profiles

    def passed(self, customer: int) -> list[bool]:
        """Give one truth per rule."""
        data = self._profiles[customer]
        return [truth for rules in self._lists for truth in rules.eval(data=data).plain_value()]


def _parts(texts: Any) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    length = 0
    for text in texts:
        if length + len(text) > CEL_LENGTH_MAX:
            parts.append([])
            length = 0
        parts[-1].append(text)
        length += len(text) + 2
    return parts


class VowpalFixed:
    """Vowpal Wabbit with a fixed set of actions (cb_explore): the customer is read once, all actions are scored."""

    package = "vowpalwabbit"

    def __init__(self, world: World) -> None:
        workspace = importlib.import_module("vowpalwabbit").Workspace
        # Room for every weight: actions x features, rounded up to a power of two.
        bits = max(18, int(np.ceil(np.log2(world.size * 600))))
        self._vw = workspace(f"--cb_explore {world.size} --squarecb --quiet -b {bits}")
        self._profiles = plain_profiles(world)
        for customer, candidate, accepted in world.answers[:LESSONS]:
            self._vw.learn(f"{candidate + 1}:{-1.0 * accepted}:0.5 {self._text(customer)}")

    def _text(self, customer: int) -> str:
        return "|c " + _vowpal_features(self._profiles[customer])

    def score(self, customer: int, among: Sequence[int]) -> Sequence[float]:
        """Give the exploration's probability of each candidate."""
        chances = self._vw.predict(self._text(customer))
        return [chances[i] for i in among]


class VowpalListed:
    """Vowpal Wabbit with listed actions (cb_explore_adf), customer × action: only the listed ones are scored."""

    package = "vowpalwabbit"

    def __init__(self, world: World) -> None:
        workspace = importlib.import_module("vowpalwabbit").Workspace
        self._vw = workspace("--cb_explore_adf --squarecb -q ca --quiet -b 22")
        self._profiles = plain_profiles(world)
        self._lines = [f"|a a{i}" for i in range(world.size)]
        for customer, candidate, accepted in world.answers[:LESSONS]:
            lesson = f"0:{-1.0 * accepted}:0.5 {self._lines[candidate]}"
            self._vw.learn([self._text(customer), lesson, *self._lines[:4]])

    def _text(self, customer: int) -> str:
        return "shared |c " + _vowpal_features(self._profiles[customer])

    def score(self, customer: int, among: Sequence[int]) -> Sequence[float]:
        """Give the exploration's probability of each candidate."""
        found: list[float] = self._vw.predict([self._text(customer), *[self._lines[i] for i in among]])
        return found


def _vowpal_features(profile: dict[str, float | str]) -> str:
    return " ".join(
        f"{name}={value}" if isinstance(value, str) else f"{name}:{value}" for name, value in profile.items()
    )


class GittinsLearner:
    """gittins: one call decides for one place; it gives the chosen one alone, which scores 1 here."""

    package = "gittins"

    def __init__(self, world: World) -> None:
        self._gittins = importlib.import_module("gittins")
        self._state = self._gittins.create(bits=18, horizon=1.0)
        self._profiles = plain_profiles(world)
        self._candidates: list[tuple[str, dict[str, float]]] = [(f"a{i}", {}) for i in range(world.size)]
        self._clock = 0.0
        for customer, candidate, accepted in world.answers[:LESSONS]:
            record = self._decide(customer, self._candidates[candidate : candidate + 1])
            self._gittins.learn(self._state, record.decision_id, float(accepted), self._clock)

    def _decide(self, customer: int, candidates: list[Any]) -> Any:
        self._clock += 0.01
        return self._gittins.decide(self._state, self._profiles[customer], candidates, self._clock, "bench")

    def score(self, customer: int, among: Sequence[int]) -> Sequence[float]:
        """Give 1 to the chosen candidate, 0 to the others."""
        record = self._decide(customer, [self._candidates[i] for i in among])
        # Open decisions would pile up; this closes them without learning, as the horizon would.
        self._gittins.learn(self._state, record.decision_id, 0.0, self._clock)
        return [float(i == record.chosen) for i in range(len(among))]


class RiverLearner:
    """River: one logistic regression per action over features that are scaled and encoded once per customer."""

    package = "river"

    def __init__(self, world: World) -> None:
        linear_model = importlib.import_module("river.linear_model")
        self._scaler = importlib.import_module("river.preprocessing").StandardScaler()
        self._models = [linear_model.LogisticRegression() for _ in range(world.size)]
        self._profiles = plain_profiles(world)
        for customer, candidate, accepted in world.answers[:LESSONS]:
            numbers, levels = self._split(customer)
            self._scaler.learn_one(numbers)
            features = {**self._scaler.transform_one(numbers), **levels}
            self._models[candidate].learn_one(features, accepted)
        for model in self._models:
            model.learn_one(features, False)

    def _split(self, customer: int) -> tuple[dict[str, float], dict[str, float]]:
        numbers, levels = {}, {}
        for name, value in self._profiles[customer].items():
            if isinstance(value, str):
                levels[f"{name}={value}"] = 1.0
            else:
                numbers[name] = value
        return numbers, levels

    def score(self, customer: int, among: Sequence[int]) -> Sequence[float]:
        """Give the probability of acceptance of each candidate."""
        numbers, levels = self._split(customer)
        features = {**self._scaler.transform_one(numbers), **levels}
        models = self._models
        return [models[i].predict_proba_one(features)[True] for i in among]


class Composite:
    """What a careful integrator would build: a rule engine, then a learner on those that passed, then the best three.

    Args:
        worth: value × lever of every candidate, float64 [N].
    """

    def __init__(self, rules: RuleEngine, learner: Learner, worth: np.ndarray) -> None:
        self._rules = rules
        self._learner = learner
        self._worth = worth

    def decide(self, customer: int) -> list[int]:
        """Give the best three."""
        among = np.flatnonzero(self._rules.passed(customer))
        if not len(among):
            return []
        worth = np.asarray(self._learner.score(customer, among.tolist())) * self._worth[among]
        best: list[int] = among[np.argsort(-worth, kind="stable")[:PLACES]].tolist()
        return best


class Rival:
    """A careful programmer without the product: one generated function for the rules, one NumPy product, argsort.

    It has the means of the same model, one of the Numba kernel, but no uncertainty, no exploration, and nothing that
    explains itself.
    """

    def __init__(self, world: World, model: BayesModel, boost: np.ndarray, weight: float) -> None:
        scope: dict[str, Callable[[dict[str, float | str]], list[bool]]] = {}
        exec(compile(rule_texts.python_source(world.rules), "rules", "exec"), scope)
        self._passed = scope["passed"]
        self._profiles = world.profiles
        upper = model._top[0, :, 0]
        both = model._means[0].view(np.float16).astype(np.float32) + upper[:, :1] + upper[:, model._group_of]
        dense = model.encoder.dense
        self._numbers = [name for name in sorted(world.profiles[0]) if name not in world.levels]
        self._weights = np.ascontiguousarray(both[:dense, : world.size])
        self._rows = np.ascontiguousarray(both[dense:, : world.size])
        self._places = self._places_of(model, world, dense)
        self._bias = model.encoder.bias - dense
        self._mean, self._factor = model.encoder.mean.copy(), model.encoder._factor.copy()
        self._value = (world.values * weight * boost).astype(np.float32)
        self._shown = (world.costs * weight * boost).astype(np.float32)

    def _places_of(self, model: BayesModel, world: World, dense: int) -> list[tuple[str, dict[str, int]]]:
        places: dict[str, dict[str, int]] = {name: {} for name in world.levels}
        for row, (predictor, level) in enumerate(model.encoder.levels, start=model.encoder.fixed - dense):
            places[model.encoder.predictors[predictor].name][level] = row
        return list(places.items())

    def priority(self, customer: int) -> np.ndarray:
        """Give the expected priority of every candidate, float32 [N]."""
        profile = self._profiles[customer]
        numbers = (np.array([profile[name] for name in self._numbers]) - self._mean) * self._factor
        rows = [table[mark_of(str(profile[name]))] for name, table in self._places]
        rows.append(self._bias)
        line = np.clip(numbers, -Z_MAX, Z_MAX)
        features = np.concatenate((line, np.abs(line) - CURVE_MEAN)).astype(np.float32)
        log_odds = features @ self._weights + self._rows[rows].sum(axis=0)
        found: np.ndarray = self._value / (1.0 + np.exp(-log_odds)) + self._shown
        return found

    def decide(self, customer: int) -> list[int]:
        """Give the three with the highest expected priority."""
        passed = self._passed(self._profiles[customer])
        priority = np.where(passed, self.priority(customer), -np.inf)
        best: list[int] = np.argsort(-priority)[:PLACES].tolist()
        return [i for i in best if passed[i]]


RULE_ENGINES: dict[str, type[ZenRules] | type[CelRules]] = {"zen-engine": ZenRules, "CEL's engine": CelRules}
LEARNERS: dict[str, type[VowpalFixed] | type[VowpalListed] | type[GittinsLearner] | type[RiverLearner]] = {
    "Vowpal Wabbit, fixed set": VowpalFixed,
    "Vowpal Wabbit, listed actions": VowpalListed,
    "gittins": GittinsLearner,
    "River": RiverLearner,
}
