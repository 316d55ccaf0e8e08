"""Recorded decisions as trials: per action, whom it was shown to by chance, and what they did.

A choice is the first place of a decision's first placement. It belongs to the trial of every action that might have
been shown there and might not: its probability is what the decision recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from opportune.decide import Plan
from opportune.evaluate.off_policy.odds import place_chances
from opportune.evaluate.off_policy.recorded import Span, recorded
from opportune.evaluate.uplift.learners import Trial
from opportune.learning import Predictor
from opportune.learning.encoding import Encoder
from opportune.outcomes import Names
from opportune.records import Facts, Origin
from opportune.storage import Storage, decision_of

__all__ = ["ActionTrial", "design", "read_trials"]

LEAST, MOST = 0.01, 0.99
"""Choices that were more certain than this say next to nothing of what else would have been, and shake everything."""


@dataclass(frozen=True, slots=True)
class ActionTrial:
    """The trial of one action.

    Args:
        members: bool [n, S], segments of the plan.
    """

    action: str
    trial: Trial
    members: npt.NDArray[np.bool_]


@dataclass(slots=True)
class _Rows:
    """Choices of one action: row of the facts, whether it was shown, with what probability, and the reward."""

    row: list[int] = field(default_factory=list)
    shown: list[bool] = field(default_factory=list)
    chance: list[float] = field(default_factory=list)
    reward: list[float] = field(default_factory=list)


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
        outcome: the reward is whether it was reported of the decision, about whatever action.
        tell: called with (journal position reached, end of the journal).

    Raises:
        StoreError: the store cannot be read.
    """
    facts: list[Facts] = []
    persons: dict[str, int] = {}
    person: list[int] = []
    found = {action.name: _Rows() for action in plan.actions}
    for entry, truth in recorded(storage, span, (Origin.ENGINE, Origin.CONTROL), Counter(), tell):
        decision = decision_of(entry)
        logged = plan_of(decision.revision)
        if logged is None or not decision.placements:
            continue
        chances = _by_action(place_chances(logged, decision, 0), logged, names)
        shown = decision.placements[0].actions
        first = names.actions.get(shown[0].action, shown[0].action) if shown else None
        reward = float(any(report.outcome == outcome for report in truth))
        uncertain = [name for name, chance in chances.items() if name in found and LEAST <= chance <= MOST]
        if not uncertain:
            continue
        for name in uncertain:
            rows = found[name]
            rows.row.append(len(facts))
            rows.shown.append(name == first)
            rows.chance.append(chances[name])
            rows.reward.append(reward)
        facts.append(decision.facts)
        who = decision.person or decision.request.session or decision.id
        person.append(persons.setdefault(who, len(persons)))
    features = design(facts, plan.predictors)
    members = np.array([plan.segments.passed(one) for one in facts], dtype=bool)
    everybody = np.array(person, dtype=np.int64)
    return [_trial(name, rows, features, members, everybody) for name, rows in found.items() if rows.row]


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


def _trial(
    name: str,
    rows: _Rows,
    features: npt.NDArray[np.float64],
    members: npt.NDArray[np.bool_],
    person: npt.NDArray[np.int64],
) -> ActionTrial:
    at = np.array(rows.row, dtype=np.int64)
    trial = Trial(
        features=features[at],
        reward=np.array(rows.reward),
        shown=np.array(rows.shown, dtype=bool),
        chance=np.array(rows.chance),
        person=person[at],
    )
    return ActionTrial(action=name, trial=trial, members=members[at])
