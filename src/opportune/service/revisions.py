"""A strategy ready to decide: compiled from a folder, or from the bundle that the store keeps of a revision."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from opportune.customers.context import Sources
from opportune.customers.features import FeatureSet
from opportune.decide import Plan
from opportune.errors import DamageError, OpportuneError, ProjectError, UnknownError
from opportune.storage import Storage
from opportune.strategy.check import check, check_files
from opportune.strategy.checked import CheckedProject
from opportune.strategy.compile import Registries, compile_plan, registries
from opportune.strategy.compile_features import compile_features
from opportune.strategy.load import load, load_files
from opportune.strategy.project import Project

__all__ = [
    "Strategies",
    "Strategy",
    "bundle_of",
    "compiled",
    "files_of",
    "reason_of",
    "strategy_from_bundle",
    "strategy_from_files",
    "strategy_from_folder",
]

KEPT = 4
"""Compiled revisions that stay in memory."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """One revision: its sections, its plan, how input is read, and what is made of a person's past."""

    project: Project
    plan: Plan
    registries: Registries
    features: FeatureSet

    @property
    def sources(self) -> Sources:
        """What fills the context where a request does not say it."""
        return self.registries.sources


def strategy_from_folder(directory: Path) -> Strategy:
    """Load, check and compile a project.

    Raises:
        ProjectError: with all that is wrong.
    """
    return _checked(load(directory))


def strategy_from_files(files: Mapping[str, str], now: datetime | None = None) -> tuple[Strategy, CheckedProject]:
    """Load, check and compile a project's texts by path.

    Args:
        now: with it, active actions whose validity is over are problems.

    Raises:
        ProjectError: with all that is wrong.
    """
    checked = check_files(files, now)
    return compiled(checked), checked


def files_of(bundle: bytes) -> dict[str, str]:
    """Read the files of a bundle: path → text.

    Raises:
        DamageError: the bundle is no bundle.
    """
    try:
        return msgspec.json.decode(bundle, type=dict[str, str])
    except msgspec.MsgspecError as error:
        raise DamageError("bundle of a revision: expected its files, found something else") from error


def strategy_from_bundle(bundle: bytes) -> Strategy:
    """Compile a revision that the store keeps.

    Raises:
        DamageError: the bundle is no bundle.
        ProjectError: this version of Opportune no longer accepts it.
    """
    return _checked(load_files(files_of(bundle)))


def bundle_of(project: Project) -> bytes:
    """Write a project's files as bytes; equal projects give equal bytes."""
    return msgspec.json.encode(dict(project.files), order="deterministic")


def compiled(checked: CheckedProject) -> Strategy:
    """Compile what was checked."""
    return Strategy(checked.project, compile_plan(checked), registries(checked.project), compile_features(checked))


def _checked(project: Project) -> Strategy:
    return compiled(check(project))


class Strategies:
    """Revisions of one store, compiled when first asked for; may be used from any thread.

    The last few stay in memory. Whatever cannot be compiled is remembered as such.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._kept: OrderedDict[str, Strategy] = OrderedDict()
        self._lost: dict[str, DamageError | ProjectError] = {}
        self._guard = threading.RLock()

    def put(self, strategy: Strategy) -> None:
        """Keep what was compiled elsewhere."""
        with self._guard:
            revision = strategy.plan.revision
            self._kept[revision] = strategy
            self._kept.move_to_end(revision)
            self._lost.pop(revision, None)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    def of(self, revision: str) -> Strategy:
        """Give a revision by its content hash.

        Raises:
            UnknownError: the store has no such revision.
            DamageError: its bundle contradicts its digest, or is not what the hash names.
            ProjectError: this version of Opportune no longer accepts it.
            StoreError: the store cannot be read.
        """
        with self._guard:
            known = self._kept.get(revision)
            if known is not None:
                self._kept.move_to_end(revision)
                return known
            if revision in self._lost:
                raise self._lost[revision]
            try:
                strategy = self._read(revision)
            except (DamageError, ProjectError) as error:
                self._lost[revision] = error
                raise
            self.put(strategy)
            return strategy

    def plan(self, revision: str) -> Plan | None:
        """Give the plan of a revision; None where it is not to be had."""
        try:
            return self.of(revision).plan
        except (UnknownError, DamageError, ProjectError):
            return None

    def _read(self, revision: str) -> Strategy:
        kept = self._storage.revision(revision)
        if kept is None:
            raise UnknownError.of("revision", "the store has no such revision", code="not-found")
        strategy = strategy_from_bundle(kept.bundle)
        if strategy.plan.revision != revision:
            raise DamageError(f"bundle of revision {kept.number}: it is not what its hash names")
        return strategy


def reason_of(error: OpportuneError) -> str:
    """Say in a line why a revision cannot be used."""
    if isinstance(error, ProjectError):
        more = len(error.problems) - 1
        return f"{error.problems[0]}{f' (and {more} more)' if more else ''}"
    return str(error)
