"""Which names became others from the revision before: by the project's word, and back when one is taken back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from opportune.decide import Plan
from opportune.learning import USUAL
from opportune.outcomes import Names
from opportune.records import Renamed
from opportune.service.revisions import Strategy
from opportune.strategy.project import Project

__all__ = ["knowing", "plan_knowing", "renamed_since"]


def knowing(strategy: Strategy, names: Names) -> Strategy:
    """Let limits and features know what earlier revisions called otherwise.

    The strategy's own files need not say so any more, and those of a revision from before a rename never did.
    """
    plan = plan_knowing(strategy.plan, names)
    if plan is strategy.plan:
        return strategy
    return replace(strategy, plan=plan, features=strategy.features.knowing(plan.limits.former))


def plan_knowing(plan: Plan, names: Names) -> Plan:
    """Do as `knowing` with a plan alone."""
    limits = plan.limits
    former = _former(names.actions, limits.actions, limits.former)
    former_groups = _former(names.groups, limits.groups, limits.former_groups)
    if former == limits.former and former_groups == limits.former_groups:
        return plan
    return replace(plan, limits=replace(limits, former=former, former_groups=former_groups))


def _former(known: Mapping[str, str], own: Collection[str], declared: Mapping[str, str]) -> dict[str, str]:
    """Add to the declared former names those that are known; what something is called today is no former name."""
    return {old: new for old, new in known.items() if new in own and old not in own} | dict(declared)


def renamed_since(before: Project, after: Project, names: Names) -> tuple[Renamed, ...]:
    """List the renames that lead from one revision to the next.

    A project goes on saying `renamed_from` long after; what the store knows already is left out. A revision from before
    a rename, published again, takes the name back.

    Args:
        names: what earlier revisions called otherwise.
    """
    groups = _pairs({name: one.renamed_from for name, one in after.groups.items()}, before.groups, names.groups)
    actions = _pairs({name: one.renamed_from for name, one in after.actions.items()}, before.actions, names.actions)
    declared_models = {name: one.renamed_from for name, one in after.models.items()}
    models = _pairs(declared_models, before.models or (USUAL.name,), names.models)
    found = [Renamed("group", old, new) for old, new in groups]
    found += [Renamed("model", old, new) for old, new in models]
    found += [Renamed("action", old, new) for old, new in actions]
    former = {new: old for old, new in actions}
    for name, action in after.actions.items():
        old_action = before.actions.get(former.get(name, name))
        for channel, treatments in action.treatments.items():
            known = {
                old: new
                for (its_channel, its_action, old), new in names.treatments.items()
                if (its_channel, its_action) == (channel, former.get(name, name))
            }
            old_treatments = {} if old_action is None else old_action.treatments.get(channel, {})
            declared = {own: treatment.renamed_from for own, treatment in treatments.items()}
            found += [
                Renamed("treatment", old, new, channel, name) for old, new in _pairs(declared, old_treatments, known)
            ]
    return tuple(found)


def _pairs(
    declared: Mapping[str, Iterable[str]], before: Iterable[str], names: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Pair old and new names.

    Args:
        declared: name → names that it had, by the project's word.
        before: names of the revision before.
        names: former name → what it is called in the revision before.
    """
    present = set(before)
    forward = [(former, name) for name, formers in declared.items() for former in formers if names.get(former) != name]
    taken = {new for _, new in forward}
    back = [
        (names[name], name)
        for name in declared
        if name not in present and name not in taken and names.get(name) in present - set(declared)
    ]
    return sorted(forward + back)
