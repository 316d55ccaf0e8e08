"""What a change is expected to earn, told from recorded answers where they can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import msgspec

from opportune.evaluate.foresight import Case, Outlook
from opportune.evaluate.foresight.outlook import Effect
from opportune.evaluate.off_policy import BEST, Bootstrap, Judgement, Verdict, judge
from opportune.evaluate.off_policy.recorded import Span
from opportune.service.course import Course
from opportune.service.judged_log import judged_log
from opportune.service.revisions import Strategy
from opportune.storage import Storage

__all__ = ["told_by_journal", "without_journal"]

OTHER_LIMITS = "contact policies, stocks or fatigue change, and recorded decisions know only those of their day"


def told_by_journal(
    storage: Storage, course: Course, seen: Outlook, after: Strategy, cases: Sequence[Case], kernel: str
) -> Outlook:
    """Put what the journal tells of each goal in the place of the model's expectation; where it cannot, say why.

    Args:
        seen: of recorded contacts, before is the published revision.
        cases: these contacts; all recorded decisions of their span are read.

    Raises:
        StoreError: the store cannot be read.
    """
    moments = [case.at for case in cases]
    span = Span(min(moments), max(moments) + timedelta(microseconds=1))
    spec = next(spec for spec in after.plan.models if spec.name == after.plan.champion)
    plan = replace(after.plan, models=(spec,))
    log = judged_log(storage, course, after, plan, span, kernel)
    bootstrap = Bootstrap(log.person)
    found = {name: judge(log.sample(place), bootstrap) for place, name in enumerate(log.rewards)}
    expected = {effect.goal: effect for effect in seen.effects or ()}
    effects = [_told(name, goal.unit, found[name], expected.get(name)) for name, goal in after.project.goals.items()]
    return msgspec.structs.replace(seen, effects=tuple(effect for effect in effects if effect is not None))


def without_journal(seen: Outlook) -> Outlook:
    """Leave the model's expectation, and say why recorded answers cannot tell."""
    effects = [msgspec.structs.replace(effect, remarks=(OTHER_LIMITS,)) for effect in seen.effects or ()]
    return msgspec.structs.replace(seen, effects=None if seen.effects is None else tuple(effects))


def _told(goal: str, unit: str, found: Judgement, expected: Effect | None) -> Effect | None:
    remarks = tuple(remark.text for remark in found.remarks)
    if found.verdict is Verdict.REFUSED or found.gain is None:
        refused = tuple(remark.text for remark in found.remarks if remark.refuses)
        return None if expected is None else msgspec.structs.replace(expected, remarks=refused)
    return Effect(
        goal=goal,
        unit=unit,
        told_by="journal",
        before=found.observed.value,
        after=found.estimates[BEST].value,
        gain=found.gain,
        remarks=remarks,
    )
