"""What of a strategy can have no effect, or had none on the contacts that were looked at."""

from __future__ import annotations

from collections.abc import Iterator

from opportune.evaluate.foresight.cases import Side
from opportune.evaluate.foresight.domination import dominated
from opportune.evaluate.foresight.funnel import Conflict, Funnel
from opportune.evaluate.foresight.reach import unreachable_limits
from opportune.rules.contradiction import contradictory

__all__ = ["conflicts"]


def conflicts(side: Side, funnel: Funnel) -> tuple[Conflict, ...]:
    """List conflicts, those that follow from the strategy first.

    Args:
        funnel: of contacts that the strategy decided.
    """
    certain = [*_mandatory(side), *_bundles(side), *dominated(side.plan), *unreachable_limits(side.plan)]
    known = {one.subject for one in certain}
    seen = [one for one in (*_actions(side, funnel), *_policies(funnel)) if one.subject not in known]
    return (*certain, *seen)


def _mandatory(side: Side) -> Iterator[Conflict]:
    """Find actions that their own rules keep out whenever they are to go first."""
    plan = side.plan
    if plan.mandatory_rules is None:
        return
    for place, action in enumerate(plan.actions):
        if side.project.actions[action.name].mandatory is None:
            continue
        gate = [rule for layer in range(3) for rule in plan.gate.conditions[layer * len(plan.actions) + place]]
        reason = contradictory([*plan.mandatory_rules.conditions[place], *gate])
        if reason is not None:
            yield Conflict(code="never-mandatory", subject=f"action:{action.name}", detail=(reason,), certain=True)


def _bundles(side: Side) -> Iterator[Conflict]:
    """Find bundles whose parts are never allowed together."""
    plan = side.plan
    for bundle in plan.links.bundles:
        rules = [
            rule
            for layer in range(3)
            for action in sorted(bundle.actions)
            for rule in plan.gate.conditions[layer * len(plan.actions) + action]
        ]
        reason = contradictory(rules)
        if reason is not None:
            yield Conflict(code="never-bundled", subject=f"bundle:{bundle.name}", detail=(reason,), certain=True)


def _actions(side: Side, funnel: Funnel) -> Iterator[Conflict]:
    for one in funnel.actions:
        if not one.candidates or not side.project.is_active(one.action):
            continue
        subject = f"action:{one.action}"
        if not one.passed:
            owner, rule = ("", "") if one.most is None else (one.most.owner, one.most.rule or one.most.stage)
            yield Conflict(code="never-passed", subject=subject, detail=(owner, rule), number=one.most_dropped)
        elif not one.shown:
            detail = tuple(name for name, _ in one.rivals)
            yield Conflict(code="never-shown", subject=subject, detail=detail, number=one.passed)


def _policies(funnel: Funnel) -> Iterator[Conflict]:
    for one in funnel.policies:
        if not one.dropped:
            code = "limit-idle" if one.policy.owner.startswith("limit:") else "rule-idle"
            yield Conflict(code=code, subject=one.policy.owner, detail=(one.policy.rule or one.policy.stage,))
