"""What goals get under other weights, told from recorded answers where they can tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np

from opportune.decide import Plan
from opportune.evaluate.foresight import Case
from opportune.evaluate.goals.tradeoff import Rows
from opportune.evaluate.off_policy import BEST, ESTIMATORS, Bootstrap, Verdict, judge
from opportune.evaluate.off_policy.log import Log
from opportune.evaluate.off_policy.recorded import Span
from opportune.service.course import Course
from opportune.service.judged_log import judged_log
from opportune.service.revisions import Strategy
from opportune.storage import Storage

__all__ = ["goal_answers"]

TIRES = "what contacts cost does not show in answers"


def goal_answers(
    storage: Storage,
    course: Course,
    strategy: Strategy,
    plans: Sequence[Plan],
    cases: Sequence[Case],
    kernel: str,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Rows:
    """Estimate what each goal would have got by the first places of all recorded decisions of a span, doubly robust.

    Args:
        plans: the strategy's own with other weights.
        cases: recorded; all decisions of their span are read.
        tell: called with (plans done, plans).

    Raises:
        StoreError: the store cannot be read.
    """
    moments = [case.at for case in cases]
    span = Span(min(moments), max(moments) + timedelta(microseconds=1))
    spec = next(spec for spec in strategy.plan.models if spec.name == strategy.plan.champion)
    logs: list[Log] = []
    for done, plan in enumerate(plans, start=1):
        logs.append(judged_log(storage, course, strategy, replace(plan, models=(spec,)), span, kernel))
        tell(done, len(plans))
    return _rows(strategy.plan, logs)


def _rows(plan: Plan, logs: Sequence[Log]) -> Rows:
    first = len(plan.scored)
    bootstrap = Bootstrap(logs[0].person)
    amounts = np.zeros((len(logs), len(logs[0].person), len(plan.goals)))
    remarks: dict[str, tuple[str, ...]] = {}
    unknown = set()
    tiring = {fatigue.goal for fatigue in plan.fatigues}
    for place, goal in enumerate(plan.goals):
        samples = [log.sample(first + place) for log in logs]
        found = [judge(sample, bootstrap) for sample in samples]
        is_refused = any(one.verdict is Verdict.REFUSED for one in found)
        said = dict.fromkeys(remark.text for one in found for remark in one.remarks if remark.refuses or not is_refused)
        if place in tiring:
            said[TIRES] = None
        if is_refused or place in tiring:
            unknown.add(goal.name)
        else:
            for number, sample in enumerate(samples):
                amounts[number, :, place] = ESTIMATORS[BEST](sample).over
        if said:
            remarks[goal.name] = tuple(said)
    return Rows("answers", logs[0].person, amounts, remarks=remarks, unknown=frozenset(unknown))
