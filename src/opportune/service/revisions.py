"""A strategy ready to decide: compiled from a folder, or from the bundle that the store keeps of a revision."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from opportune.decide import Plan
from opportune.errors import DamageError, ProjectError
from opportune.storage import Storage
from opportune.strategy.check import check
from opportune.strategy.compile import Registries, compile_plan, registries
from opportune.strategy.load import load, load_files
from opportune.strategy.project import Project

__all__ = ["Strategy", "bundle_of", "plan_from_store", "strategy_from_bundle", "strategy_from_folder"]


@dataclass(frozen=True, slots=True)
class Strategy:
    """One revision: its sections, its plan and how input is read."""

    project: Project
    plan: Plan
    registries: Registries


def strategy_from_folder(directory: Path) -> Strategy:
    """Load, check and compile a project.

    Raises:
        ProjectError: with all that is wrong.
    """
    return _compiled(load(directory))


def strategy_from_bundle(bundle: bytes) -> Strategy:
    """Compile a revision that the store keeps.

    Raises:
        DamageError: the bundle is no bundle.
        ProjectError: this version of Opportune no longer accepts it.
    """
    try:
        files = msgspec.json.decode(bundle, type=dict[str, str])
    except msgspec.MsgspecError as error:
        raise DamageError("bundle of a revision: expected its files, found something else") from error
    return _compiled(load_files(files))


def plan_from_store(storage: Storage, revision: str) -> Plan | None:
    """Compile a revision that a store keeps; None where it has none, or this version no longer accepts it.

    Raises:
        StoreError: the store cannot be read.
    """
    kept = storage.revision(revision)
    try:
        return None if kept is None else strategy_from_bundle(kept.bundle).plan
    except (ProjectError, DamageError):
        return None


def bundle_of(project: Project) -> bytes:
    """Write a project's files as bytes; equal projects give equal bytes."""
    return msgspec.json.encode(dict(project.files), order="deterministic")


def _compiled(project: Project) -> Strategy:
    return Strategy(project, compile_plan(check(project)), registries(project))
