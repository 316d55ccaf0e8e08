"""Counting a funnel from decisions, one after the other.

Notation: A actions, C candidates, L most rules of an action in a layer; stages are their numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from opportune.evaluate.foresight.blame import Blame
from opportune.evaluate.foresight.cases import Case, Side
from opportune.evaluate.foresight.funnel import ActionFall, Funnel, PolicyFall, Served, StageFall
from opportune.evaluate.foresight.reasons import COMPETING, LAYERS, ORDER, limit_policy, standing_policy
from opportune.evaluate.foresight.rulebook import Fallen, Policy, Rulebook
from opportune.records import Decision, PlacementTrace, Stage

__all__ = ["Tally"]

Integers = npt.NDArray[np.int64]

LEFT_MOST = 10
"""Contacts with so many actions left, or more, are counted together."""
RIVALS = 3


class Tally:
    """Counts the decisions of one strategy."""

    def __init__(self, side: Side, rulebook: Rulebook) -> None:
        plan = side.plan
        self._side, self._rulebook = side, rulebook
        self._fell = np.zeros((max(Stage) + 1, len(plan.candidates)), dtype=np.int64)
        self._by_rule = np.zeros(rulebook.rows.shape, dtype=np.int64)
        self._alone = np.zeros(rulebook.rows.shape, dtype=np.int64)
        self._rivals = np.zeros((len(plan.actions), len(plan.actions)), dtype=np.int64)
        self._limits: Counter[tuple[int, Policy]] = Counter()
        """(Action, limit) → candidates that it held back."""
        self._served: dict[str, list[int]] = {}
        self._left: dict[str, Integers] = {}
        self._of_channel = {
            name: np.array([key.channel == name for key in plan.candidates], dtype=bool) for name in plan.channels
        }
        self._persons: set[str] = set()
        self._blame = Blame(side, rulebook)
        self._has_history = False
        self.contacts = self.empty = 0

    def add(self, case: Case, decision: Decision) -> None:
        """Count one decision."""
        self.contacts += 1
        self._persons.add(case.unit)
        known = case.standing
        self._has_history |= bool(known.contacts or known.stocks or any(known.units.values()))
        fallen = self._rulebook.judge(decision.facts)
        for number, trace in enumerate(decision.traces):
            self._add(trace, decision, fallen, number)
        if self._blame.add(case, decision, fallen):
            self.empty += 1

    def _add(self, trace: PlacementTrace, decision: Decision, fallen: Fallen, number: int) -> None:
        plan = self._side.plan
        stages = np.frombuffer(trace.stages, dtype=np.uint8)
        own = np.flatnonzero(self._of_channel[decision.request.channel])
        np.add.at(self._fell, (stages[own], own), 1)
        self._count_rules(stages, own, fallen)
        self._count_limits(stages, own, decision)
        competing = own[np.isin(stages[own], COMPETING)]
        left = np.unique(plan.action_of[competing])
        shown = plan.action_of[list(trace.chosen)] if trace.chosen else np.zeros(0, dtype=np.intp)
        self._rivals[np.ix_(np.setdiff1d(left, shown), shown)] += 1
        asked = decision.request.placements[number]
        placement = plan.channels[decision.request.channel].placements[trace.name]
        size = placement.size if asked.size is None else asked.size
        self._serve(f"{decision.request.channel}/{trace.name}", len(left), size)

    def _count_rules(self, stages: npt.NDArray[np.uint8], own: npt.NDArray[np.intp], fallen: Fallen) -> None:
        plan, failures = self._side.plan, fallen.failures()
        for layer, stage in enumerate(LAYERS):
            actions = plan.action_of[own[stages[own] == stage]]
            rows = layer * len(plan.actions) + actions
            np.add.at(self._by_rule, (rows, fallen.first[rows]), 1)
            single = failures[actions] == 1
            np.add.at(self._alone, (rows[single], fallen.first[rows[single]]), 1)

    def _count_limits(self, stages: npt.NDArray[np.uint8], own: npt.NDArray[np.intp], decision: Decision) -> None:
        for candidate in own[stages[own] == Stage.LIMITED].tolist():
            policy = self._blame.limit_of(decision, candidate)
            self._limits[int(self._side.plan.action_of[candidate]), policy] += 1

    def _serve(self, placement: str, left: int, size: int) -> None:
        served = self._served.setdefault(placement, [0, 0, 0])
        served[0] += 1
        served[1] += left == 0
        served[2] += left < size
        self._left.setdefault(placement, np.zeros(LEFT_MOST + 1, dtype=np.int64))[min(left, LEFT_MOST)] += 1

    def funnel(self) -> Funnel:
        """Give what was counted."""
        actions = tuple(self._actions())
        return Funnel(
            source="decided",
            contacts=self.contacts,
            persons=len(self._persons),
            candidates=int(self._fell.sum()),
            returned=int(self._fell[Stage.SHOWN].sum()),
            empty=self.empty,
            stages=tuple(self._stages()),
            policies=tuple(self._policies()),
            actions=actions,
            served=tuple(
                Served(placement=name, contacts=all_, nothing=none, few=few, left=tuple(self._left[name].tolist()))
                for name, (all_, none, few) in self._served.items()
            ),
            wants=self._blame.wants(),
        )

    def _stages(self) -> Iterable[StageFall]:
        left = int(self._fell.sum())
        for stage in ORDER:
            dropped = int(self._fell[stage].sum())
            left -= dropped
            yield StageFall(stage=stage.name.lower(), dropped=dropped, left=left)

    def _policies(self) -> Iterable[PolicyFall]:
        dropped, alone = self._sums(self._by_rule), self._sums(self._alone)
        found = [
            PolicyFall(policy=policy, dropped=int(dropped[number]), alone=int(alone[number]))
            for number, policy in enumerate(self._rulebook.policies)
        ]
        limits = self._side.plan.limits
        # Without any history, that a limit held nobody says nothing of it.
        names = (*(one.name for one in (*limits.policies, *limits.purposes)), *limits.stocks)
        names = names if self._has_history else ()
        others: Counter[Policy] = Counter({limit_policy(self._side.plan, name): 0 for name in names})
        for (_, policy), number in self._limits.items():
            others[policy] += number
        for _, policy, number in self._standing():
            others[policy] += number
        found += [PolicyFall(policy=policy, dropped=number) for policy, number in others.items()]
        return sorted(found, key=lambda one: (-one.dropped, one.policy))

    def _sums(self, counts: Integers) -> Integers:
        """Add up by rule what was counted by action and place, int64 [R]."""
        size = len(self._rulebook.policies) + 1
        sums = np.bincount(self._rulebook.rows.ravel(), counts.ravel(), size)
        return np.asarray(np.round(sums), dtype=np.int64)[:-1]

    def _standing(self) -> Iterable[tuple[int, Policy, int]]:
        """Give (action, policy, candidates dropped) of what is no rule and no limit."""
        for stage in ORDER:
            if stage in LAYERS or stage in COMPETING or stage is Stage.LIMITED:
                continue
            for candidate in np.flatnonzero(self._fell[stage]).tolist():
                policy = standing_policy(self._side, stage, candidate)
                yield int(self._side.plan.action_of[candidate]), policy, int(self._fell[stage, candidate])

    def _actions(self) -> Iterable[ActionFall]:
        plan, policies = self._side.plan, self._rulebook.policies
        most: list[Counter[Policy]] = [Counter() for _ in plan.actions]
        for row, column in np.argwhere(self._by_rule).tolist():
            policy = policies[self._rulebook.rows[row, column]]
            most[row % len(plan.actions)][policy] += int(self._by_rule[row, column])
        for place, policy, number in self._standing():
            most[place][policy] += number
        for (place, policy), number in self._limits.items():
            most[place][policy] += number
        for number, action in enumerate(plan.actions):
            own = self._fell[:, plan.action_of == number].sum(axis=1)
            top = min(most[number].items(), key=lambda one: (-one[1], one[0]), default=(None, 0))
            yield ActionFall(
                action=action.name,
                group=action.group,
                candidates=int(own.sum()),
                passed=int(own[list(COMPETING)].sum()),
                shown=int(own[Stage.SHOWN]),
                most=top[0],
                most_dropped=top[1],
                rivals=self._rivals_of(number),
            )

    def _rivals_of(self, action: int) -> tuple[tuple[str, int], ...]:
        counts = self._rivals[action]
        order = np.argsort(-counts, kind="stable")[:RIVALS]
        return tuple((self._side.plan.actions[one].name, int(counts[one])) for one in order.tolist() if counts[one])
