"""Compile what links the actions of one answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from opportune.decide.slate import Apart, Bundle, Links, Minimum, Most
from opportune.learning.base import CandidateKey
from opportune.rules import Rule, RuleSet
from opportune.strategy.project import Project
from opportune.strategy.sections.slates import Selection, SlateRule

__all__ = ["compile_links", "members_of", "part_members"]


def members_of(project: Project, of: Selection) -> frozenset[str]:
    """Give the actions that a selection names."""
    return frozenset(
        name
        for name, action in project.actions.items()
        if name in (of.actions or ()) or project.group_of[name] in (of.groups or ()) or action.kind in (of.kinds or ())
    )


def part_members(project: Project, part: str) -> frozenset[str]:
    """Give the actions of a part: one, or those of a group."""
    group = part.removeprefix("group:")
    if group == part:
        return frozenset({part} & project.actions.keys())
    return frozenset(name for name in project.actions if project.group_of[name] == group)


def compile_links(
    project: Project, rules: Mapping[str, Rule], names: Sequence[str], candidates: Sequence[CandidateKey]
) -> Links:
    """Compile what was checked.

    Args:
        rules: name of a rule of slates → its condition; absent where it always holds.
        names: of the actions, in the order of the plan.
    """
    quotas: list[Most] = []
    apart: list[Apart] = []
    bundles: list[Bundle] = []
    minima: list[Minimum] = []
    conditions: list[Rule] = []
    for name, section in project.slates.items():
        in_answer = section.scope == "answer"
        if section.at_most is not None:
            quotas += [
                Most(name, what, _mask(candidates, members), section.at_most, in_answer)
                for what, members in _counted(project, section)
                if len(members) > section.at_most
            ]
        elif section.at_least is not None and section.of is not None:
            number = len(conditions) if name in rules else None
            conditions += [rules[name]] if name in rules else []
            members = _mask(candidates, members_of(project, section.of))
            minima.append(Minimum(name, _words(section.of), members, section.at_least, in_answer, number))
        elif section.not_together is not None:
            apart.append(_apart(project, name, section.not_together, candidates, in_answer))
        elif section.only_together is not None:
            bundles.append(Bundle(name, tuple(names.index(action) for action in section.only_together)))
    because = {name: section.because for name, section in project.slates.items() if section.because}
    return Links(
        tuple(quotas),
        tuple(apart),
        tuple(bundles),
        tuple(minima),
        RuleSet([[rule] for rule in conditions]) if conditions else None,
        because,
    )


def _counted(project: Project, section: SlateRule) -> Iterable[tuple[str, frozenset[str]]]:
    """Give what a quota counts in words, and the actions."""
    if section.of is not None:
        return [(_words(section.of), members_of(project, section.of))]
    return [(f"group {group}", part_members(project, f"group:{group}")) for group in sorted(project.groups)]


def _words(of: Selection) -> str:
    """Say what a selection names."""
    said = []
    for noun, names in (("group", of.groups), ("action", of.actions), ("kind", of.kinds)):
        if names:
            said.append(f"{noun if len(names) == 1 else noun + 's'} {', '.join(names)}")
    return " and ".join(said)


def _mask(candidates: Sequence[CandidateKey], members: frozenset[str]) -> npt.NDArray[np.bool_]:
    return np.array([key.action in members for key in candidates], dtype=bool)


def _apart(
    project: Project, name: str, parts: tuple[str, ...], candidates: Sequence[CandidateKey], in_answer: bool
) -> Apart:
    part_of = np.full(len(candidates), -1, dtype=np.intp)
    for number, part in enumerate(parts):
        part_of[_mask(candidates, part_members(project, part))] = number
    return Apart(name, parts, part_of, in_answer)
