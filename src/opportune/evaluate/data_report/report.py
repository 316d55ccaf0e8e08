"""Put a data report together: from what processes counted, and from the journal's decisions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from opportune.customers.quality import KINDS, Counts, Tally, Thresholds
from opportune.decide.limits.consents import is_unprofiled
from opportune.evaluate.compared import compared, facts_of
from opportune.evaluate.data_report.parts import Concern, DataReport, InputQuality
from opportune.evaluate.model_report.inputs import inputs
from opportune.evaluate.model_report.parts import InputHealth
from opportune.learning import Predictor
from opportune.records import Facts, ValueType
from opportune.storage import Entry, Storage
from opportune.storage.kinds import DecisionBody

__all__ = ["Comparison", "comparison_of", "concerns", "counted", "report_of"]

NOW_DECISIONS = 1_000
BEFORE_DECISIONS = 2_000
"""Fewer than a model report reads: a service looks at them again and again."""
DECISIONS_LEAST = 100
"""Fewer say nothing of a share."""
_TELLING = (ValueType.NUMBER, ValueType.INTEGER, ValueType.TEXT, ValueType.TEXTS)
"""Types of which a value can be new; of moments every one is."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Inputs of decisions now against those before, and how many decisions were read on either side."""

    health: dict[str, InputHealth]
    before: int
    now: int
    recorded: Counts | None = None
    """What those of now had and lacked."""


def comparison_of(storage: Storage, known: Sequence[Predictor]) -> Comparison:
    """Read decisions of the journal and compare them; blocks.

    Raises:
        StoreError: the store cannot be read.
    """
    now, before = compared(storage, NOW_DECISIONS, BEFORE_DECISIONS)
    found = inputs(known, [facts_of(entry) for entry in before], [facts_of(entry) for entry in now])
    return Comparison({one.predictor: one for one in found}, len(before), len(now), counted(known, now))


def counted(known: Sequence[Predictor], entries: Sequence[Entry]) -> Counts | None:
    """Count recorded decisions as a service counts those that it makes; None where there are none."""
    if not entries:
        return None
    tally = Tally([one.name for one in known], entries[0].occurred_at)
    for entry in entries:
        facts, body = facts_of(entry), entry.body
        assert isinstance(body, DecisionBody)
        is_known = (entry.person is not None or _has_customer(facts)) and not is_unprofiled(body.holds)
        tally.note_facts(facts, is_known, body.doubts)
    return tally.counts()


def _has_customer(facts: Facts) -> bool:
    return any(name.startswith("customer.") for name in facts)


def report_of(
    project: str,
    revision: str,
    known: Sequence[Predictor],
    closed: Collection[str],
    thresholds: Thresholds,
    comparison: Comparison,
    counts: Counts | None,
    processes: int,
    at: datetime,
) -> DataReport:
    """Judge the inputs of decisions.

    Args:
        known: inputs that the project declares.
        closed: those whose values the project lists, of which none can be new.
        counts: of running processes, added up; None takes what the journal's newest decisions say.
        processes: how many those are.
    """
    taken = comparison.recorded if counts is None else counts
    found = [_input(one, one.name in closed, taken, comparison.health.get(one.name)) for one in known]
    worries = concerns(found, thresholds)
    worried = {one.input for one in worries}
    return DataReport(
        project=project,
        revision=revision,
        at=at,
        since=None if taken is None else taken.since,
        processes=0 if counts is None else processes,
        decisions=0 if taken is None else taken.decisions,
        known=0 if taken is None else taken.known,
        decisions_before=comparison.before,
        decisions_now=comparison.now,
        inputs=tuple(sorted(found, key=lambda one: (one.input not in worried, one.input))),
        concerns=tuple(worries),
    )


def _input(one: Predictor, is_closed: bool, counts: Counts | None, health: InputHealth | None) -> InputQuality:
    name = one.name
    base = 0 if counts is None else counts.base(name)
    doubts = {} if counts is None else counts.doubts
    refused = 0 if counts is None else counts.refused.get(name, 0)
    unfit = doubts.get("unfit", {}).get(name, 0) + refused

    def share(kind: str) -> float | None:
        return doubts.get(kind, {}).get(name, 0) / base if base else None

    tells_new = one.type in _TELLING and not is_closed and health is not None and health.drift is not None
    return InputQuality(
        input=name,
        type=one.type.value,
        decisions=base,
        missing=counts.absent.get(name, 0) / base if counts is not None and base else None,
        stale=share("stale"),
        late=share("late"),
        unfit=unfit / (base + refused) if base + refused else None,
        refused=refused,
        unseen=health.never_seen if tells_new and health is not None else None,
        drift=None if health is None else health.drift,
        groups=() if health is None else health.groups,
    )


def concerns(found: Iterable[InputQuality], thresholds: Thresholds) -> list[Concern]:
    """Name the inputs that pass a threshold, those first that pass it by the greatest factor."""
    worries = []
    for one in found:
        for kind in KINDS:
            value = one.value(kind)
            is_counted = kind in ("unseen", "drift") or one.decisions + one.refused >= DECISIONS_LEAST
            if value is not None and is_counted and value > (threshold := thresholds.of(kind, one.input)):
                worries.append(Concern(input=one.input, kind=kind, value=value, threshold=threshold))
    return sorted(worries, key=lambda one: (-one.value / max(one.threshold, 1e-9), one.input, one.kind))
