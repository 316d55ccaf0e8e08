"""Proof that decisions follow from what is kept of them: the last ones, decided again and compared byte by byte."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from opportune.decide import Draws, Plan, State, decide
from opportune.decide.pipeline import canonical, gathered_in
from opportune.errors import Problem
from opportune.learning import PropensityModel
from opportune.outcomes import Learner
from opportune.records import Decision
from opportune.service.course import Course
from opportune.service.training import STATES, Progress, checkpoint_before, fold, led_on
from opportune.storage import Kind, Storage, StoredDecision

__all__ = ["Redecided", "prove_decisions"]

DECISIONS = 100
"""Decisions that are decided again: their models are one pass over the journal away from a checkpoint or two."""
PAGE = 1_000
_PREFIX = "customer."


class Redecided(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the last decisions were decided again.

    Args:
        compared: decided again and compared byte by byte.
        degraded: answered by the fallback, which asks no model; left out.
        gone: left out because of erased facts, a checkpoint that is no longer kept, a revision that this version no
            longer compiles, or a kernel that is not installed.
    """

    compared: int
    degraded: int
    gone: int


def prove_decisions(storage: Storage, progress: Progress = lambda done, total: None) -> tuple[Redecided, list[Problem]]:
    """Decide the last decisions again, each with its plan, its facts, its seed and the model as it was.

    Args:
        progress: called with (decisions done, decisions to do).

    Returns:
        how many were compared and left out, and those that come out otherwise.

    Raises:
        StoreError: the store cannot be read.
    """
    chosen, degraded, gone = _chosen(storage)
    past = _Past(storage)
    problems: list[Problem] = []
    compared = 0
    for done, stored in enumerate(chosen, start=1):
        plan, model = past.of(stored.decision)
        if plan is None or model is None:
            gone += 1
        else:
            compared += 1
            fault = _fault(plan, model, stored.decision)
            if fault:
                where = f"decision {stored.decision.id}, journal entry {stored.sequence}"
                problems.append(Problem("", 0, 0, where, fault, "", "decision-differs"))
        progress(done, len(chosen))
    return Redecided(compared=compared, degraded=degraded, gone=gone), problems


def _chosen(storage: Storage) -> tuple[list[StoredDecision], int, int]:
    """Pick the last decisions that can be decided again, in journal order; count those passed by on the way."""
    chosen: list[StoredDecision] = []
    degraded = gone = 0
    for stored in _backwards(storage):
        if stored.decision.degraded is not None:
            degraded += 1
        elif not stored.recomputable:
            gone += 1
        else:
            chosen.append(stored)
            if len(chosen) == DECISIONS:
                break
    return chosen[::-1], degraded, gone


def _backwards(storage: Storage) -> Iterator[StoredDecision]:
    high = storage.last_sequence()
    while high > 0:
        low = max(0, high - PAGE)
        for entry in reversed(storage.journal(low, PAGE, (Kind.DECISION,))):
            stored = storage.decision(entry.decision or "") if entry.sequence <= high else None
            if stored is not None:
                yield stored
        high = low


class _Past:
    """Models as they were, asked for in the order of the journal: each outcome is learned once."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._course = Course(storage)
        self._checkpoints = sorted({state.position for state in storage.model_states(STATES)})
        self._kernel = ""
        self._start = 0
        self._learner: Learner | None = None

    def of(self, decision: Decision) -> tuple[Plan | None, PropensityModel | None]:
        """Give plan and model of a decision; None for what cannot be had."""
        plan = self._course.plan(decision.revision)
        ahead = self._course.ahead(decision.position, decision.revision)
        if plan is None or ahead is None:
            return plan, None
        if self._is_stale(decision):
            self._learner = self._checkpoint(decision)
        if self._learner is None:
            return plan, None
        fold(self._storage, self._learner, self._course, until=decision.position)
        return plan, led_on(self._learner.taught, self._course, ahead).model

    def _is_stale(self, decision: Decision) -> bool:
        """Say whether the model at hand is of another kernel, ahead of the decision, or behind a newer checkpoint.

        A checkpoint is where a service began again, perhaps with another kernel: what it decided stands on that state.
        """
        if self._learner is None or self._kernel != decision.kernel:
            return True
        newest = max((one for one in self._checkpoints if one <= decision.position), default=0)
        return self._learner.position > decision.position or newest > self._start

    def _checkpoint(self, decision: Decision) -> Learner | None:
        self._kernel = decision.kernel
        try:
            learner = checkpoint_before(self._storage, self._course, decision.kernel, decision.position)
        except ValueError:
            # The kernel that decided is not installed here; another one gives other bytes.
            return None
        self._start = 0 if learner is None else learner.position
        return learner


def _fault(plan: Plan, model: PropensityModel, decision: Decision) -> str:
    """Decide again; say in which parts the answer differs, "" where in none."""
    state = State(
        model=model,
        position=decision.position,
        person=decision.person,
        profile={name: value for name, value in decision.facts.items() if name.startswith(_PREFIX)},
        holds=decision.holds,
        tired=decision.tired,
        gathered=gathered_in(decision),
        doubts=decision.doubts,
    )
    try:
        again = decide(plan, state, decision.request, decision.at, Draws(decision.seed), redrawn=decision.redrawn)
    except Exception as error:  # noqa: BLE001  A record that cannot even be decided is a finding, not a failure.
        return f"it cannot be decided again ({type(error).__name__})"
    again = replace(again, ignored=decision.ignored)
    if canonical(again) == canonical(decision):
        return ""
    parts = [
        name
        for name in decision.__struct_fields__
        if msgspec.json.encode(getattr(again, name), order="deterministic")
        != msgspec.json.encode(getattr(decision, name), order="deterministic")
    ]
    return f"deciding it again gives another record; different: {', '.join(parts)}"
