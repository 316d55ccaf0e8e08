"""What a change of strategy does to a sample of contacts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import numpy as np

from opportune.evaluate.foresight.blame import Blame
from opportune.evaluate.foresight.cases import Case, Side
from opportune.evaluate.foresight.change import KINDS, Slot, is_empty, kind_of, slate, told
from opportune.evaluate.foresight.conflicts import conflicts
from opportune.evaluate.foresight.effect import Expectation
from opportune.evaluate.foresight.funnel import Funnel, Want
from opportune.evaluate.foresight.rulebook import Rulebook
from opportune.evaluate.foresight.tally import Tally
from opportune.evaluate.off_policy import Bootstrap, Interval
from opportune.outcomes import Names

__all__ = ["ActionShift", "Changed", "Effect", "Flow", "Outlook", "SegmentShift", "Sides", "outlook"]

FLOWS = 40
"""Pairs of actions that are told, the most frequent ones."""


class ActionShift(msgspec.Struct, frozen=True, kw_only=True):
    """How often an action is shown, in contacts; shares are of all contacts."""

    action: str
    group: str
    before: int
    after: int
    gained: int
    lost: int
    share_before: float
    share_after: float


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """Contacts whose first place goes from one action to another; "" is an empty place."""

    before: str
    after: str
    contacts: int


class SegmentShift(msgspec.Struct, frozen=True, kw_only=True):
    """Contacts of one segment, as the new strategy has it, and how many of them change."""

    segment: str
    contacts: int
    changed: int


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What one goal gains per contact.

    Args:
        told_by: "model", its expectation; or "journal", told from recorded answers where they can tell.
        before, after: per contact, in the unit of the goal; of the journal, what was earned and would have been.
        gain: paired, its interval drawn over persons.
        remarks: what makes it doubtful.
    """

    goal: str
    unit: str
    told_by: str
    before: float
    after: float
    gain: Interval
    remarks: tuple[str, ...] = ()


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """One contact that gets something else: what each placement shows before and after."""

    name: str
    kind: str
    before: tuple[str, ...]
    after: tuple[str, ...]


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """What a change does.

    Args:
        kinds: how answers differ → contacts; `changed` are their sum, of `changed_persons`.
        empty_before, empty_after: contacts with nothing; `emptied` had something before.
        wants: which policies leave the emptied with nothing.
        effects: None where nothing was learned that could foretell.
        funnel_before, funnel_after: the way of all contacts through either strategy.
        changes: all contacts that get something else.
    """

    contacts: int
    persons: int
    first: datetime | None
    last: datetime | None
    changed: int
    changed_persons: int
    kinds: dict[str, int]
    refused_before: int
    refused_after: int
    empty_before: int
    empty_after: int
    emptied: int
    wants: tuple[Want, ...]
    actions: tuple[ActionShift, ...]
    flows: tuple[Flow, ...]
    segments: tuple[SegmentShift, ...]
    effects: tuple[Effect, ...] | None
    funnel_before: Funnel
    funnel_after: Funnel
    changes: tuple[Changed, ...]

    @property
    def changed_share(self) -> float:
        """Share of contacts that get something else."""
        return self.changed / self.contacts if self.contacts else 0.0

    @property
    def empty_share(self) -> float:
        """Share of contacts that get nothing from the new strategy."""
        return self.empty_after / self.contacts if self.contacts else 0.0

    @property
    def emptied_share(self) -> float:
        """Share of contacts that got something and get nothing now."""
        return self.emptied / self.contacts if self.contacts else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Both strategies.

    Args:
        names: what the first calls otherwise than the second.
        is_taught: whether the model has learned anything that it could foretell by.
    """

    before: Side
    after: Side
    names: Names
    is_taught: bool


def outlook(
    sides: Sides, cases: Sequence[Case], tell: Callable[[int, int], None] = lambda done, total: None
) -> Outlook:
    """Decide every contact with both strategies and compare.

    Args:
        tell: called with (contacts done, all contacts).
    """
    counting = _Counting(sides)
    for done, case in enumerate(cases, start=1):
        counting.add(case)
        if done % 50 == 0 or done == len(cases):
            tell(done, len(cases))
    return counting.outlook(cases)


class _Counting:
    def __init__(self, sides: Sides) -> None:
        self._sides = sides
        before, after = sides.before, sides.after
        rulebook = Rulebook(after.plan, after.project)
        self._tallies = Tally(before, Rulebook(before.plan, before.project)), Tally(after, rulebook)
        self._blame = Blame(after, rulebook)
        self._foresees = Expectation(before.plan, after.plan, sides.names), Expectation(after.plan, after.plan, Names())
        self._worth: list[list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]] = [[], []]
        self._changes: list[Changed] = []
        self._changed_persons: set[str] = set()
        self._shown: tuple[Counter[str], Counter[str]] = Counter(), Counter()
        self._gained: Counter[str] = Counter()
        self._lost: Counter[str] = Counter()
        self._flows: Counter[tuple[str, str]] = Counter()
        self._segments = np.zeros((2, len(after.project.segments)), dtype=np.int64)
        self._refused = [0, 0]
        self._emptied = 0

    def add(self, case: Case) -> None:
        """Decide one contact with both strategies."""
        sides, names = self._sides, self._sides.names
        pair = sides.before.decide(case), sides.after.decide(case)
        for number, decision in enumerate(pair):
            self._worth[number].append(self._foresees[number].of(decision, case.standing))
            if decision is None:
                self._refused[number] += 1
            else:
                self._tallies[number].add(case, decision)
        before, after = pair
        kind = kind_of(before, after, names)
        if kind:
            shown = [told(slate(one)) for one in pair]
            self._changes.append(Changed(name=case.name, kind=kind, before=shown[0], after=shown[1]))
            self._changed_persons.add(case.unit)
        if after is not None:
            members = sides.after.plan.segments.passed(after.facts)
            self._segments[0] += members
            self._segments[1] += members & bool(kind)
        self._count(slate(before, names), slate(after))
        if before is not None and after is not None and not is_empty(before):
            self._emptied += self._blame.add(case, after)

    def _count(self, before: Iterable[Slot], after: Iterable[Slot]) -> None:
        old, new = ([(slot.placement, slot.action) for slot in side] for side in (before, after))
        old_actions, new_actions = ({action for _, action in side} for side in (old, new))
        self._shown[0].update(old_actions)
        self._shown[1].update(new_actions)
        self._gained.update(new_actions - old_actions)
        self._lost.update(old_actions - new_actions)
        firsts = [dict(reversed(side)) for side in (old, new)]
        for placement in dict.fromkeys([*firsts[0], *firsts[1]]):
            pair = firsts[0].get(placement, ""), firsts[1].get(placement, "")
            if pair[0] != pair[1]:
                self._flows[pair] += 1

    def outlook(self, cases: Sequence[Case]) -> Outlook:
        """Give what was counted."""
        before, after = (tally.funnel() for tally in self._tallies)
        moments = [case.at for case in cases]
        kinds = Counter(change.kind for change in self._changes)
        return Outlook(
            contacts=len(cases),
            persons=len({case.unit for case in cases}),
            first=min(moments, default=None),
            last=max(moments, default=None),
            changed=len(self._changes),
            changed_persons=len(self._changed_persons),
            kinds={kind: kinds[kind] for kind in KINDS if kinds[kind]},
            refused_before=self._refused[0],
            refused_after=self._refused[1],
            empty_before=before.empty,
            empty_after=after.empty,
            emptied=self._emptied,
            wants=self._blame.wants(),
            actions=tuple(self._actions(len(cases))),
            flows=tuple(
                Flow(before=old, after=new, contacts=number)
                for (old, new), number in sorted(self._flows.items(), key=lambda one: (-one[1], one[0]))[:FLOWS]
            ),
            segments=tuple(
                SegmentShift(segment=name, contacts=int(all_), changed=int(changed))
                for name, all_, changed in zip(self._sides.after.project.segments, *self._segments, strict=True)
            ),
            effects=self._effects(cases) if self._sides.is_taught else None,
            funnel_before=before,
            funnel_after=msgspec.structs.replace(after, conflicts=conflicts(self._sides.after, after)),
            changes=tuple(self._changes),
        )

    def _actions(self, contacts: int) -> list[ActionShift]:
        groups = self._groups()
        found = [
            ActionShift(
                action=name,
                group=group,
                before=self._shown[0][name],
                after=self._shown[1][name],
                gained=self._gained[name],
                lost=self._lost[name],
                share_before=self._shown[0][name] / contacts,
                share_after=self._shown[1][name] / contacts,
            )
            for name, group in groups.items()
            if contacts
        ]
        return sorted(found, key=lambda one: (-abs(one.after - one.before), -one.gained - one.lost, one.action))

    def _groups(self) -> Mapping[str, str]:
        """Give the group of every action of both strategies, by the names of the second."""
        names = self._sides.names
        former = {
            names.actions.get(action, action): names.groups.get(group, group)
            for action, group in self._sides.before.project.group_of.items()
        }
        return {**former, **self._sides.after.project.group_of}

    def _effects(self, cases: Sequence[Case]) -> tuple[Effect, ...]:
        persons: dict[str, int] = {}
        person = np.array([persons.setdefault(case.unit, len(persons)) for case in cases], dtype=np.int64)
        before, after = (np.array(side).reshape(len(cases), -1) for side in self._worth)
        bootstrap = Bootstrap(person)
        ones = np.ones(len(cases))
        found = []
        for place, (name, goal) in enumerate(self._sides.after.project.goals.items()):
            found.append(
                Effect(
                    goal=name,
                    unit=goal.unit,
                    told_by="model",
                    before=float(before[:, place].mean()) if len(cases) else 0.0,
                    after=float(after[:, place].mean()) if len(cases) else 0.0,
                    gain=bootstrap.interval(after[:, place] - before[:, place], ones),
                )
            )
        return tuple(found)
