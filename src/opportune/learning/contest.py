"""Champion and challengers: several models that learn from the same answers, of which one is asked.

Together they are one propensity model. `predict` is the champion's, so that challengers cost decisions nothing; `learn`
first asks every model what it would have said, which the scoreboard keeps, and then teaches them all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from opportune.learning.amounts import AmountModel
from opportune.learning.base import CandidateKey, Encoded, Floats, Prediction, Predictor, PropensityModel, Snapshot
from opportune.learning.kernels import warm_up
from opportune.learning.moves import Moves
from opportune.learning.scoreboard import Scoreboard
from opportune.learning.snapshot import state_digest
from opportune.records import Facts

__all__ = ["Contest", "ModelSpec"]

FORMAT = 1
SCORES, AMOUNTS = "scores", "amounts"
"""Parts of the state that are the scoreboard and the model of amounts; no model has such a name, since theirs stand
behind "model/"."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model of a project.

    Args:
        name: of the model in its project.
        kind: member of the family, such as "bayes".
        predictors: what it may see.
        settings: keyword arguments of the member.
    """

    name: str
    kind: str
    predictors: tuple[Predictor, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)


LOG_ODDS_MAX = 500.0
"""Beyond, the exponential has no place in a float, and the propensity is 0 or 1."""


@dataclass(frozen=True, slots=True)
class _WithFacts(Encoded):
    """What the champion encoded, and the facts themselves for the model of amounts."""

    encoded: Encoded
    facts: Facts


Maker = Callable[[ModelSpec, Sequence[str], str], PropensityModel]
"""Makes a member of the family, of a description, outcomes and kernel."""


class Contest(PropensityModel):
    """Several models, one of which decides.

    A challenger that raises an error, or foresees what is no number, is set aside: it learns nothing more until the
    next revision, with which it begins untaught. Nobody else is touched.

    Args:
        specs: the models; names are distinct.
        champion: name of the one that the project wants to decide.
        outcomes: names of the heads.
        make: makes a member.
        amounts: outcome → smallest and largest amount, of those of which it is learned how much they are.

    Attributes:
        champion: name of the one that decides; `named` the one that the project names.
        failed: name → why it was set aside.
        scoreboard: how well each foresaw what it learned afterwards.
    """

    kind: ClassVar[str] = "contest"

    def __init__(
        self,
        specs: Sequence[ModelSpec],
        champion: str,
        outcomes: Sequence[str],
        make: Maker,
        kernel: str = "auto",
        amounts: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        if len({spec.name for spec in specs}) != len(specs) or champion not in {spec.name for spec in specs}:
            raise ValueError("models: expected distinct names, with the champion among them")
        self.kernel = warm_up(kernel)
        self.specs = tuple(specs)
        self.outcomes = tuple(outcomes)
        self.named = champion
        self._make = make
        self._catalogue: tuple[CandidateKey, ...] = ()
        self._bounds = amounts or {}
        self._amounts = self._fresh_amounts()
        self._take(self._fresh(), champion, {}, Scoreboard(outcomes))

    @property
    def models(self) -> Mapping[str, PropensityModel]:
        """Name → model, of all that were not set aside."""
        return self._models

    def bind(self, catalogue: Sequence[CandidateKey]) -> None:
        """Fix the candidate axis of all models."""
        for model in self._models.values():
            model.bind(catalogue)
        if self._amounts is not None:
            self._amounts.bind(catalogue)
        self._catalogue = tuple(catalogue)

    def encode(self, facts: Facts) -> Encoded:
        """Encode one request's facts for the champion."""
        encoded = self._decider.encode(facts)
        return encoded if self._amounts is None else _WithFacts(encoded, facts)

    def encode_known(self, facts: Facts, memory: dict[str, Any]) -> Encoded:
        """Encode as `encode` does, with the memory of the facts."""
        encoded = self._decider.encode_known(facts, memory)
        return encoded if self._amounts is None else _WithFacts(encoded, facts)

    def predict(self, encoded: Encoded) -> Prediction:
        """Score all candidates by the champion."""
        if self._amounts is None:
            return self._decider.predict(encoded)
        assert isinstance(encoded, _WithFacts)
        amount = np.zeros((2, len(self.outcomes), len(self._catalogue)), dtype=np.float32)
        for head, outcome in enumerate(self.outcomes):
            if outcome in self._bounds:
                amount[0, head], amount[1, head] = self._amounts.expect(encoded.facts, outcome)
        return replace(self._decider.predict(encoded.encoded), amount=amount[0], amount_spread=amount[1])

    def foresee(self, facts: Facts, candidate: int, outcome: int) -> float:
        """Give the champion's propensity."""
        return self._decider.foresee(facts, candidate, outcome)

    def learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Ask every model, then teach every model; what the champion raises goes on to the caller."""
        if not (0 <= candidate < len(self._catalogue) and 0 <= outcome < len(self.outcomes)):
            raise IndexError("candidate or outcome: not bound")
        taught = (facts, candidate, outcome, happened)
        foreseen = {self.champion: _foresee_and_learn(self._decider, *taught)}
        for name in self._challengers():
            self._guarded(name, lambda model, name=name: foreseen.update({name: _foresee_and_learn(model, *taught)}))  # type: ignore[misc]
            if not math.isfinite(foreseen.get(name, 0.0)):
                self._set_aside(name, "it foresaw what is no number")
        told = {name: chance for name, chance in foreseen.items() if math.isfinite(chance)}
        self.scoreboard.add(outcome, self._catalogue[candidate].action, told, happened)

    def learn_amount(self, facts: Facts, candidate: int, outcome: int, amount: float) -> None:
        """Learn how much an outcome was that happened; of an outcome without amounts, nothing."""
        if self._amounts is not None and self.outcomes[outcome] in self._bounds:
            self._amounts.learn(facts, candidate, self.outcomes[outcome], amount)

    def unlearn_amount(self, facts: Facts, candidate: int, outcome: int, amount: float) -> None:
        """Take back one `learn_amount` call of the same arguments, as it counts today."""
        if self._amounts is not None and self.outcomes[outcome] in self._bounds:
            self._amounts.unlearn(facts, candidate, self.outcomes[outcome], amount)

    def unlearn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Take back one answer in every model, and from the scoreboard what they would have foreseen of it today."""
        is_learned = self.evidence()[outcome, candidate] > 0
        self._decider.unlearn(facts, candidate, outcome, happened)
        for name in self._challengers():
            self._guarded(name, lambda model: model.unlearn(facts, candidate, outcome, happened))
        if is_learned:
            foreseen = {self.champion: self._decider.foresee(facts, candidate, outcome)}
            for name in self._challengers():
                self._guarded(
                    name,
                    lambda model, name=name: foreseen.update({name: model.foresee(facts, candidate, outcome)}),  # type: ignore[misc]
                )
            told = {name: chance for name, chance in foreseen.items() if math.isfinite(chance)}
            self.scoreboard.take_back(outcome, self._catalogue[candidate].action, told, happened)

    def evidence(self) -> Floats:
        """Number of answers that the champion has learned."""
        return self._decider.evidence()

    def weights(self, facts: Facts, candidate: int, outcome: int) -> list[tuple[str, float]]:
        """Contributions of predictors to the champion's log odds."""
        return self._decider.weights(facts, candidate, outcome)

    def promote(self, name: str) -> None:
        """Let another model decide from now on; all that each has learned stays.

        Raises:
            ValueError: there is no such model, or it was set aside.
        """
        if name not in self._models:
            why = f"it was set aside ({self.failed[name]})" if name in self.failed else "there is none of this name"
            raise ValueError(f"model {name}: {why}")
        self._appoint(name)

    def take_part_of(self, name: str, part: str, artefact: bytes) -> None:
        """Give a model what was trained for it in the background.

        Raises:
            ValueError: there is no such model, or it refuses the part.
        """
        model = self._models.get(name)
        if model is None:
            raise ValueError(f"model {name}: there is none of this name that learns")
        model.take_part(part, artefact)

    def snapshot(self) -> Snapshot:
        """Copy what all models have learned, who decides, and the scoreboard."""
        copies: dict[str, Snapshot] = {self.champion: self._decider.snapshot()}
        for name in self._challengers():
            self._guarded(name, lambda model, name=name: copies.update({name: model.snapshot()}))  # type: ignore[misc]
        parts = {f"model/{name}": copies[name] for name in self._models}
        parts[SCORES] = self.scoreboard.snapshot()
        if self._amounts is not None:
            parts[AMOUNTS] = self._amounts.snapshot()
        arrays = {f"{part}/{name}": values for part, one in parts.items() for name, values in one.arrays.items()}
        meta = {
            "model": self.kind,
            "format": FORMAT,
            "outcomes": list(self.outcomes),
            "named": self.named,
            "champion": self.champion,
            "failed": dict(self.failed),
            "kinds": {spec.name: spec.kind for spec in self.specs},
            "parts": {part: dict(one.meta) for part, one in parts.items()},
        }
        return Snapshot(arrays, meta)

    def restore(self, snapshot: Snapshot) -> None:
        """Take over a state of the same models; a refused state changes nothing."""
        meta = _meta_of(snapshot)
        kinds = {spec.name: spec.kind for spec in self.specs}
        if (meta["kinds"], meta["outcomes"], meta["named"]) != (kinds, list(self.outcomes), self.named):
            raise ValueError("snapshot: it is of other models")
        models = self._fresh()
        failed = {str(name): str(why) for name, why in meta["failed"].items()}
        for name in failed:
            models.pop(name, None)
        for name, model in models.items():
            model.bind(self._catalogue)
            model.restore(_part(snapshot, f"model/{name}"))
        if meta["champion"] not in models:
            raise ValueError("snapshot: its champion is not among its models")
        board = Scoreboard.of(_part(snapshot, SCORES), self.outcomes)
        amounts = self._fresh_amounts()
        if amounts is not None:
            amounts.restore(_part(snapshot, AMOUNTS))
        self._take(models, meta["champion"], failed, board)
        self._amounts = amounts

    def adopt(self, snapshot: Snapshot, moves: Moves) -> None:
        """Take over what models of the same names knew, where their kinds are the same or the new one goes on from it.

        Others begin untaught; figures stay where the kind does.

        Who was promoted goes on to decide, unless the project names another champion than before, or it is gone.
        """
        meta = _meta_of(snapshot)
        # Where a model takes the name of one that is gone, what it learned itself goes along.
        kinds = sorted(meta["kinds"].items(), key=lambda one: moves.model(one[0]) != one[0])
        former = {moves.model(name): (name, kind) for name, kind in kinds}
        models = self._fresh()
        kept: dict[str, str] = {}
        for spec in self.specs:
            models[spec.name].bind(self._catalogue)
            name, kind = former.get(spec.name, ("", ""))
            is_same = kind == spec.kind
            if not (is_same or kind in models[spec.name].adopts) or f"model/{name}" not in meta["parts"]:
                continue
            try:
                models[spec.name].adopt(_part(snapshot, f"model/{name}"), moves)
            except ValueError:
                # Of other settings, so that nothing of it can be used.
                continue
            if is_same:
                kept[name] = spec.name
        before, champion = moves.model(meta["named"]), moves.model(meta["champion"])
        if before != self.named or champion not in models:
            champion = self.named
        board = Scoreboard.of(_part(snapshot, SCORES), meta["outcomes"])
        amounts = self._fresh_amounts()
        if amounts is not None and AMOUNTS in meta["parts"]:
            amounts.adopt(_part(snapshot, AMOUNTS), moves)
        self._take(models, champion, {}, board.carried(self.outcomes, kept, moves.action))
        self._amounts = amounts

    def digest(self) -> str:
        """Hex digest of all that was learned."""
        return state_digest(self.snapshot())

    def _fresh_amounts(self) -> AmountModel | None:
        """Make the model of amounts, untaught; it sees what the champion that the project names may see."""
        if not self._bounds:
            return None
        predictors = next(spec.predictors for spec in self.specs if spec.name == self.named)
        amounts = AmountModel(predictors, self._bounds)
        amounts.bind(self._catalogue)
        return amounts

    def _fresh(self) -> dict[str, PropensityModel]:
        return {spec.name: self._make(spec, self.outcomes, self.kernel) for spec in self.specs}

    def _take(
        self, models: dict[str, PropensityModel], champion: str, failed: dict[str, str], board: Scoreboard
    ) -> None:
        self._models = models
        self.failed = failed
        self.scoreboard = board
        self._appoint(champion)

    def _appoint(self, name: str) -> None:
        self.champion = self.name = name
        self._decider = self._models[name]

    def _challengers(self) -> list[str]:
        return [name for name in self._models if name != self.champion]

    def _guarded(self, name: str, work: Callable[[PropensityModel], None]) -> None:
        try:
            work(self._models[name])
        except Exception as error:  # noqa: BLE001  Whatever a challenger raises must not stop the others.
            self._set_aside(name, type(error).__name__)

    def _set_aside(self, name: str, why: str) -> None:
        """Let a challenger learn nothing more; the champion, which decides, stays."""
        if name != self.champion:
            self._models.pop(name)
            self.failed[name] = why


def _foresee_and_learn(model: PropensityModel, facts: Facts, candidate: int, outcome: int, happened: bool) -> float:
    """Give the propensity of an answer from before it was learned, and learn it."""
    if type(model).score_and_learn is PropensityModel.score_and_learn:
        chance = model.foresee(facts, candidate, outcome)
        model.learn(facts, candidate, outcome, happened)
        return chance
    log_odds, _ = model.score_and_learn(facts, candidate, outcome, happened)
    return 1.0 / (1.0 + math.exp(-log_odds)) if abs(log_odds) < LOG_ODDS_MAX else float(log_odds > 0.0) + 0.0 * log_odds


def _meta_of(snapshot: Snapshot) -> dict[str, Any]:
    meta = dict(snapshot.meta)
    wanted = {"kinds": dict, "outcomes": list, "named": str, "champion": str, "failed": dict, "parts": dict}
    is_one = (meta.get("model"), meta.get("format")) == (Contest.kind, FORMAT)
    if not is_one or any(not isinstance(meta.get(name), kind) for name, kind in wanted.items()):
        raise ValueError("snapshot: it is not of champion and challengers")
    return meta


def _part(snapshot: Snapshot, part: str) -> Snapshot:
    """Give the state of one part.

    Raises:
        ValueError: there is none.
    """
    meta = snapshot.meta["parts"].get(part)
    if not isinstance(meta, dict):
        raise ValueError(f"snapshot: {part} is missing")
    begin = f"{part}/"
    arrays = {name.removeprefix(begin): values for name, values in snapshot.arrays.items() if name.startswith(begin)}
    return Snapshot(arrays, meta)
