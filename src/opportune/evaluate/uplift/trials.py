"""Recorded decisions as trials: per action, whom it was shown to by chance, and what they did.

A choice is the first place of a decision's first placement. It belongs to the trial of every action that might have
been shown there and might not: its probability is what the decision recorded. Where a control group is shown nothing,
the action that was chosen is shown or withheld by the lot that made the group, which is the cleaner trial.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from opportune.decide import Plan
from opportune.decide.limits.consents import is_unprofiled
from opportune.evaluate.off_policy.odds import is_told, place_chances
from opportune.evaluate.off_policy.overlap import MISFIT_HIGH
from opportune.evaluate.off_policy.recorded import Span, recorded
from opportune.evaluate.uplift.learners import Trial
from opportune.learning import Predictor
from opportune.learning.encoding import Encoder
from opportune.outcomes import Names, happened
from opportune.records import Decision, Facts, Origin
from opportune.storage import Storage, decision_of
from opportune.storage.standing import Report

__all__ = ["ARM_LEAST", "ActionTrial", "design", "read_trials"]

ARM_LEAST = 100.0
"""Effective choices that each arm needs: below, neither the models nor the interval can be trusted."""
LEAST, MOST = 0.01, 0.99
"""Choices that were more certain than this say next to nothing of what else would have been, and shake everything."""


@dataclass(frozen=True, slots=True)
class ActionTrial:
    """The trial of one action.

    Args:
        members: bool [n, S], segments of the plan.
        is_withheld: whether those who are not shown it are shown nothing, or else what the draw chose in its place.
        doubt: why what was withheld is not compared although there is enough of it; "" where nothing speaks against it.
    """

    action: str
    trial: Trial
    members: npt.NDArray[np.bool_]
    is_withheld: bool = False
    doubt: str = ""


@dataclass(slots=True)
class _Rows:
    """Choices of one action: row of the facts, whether it was shown, with what probability, and the reward."""

    row: list[int] = field(default_factory=list)
    shown: list[bool] = field(default_factory=list)
    chance: list[float] = field(default_factory=list)
    reward: list[float] = field(default_factory=list)

    def add(self, row: int, shown: bool, chance: float, reward: bool) -> None:
        """Add one choice."""
        self.row.append(row)
        self.shown.append(shown)
        self.chance.append(chance)
        self.reward.append(float(reward))


def read_trials(
    storage: Storage,
    plan: Plan,
    plan_of: Callable[[str], Plan | None],
    names: Names,
    outcome: str,
    span: Span,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> list[ActionTrial]:
    """Read the trials of all actions of a plan.

    Args:
        plan: the strategy whose actions, predictors and segments count.
        plan_of: gives the plan of a content hash; None where it is not to be had.
        names: what earlier revisions called otherwise.
        outcome: the reward is whether it was reported of the decision: about whatever action where draws are compared,
            about the action itself where it was withheld; channels that cannot report it are passed over.
        tell: called with (journal position reached, end of the journal).

    Raises:
        StoreError: the store cannot be read.
    """
    reading = _Reading(plan, names, outcome)
    for entry, truth in recorded(storage, span, (Origin.ENGINE, Origin.CONTROL), Counter(), tell, withheld=True):
        decision = decision_of(entry)
        logged = plan_of(decision.revision)
        if logged is not None and decision.placements and outcome in logged.channels[decision.request.channel].outcomes:
            reading.take(decision, truth, logged)
    return reading.trials()


class _Reading:
    """Sorts decisions into the trials of actions: those of draws, and those of what was withheld."""

    def __init__(self, plan: Plan, names: Names, outcome: str) -> None:
        self._plan, self._names, self._outcome = plan, names, outcome
        self._facts: list[Facts] = []
        self._persons: dict[str, int] = {}
        self._person: list[int] = []
        self._drawn = {action.name: _Rows() for action in plan.actions}
        self._held = {action.name: _Rows() for action in plan.actions}

    def take(self, decision: Decision, truth: Sequence[Report], logged: Plan) -> None:
        """Add one decision to the trials that it belongs to."""
        is_used = self._lot(decision, truth, logged)
        if not decision.withheld:
            is_used |= self._draw(decision, truth, logged)
        if is_used:
            self._facts.append(decision.facts)
            who = decision.person or decision.request.session or decision.id
            self._person.append(self._persons.setdefault(who, len(self._persons)))

    def trials(self) -> list[ActionTrial]:
        """Give the trial of every action that has one: of what was withheld where that is enough, else of draws."""
        features = design(self._facts, self._plan.predictors)
        members = np.array([self._plan.segments.passed(one) for one in self._facts], dtype=bool)
        person = np.array(self._person, dtype=np.int64)
        found = []
        for name, held in self._held.items():
            is_enough = ARM_LEAST <= sum(held.shown) <= len(held.row) - ARM_LEAST
            doubt = _doubt(held, person) if is_enough else ""
            is_withheld = is_enough and not doubt
            rows = held if is_withheld else self._drawn[name]
            if rows.row:
                found.append(_trial(name, rows, features, members, person, is_withheld=is_withheld, doubt=doubt))
        return found

    def _draw(self, decision: Decision, truth: Sequence[Report], logged: Plan) -> bool:
        """Count what was shown by chance in the place of others."""
        if not is_told(logged, decision, 0):
            return False
        chances = _by_action(place_chances(logged, decision, 0), logged, self._names)
        shown = decision.placements[0].actions
        first = self._today(shown[0].action) if shown else None
        reward = any(self._outcome in named for named in happened(truth, self._plan.after).values())
        uncertain = [name for name, chance in chances.items() if name in self._drawn and LEAST <= chance <= MOST]
        for name in uncertain:
            self._drawn[name].add(len(self._facts), name == first, chances[name], reward)
        return bool(uncertain)

    def _lot(self, decision: Decision, truth: Sequence[Report], logged: Plan) -> bool:
        """Count what the same draws chose for persons who are shown it and for persons who are not."""
        shares = [group.share for group in logged.control_groups if group.choose == "withhold"]
        others = 1.0 - sum(group.share for group in logged.control_groups)
        # Who objected to profiling is drawn by the session alone.
        person = None if is_unprofiled(decision.holds) else decision.person
        is_lot = bool(person or decision.request.session) and bool(shares) and others > 0.0
        if not is_lot or not (decision.withheld or decision.control is None):
            return False
        chosen = (*decision.placements[0].actions, *(decision.withheld[0].actions if decision.withheld else ()))
        name = self._today(chosen[0].action) if chosen else ""
        # What is mandatory is shown to everybody.
        if name not in self._held or chosen[0].how == "mandatory":
            return False
        told = happened(truth, self._plan.after).items()
        said = {self._today(action) for (action, _), named in told if self._outcome in named}
        chance = others / (others + sum(shares))
        self._held[name].add(len(self._facts), not decision.withheld, chance, name in said)
        return True

    def _today(self, action: str) -> str:
        return self._names.actions.get(action, action)


def design(facts: Sequence[Facts], predictors: Sequence[Predictor]) -> npt.NDArray[np.float64]:
    """Give the features of each facts, float64 [n, d], encoded as the models that decide encode them.

    The first column is 1; columns that are the same everywhere are left out.
    """
    encoder = Encoder(predictors, "numpy")
    for one in facts:
        encoder.observe(one)
    table = np.zeros((len(facts), len(encoder.owners)))
    for row, one in enumerate(facts):
        form = encoder.encode(one)
        table[row, : encoder.dense] = form.dense
        table[row, form.rows] = 1.0
    table[:, encoder.bias] = 0.0
    varied = table[:, np.ptp(table, axis=0) > 0.0] if len(facts) else table
    return np.column_stack([np.ones(len(facts)), varied])


def _by_action(chances: Mapping[int, float], plan: Plan, names: Names) -> dict[str, float]:
    """Add up the chances of an action's treatments, under today's names."""
    total: dict[str, float] = {}
    for candidate, chance in chances.items():
        action = plan.candidates[candidate].action
        action = names.actions.get(action, action)
        total[action] = total.get(action, 0.0) + chance
    return total


def _doubt(held: _Rows, person: npt.NDArray[np.int64]) -> str:
    """Say that it was not the lot alone that parted the shown from the withheld; "" where it may have been.

    What was shown counts for limits and what was withheld does not, so that one person is shown an action once and has
    it withheld again and again: those who come often then stand among the withheld.
    """
    shown, chance = np.array(held.shown, dtype=np.float64), np.array(held.chance)
    own = np.bincount(person[np.array(held.row, dtype=np.int64)], shown - chance)
    if abs(float(own.sum())) <= MISFIT_HIGH * float(np.sqrt(np.square(own).sum())):
        return ""
    return (
        f"it is compared with others and not with nothing, since of what was chosen {shown.mean():.0%} was shown and"
        f" the lot shows {chance.mean():.0%}: limits or rules go by what was shown before"
    )


def _trial(
    name: str,
    rows: _Rows,
    features: npt.NDArray[np.float64],
    members: npt.NDArray[np.bool_],
    person: npt.NDArray[np.int64],
    *,
    is_withheld: bool,
    doubt: str,
) -> ActionTrial:
    at = np.array(rows.row, dtype=np.int64)
    trial = Trial(
        features=features[at],
        reward=np.array(rows.reward),
        shown=np.array(rows.shown, dtype=bool),
        chance=np.array(rows.chance),
        person=person[at],
    )
    return ActionTrial(action=name, trial=trial, members=members[at], is_withheld=is_withheld, doubt=doubt)
