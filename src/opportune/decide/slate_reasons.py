"""Which rule of slates kept a candidate out, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from opportune.decide.limits.masks import quotas_of
from opportune.decide.plan import Plan
from opportune.decide.slate import Bundle
from opportune.records import Decision, Stage

__all__ = ["linked_reason", "minimum_reason"]

_COMPETING = (Stage.SHOWN, Stage.OUTRANKED, Stage.LINKED)


def linked_reason(plan: Plan, decision: Decision, number: int, index: int) -> str:
    """Say why what stands in an answer left no room for a candidate in one of its placements."""
    reasons = [
        f"{plan.links.because[name]} ({words})" if name in plan.links.because else words
        for name, words in _reasons(plan, decision, number, index)
    ]
    return "; ".join(reasons) or "the rules of slates left no room for it"


def _reasons(plan: Plan, decision: Decision, number: int, index: int) -> Iterator[tuple[str, str]]:
    """Give the name of every rule that kept it out, and what it says."""
    here = list(decision.traces[number].chosen)
    everybody = [candidate for trace in decision.traces for candidate in trace.chosen]
    for quota in plan.links.quotas:
        own = everybody if quota.in_answer else here
        count = sum(bool(quota.members[candidate]) for candidate in own)
        if quota.members[index] and count >= quota.most:
            yield quota.name, f"quota {quota.name}: {count} of {quota.most} of {quota.what}"
    held = [hold for hold in decision.holds if hold.left]
    for hold, limit in zip(held, quotas_of(plan.limits, held), strict=True):
        count = sum(bool(limit.members[candidate]) for candidate in everybody)
        if limit.members[index] and count >= limit.most:
            yield hold.limit, f"limit {hold.limit}: {count} of the {limit.most} that it leaves stand in the answer"
    for apart in plan.links.apart:
        own = everybody if apart.in_answer else here
        part = apart.part_of[index]
        others = sorted({plan.candidates[c].action for c in own if apart.part_of[c] not in (-1, part)})
        if part >= 0 and others:
            yield apart.name, f"{apart.name}: it does not stand together with {', '.join(others)}"
    bundle = plan.links.bundle_of.get(int(plan.action_of[index]))
    if bundle is not None:
        yield plan.links.bundles[bundle].name, _incomplete(plan, decision, number, plan.links.bundles[bundle])


def _incomplete(plan: Plan, decision: Decision, number: int, bundle: Bundle) -> str:
    """Say what a bundle lacks in a placement."""
    stages = np.frombuffer(decision.traces[number].stages, dtype=np.uint8)
    present = set(plan.action_of[np.isin(stages, _COMPETING)].tolist())
    missing = [plan.actions[action].name for action in bundle.actions if action not in present]
    if missing:
        return f"bundle {bundle.name} incomplete: {', '.join(missing)} cannot stand here"
    return f"bundle {bundle.name} needs {len(bundle.actions)} places"


def minimum_reason(plan: Plan, decision: Decision, number: int, index: int, ranks: Mapping[int, int]) -> str:
    """Say which minimum holds a place for somebody of lower priority; "" where none does.

    Args:
        ranks: candidate → 1-based order of priority.
    """
    here = decision.traces[number].chosen
    everybody = [candidate for trace in decision.traces for candidate in trace.chosen]
    for one in plan.links.wanted(decision.facts):
        own = everybody if one.in_answer else here
        count = sum(bool(one.members[candidate]) for candidate in own)
        lower = any(one.members[c] and ranks.get(c, 0) > ranks.get(index, 0) for c in here)
        if lower and count <= one.least and not one.members[index] and index in ranks:
            return f"minimum {one.name}: {count} of {one.least} of {one.what}"
    return ""
