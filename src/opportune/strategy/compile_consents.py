"""Compile purposes and the protection of minors for the candidates of a plan."""

from __future__ import annotations

import numpy as np

from opportune.decide.limits.limits import Minors, Purpose
from opportune.learning.base import CandidateKey
from opportune.strategy.project import Project
from opportune.strategy.sections import consents as sections

__all__ = ["compile_minors", "compile_purposes", "personal_facts", "purpose_actions", "purpose_channels"]


def compile_purposes(project: Project, candidates: tuple[CandidateKey, ...]) -> tuple[Purpose, ...]:
    """Compile what was checked, in file order."""
    return tuple(_purpose(project, name, section, candidates) for name, section in project.purposes.items())


def _purpose(project: Project, name: str, section: sections.Purpose, candidates: tuple[CandidateKey, ...]) -> Purpose:
    actions = purpose_actions(project, section)
    masks = {
        channel: np.array([key.action in actions and key.channel == channel for key in candidates], dtype=bool)
        for channel in purpose_channels(project, section)
    }
    return Purpose(name, section.basis, masks, section.profiling, section.because)


def purpose_actions(project: Project, section: sections.Purpose) -> frozenset[str]:
    """Name the actions that a purpose covers."""
    if section.profiling:
        return frozenset()
    is_named = section.groups is not None or section.actions is not None
    return frozenset(
        name
        for name, action in project.actions.items()
        if (section.kinds is None or action.kind in section.kinds)
        and (not is_named or project.group_of[name] in (section.groups or ()) or name in (section.actions or ()))
    )


def purpose_channels(project: Project, section: sections.Purpose) -> tuple[str, ...]:
    """Name the channels in which a purpose is asked about, in file order."""
    return tuple(name for name in project.channels if section.channels is None or name in section.channels)


def compile_minors(project: Project) -> Minors | None:
    """Say who is a minor; None where that makes no difference."""
    minors = project.settings.minors
    if minors is None or minors.allowed_because:
        return None
    return Minors(f"customer.{minors.attribute}", minors.below, minors.unknown == "minor")


def personal_facts(project: Project) -> frozenset[str]:
    """Name the facts of the context that say something about the person."""
    return frozenset(f"context.{name}" for name, attribute in project.context.items() if attribute.personal)
