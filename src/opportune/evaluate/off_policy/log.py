"""Recorded decisions as arrays: what was shown with what probability, what it earned, and what another would do.

Notation:
    n  choices: one place of one placement of one recorded decision each
    R  rewards: the scored outcomes of the judged strategy (0 or 1), then its goals (amounts in the goal's unit)
    S  segments of the judged strategy
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isclose

import numpy as np
import numpy.typing as npt

from opportune.decide import Plan, State
from opportune.evaluate.off_policy.estimators import Reals, Sample
from opportune.evaluate.off_policy.odds import Odds, odds_of, place_chances, unreachable
from opportune.evaluate.off_policy.recorded import Span, recorded
from opportune.evaluate.off_policy.rewards import Rewards
from opportune.evaluate.today import facts_today, holds_today, tired_today
from opportune.learning import PropensityModel
from opportune.outcomes import Names
from opportune.records import Decision, DecisionRequest, Origin, Shown, Value
from opportune.storage import Entry, Storage, decision_of
from opportune.storage.standing import Report

__all__ = ["Judged", "Log", "LogReader"]

ROUNDING = 1e-6
"""Chances are kept in single precision: what differs by less is the same."""

Contact = tuple[DecisionRequest, Mapping[str, Value]]
"""A recorded request as a strategy reads it, and the profile's facts."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The strategy that is judged.

    Args:
        model_at: gives its model at a journal position; positions never fall.
        read: gives a recorded request and profile as the strategy reads them; None where it refuses the request.
        names: what earlier revisions called otherwise; the plan's limits know it too.
        plan_of: gives the plan of a content hash; None where it is not to be had.
    """

    plan: Plan
    model_at: Callable[[int], PropensityModel]
    read: Callable[[Decision], Contact | None]
    names: Names
    plan_of: Callable[[str], Plan | None]


@dataclass(slots=True)
class Log:
    """All choices of a span.

    Args:
        rewards: names, outcomes before goals.
        left_out: reason → decisions that were not judged.
        earned, predicted, expected, base: float64 [n, R]; base is None where a later place is judged.
        members: bool [n, S].
    """

    rewards: tuple[str, ...]
    decisions: int
    left_out: Mapping[str, int]
    first: datetime | None
    last: datetime | None
    person: npt.NDArray[np.int64]
    logged: Reals
    wanted: Reals
    beyond: Reals
    earned: Reals
    predicted: Reals
    expected: Reals
    base: Reals | None
    members: npt.NDArray[np.bool_]

    def sample(self, reward: int) -> Sample:
        """Give all choices with one reward."""
        return Sample(
            reward=self.earned[:, reward],
            logged=self.logged,
            wanted=self.wanted,
            person=self.person,
            predicted=self.predicted[:, reward],
            expected=self.expected[:, reward],
            beyond=self.beyond,
            base=None if self.base is None else self.base[:, reward],
        )


@dataclass(slots=True)
class _Columns:
    person: list[int] = field(default_factory=list)
    logged: list[float] = field(default_factory=list)
    wanted: list[float] = field(default_factory=list)
    beyond: list[float] = field(default_factory=list)
    earned: list[Reals] = field(default_factory=list)
    predicted: list[Reals] = field(default_factory=list)
    expected: list[Reals] = field(default_factory=list)
    base: list[Reals] = field(default_factory=list)
    members: list[npt.NDArray[np.bool_]] = field(default_factory=list)


class LogReader:
    """Reads a journal's decisions and decides each again as the judged strategy would.

    What the engine itself chose is read: decisions of control groups, fallbacks, channels and imports are left out.

    Args:
        place: which place of every placement is judged, from 1; those before it stay as they were.
    """

    def __init__(self, storage: Storage, judged: Judged, place: int = 1) -> None:
        self._storage, self._judged, self._place = storage, judged, place
        self._left_out: Counter[str] = Counter()
        self._persons: dict[str, int] = {}
        self._columns = _Columns()
        self._rewards = Rewards(judged.plan)
        self._index = {(key.channel, key.action, key.treatment): n for n, key in enumerate(judged.plan.candidates)}
        self._logged: dict[str, tuple[Plan, Sequence[int | None]]] = {}

    def read(self, span: Span, tell: Callable[[int, int], None] = lambda done, total: None) -> Log:
        """Read a span of the journal.

        Args:
            tell: called with (journal position reached, end of the journal).

        Raises:
            StoreError: the store cannot be read.
        """
        moments = []
        for entry, truth in recorded(self._storage, span, (Origin.ENGINE,), self._left_out, tell):
            if self._take(entry, truth):
                moments.append(entry.occurred_at)
        return self._log(moments)

    def _take(self, entry: Entry, truth: Sequence[Report]) -> bool:
        """Add the choices of one decision."""
        decision = decision_of(entry)
        contact = self._judged.read(decision)
        logged = self._plan_of(decision.revision)
        if contact is None:
            self._left_out["the judged strategy refuses the request"] += 1
            return False
        if logged is None:
            self._left_out["its revision cannot be compiled any more"] += 1
            return False
        request, profile = contact
        model, limits = self._judged.model_at(decision.position), self._judged.plan.limits
        state = State(
            model=model,
            position=decision.position,
            person=decision.person,
            profile=facts_today(limits, profile),
            holds=holds_today(limits, decision.holds),
            tired=tired_today(limits, decision.tired),
        )
        members = self._judged.plan.segments.passed(decision.facts)
        before: list[list[int]] = []
        for number, answer in enumerate(decision.placements):
            shown = answer.actions
            own = [self._candidate(request.channel, one) for one in shown]
            if self._place <= len(shown) + 1:
                size = self._size(request, number) - self._place + 1
                standing = [*before, [one for one in own[: self._place - 1] if one is not None]]
                if size > 0:
                    odds = odds_of(self._judged.plan, state, request, decision, size, standing)
                    self._add(decision, number, odds, own, truth, logged)
                    self._columns.members.append(np.asarray(members, dtype=bool))
            before.append([one for one in own if one is not None])
        return True

    def _add(
        self,
        decision: Decision,
        number: int,
        odds: Odds,
        own: Sequence[int | None],
        truth: Sequence[Report],
        logged: tuple[Plan, Sequence[int | None]],
    ) -> None:
        actions = decision.placements[number].actions
        shown = actions[self._place - 1] if len(actions) >= self._place else None
        candidate = own[self._place - 1] if shown is not None else None
        columns = self._columns
        who = decision.person or decision.request.session or decision.id
        columns.person.append(self._persons.setdefault(who, len(self._persons)))
        logged_chance = 1.0 if shown is None else shown.selection_probability
        chance = 0.0 if shown is not None and candidate is None else odds.chance_of(candidate)
        columns.logged.append(logged_chance)
        columns.wanted.append(logged_chance if isclose(chance, logged_chance, rel_tol=ROUNDING) else chance)
        plan, to_logged = logged
        foretold = self._rewards.foretold(odds)
        if self._place == 1:
            known = place_chances(plan, decision, number, _like(odds, to_logged))
            columns.beyond.append(unreachable(odds, to_logged, known))
            columns.base.append(_chances(odds, to_logged, known) @ foretold)
        else:
            columns.beyond.append(float("nan"))
        columns.earned.append(self._rewards.earned(shown, decision.request.channel, candidate, truth, plan))
        columns.expected.append(odds.chances @ foretold)
        columns.predicted.append(foretold[odds.candidates == candidate].sum(axis=0))

    def _candidate(self, channel: str, shown: Shown) -> int | None:
        return self._found(channel, shown.action, shown.treatment)

    def _found(self, channel: str, action: str, treatment: str) -> int | None:
        found = self._index.get((channel, action, treatment))
        if found is not None:
            return found
        return self._index.get(self._judged.names.today(channel, action, treatment))

    def _size(self, request: DecisionRequest, number: int) -> int:
        asked = request.placements[number]
        own = self._judged.plan.channels[request.channel].placements[asked.name].size
        return own if asked.size is None else asked.size

    def _plan_of(self, revision: str) -> tuple[Plan, Sequence[int | None]] | None:
        """Give the plan that decided, and its candidate for each candidate of the judged plan."""
        known = self._logged.get(revision)
        if known is None:
            plan = self._judged.plan_of(revision)
            if plan is None:
                return None
            back: list[int | None] = [None] * len(self._judged.plan.candidates)
            for index, key in enumerate(plan.candidates):
                own = self._found(key.channel, key.action, key.treatment)
                if own is not None:
                    back[own] = index
            known = self._logged[revision] = (plan, back)
        return known

    def _log(self, moments: Sequence[datetime]) -> Log:
        plan, columns, rewards = self._judged.plan, self._columns, self._rewards.names
        shape = (len(columns.person), len(rewards))
        return Log(
            rewards=rewards,
            decisions=len(moments),
            left_out=dict(self._left_out),
            first=min(moments, default=None),
            last=max(moments, default=None),
            person=np.array(columns.person, dtype=np.int64),
            logged=np.array(columns.logged),
            wanted=np.clip(np.array(columns.wanted), 0.0, 1.0),
            beyond=np.array(columns.beyond),
            earned=np.array(columns.earned).reshape(shape),
            predicted=np.array(columns.predicted).reshape(shape),
            expected=np.array(columns.expected).reshape(shape),
            base=np.array(columns.base).reshape(shape) if self._place == 1 else None,
            members=np.array(columns.members, dtype=bool).reshape(len(columns.person), len(plan.segments.passed({}))),
        )


def _like(odds: Odds, to_logged: Sequence[int | None]) -> dict[int, float]:
    """Give the odds by the candidates of the plan that decided."""
    pairs = zip(odds.candidates.tolist(), odds.chances.tolist(), strict=True)
    return {own: chance for candidate, chance in pairs if (own := to_logged[candidate]) is not None}


def _chances(odds: Odds, to_logged: Sequence[int | None], known: Mapping[int, float]) -> Reals:
    """Give the recorded probability of each candidate of the odds, float64 [m]."""
    logged = (to_logged[candidate] for candidate in odds.candidates.tolist())
    return np.array([0.0 if one is None else known.get(one, 0.0) for one in logged])
