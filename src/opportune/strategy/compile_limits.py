"""Compile contact policies and stocks for the candidates of a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from opportune.decide.limits.limits import Apart, AtMost, Limits, Policy, Quiet, Rest, Scope, Stock
from opportune.decide.limits.windows import Length
from opportune.decide.plan import Fatigue
from opportune.learning.base import CandidateKey
from opportune.records import Sign
from opportune.strategy.codes import CURRENCY_DECIMALS
from opportune.strategy.compile_consents import compile_minors, compile_purposes, personal_facts
from opportune.strategy.project import Project
from opportune.strategy.sections import limits as sections
from opportune.strategy.sections.outcomes import SHOWN, Amount
from opportune.strategy.sections.times import Duration

__all__ = [
    "compile_limits",
    "covered_actions",
    "covered_channels",
    "horizon_seconds",
    "length_of",
    "scope_of",
    "stock_units",
    "use_units",
]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def compile_limits(project: Project, candidates: tuple[CandidateKey, ...], fatigues: Sequence[Fatigue] = ()) -> Limits:
    """Compile what was checked.

    Args:
        candidates: sorted by group and action.
        fatigues: which look back at contacts too.
    """
    actions = _slices([key.action for key in candidates])
    policies = tuple(_policy(project, name, section, candidates) for name, section in project.contact_policies.items())
    return Limits(
        zone=project.settings.time_zone,
        policies=policies,
        stocks={name: _stock(project, name, section, candidates) for name, section in project.stocks.items()},
        actions={name: (own, project.group_of[name], project.actions[name].kind) for name, own in actions.items()},
        groups=_slices([key.group for key in candidates]),
        former={former: name for name, action in project.actions.items() for former in action.renamed_from},
        former_groups={former: name for name, group in project.groups.items() for former in group.renamed_from},
        size=len(candidates),
        horizon_seconds=max(
            (*map(horizon_seconds, policies), *(fatigue.within.seconds_most for fatigue in fatigues)), default=0
        ),
        purposes=compile_purposes(project, candidates),
        minors=compile_minors(project),
        personal=personal_facts(project),
    )


def _slices(names: list[str]) -> dict[str, slice]:
    """Give where each name stands; equal names stand side by side."""
    sizes = Counter(names)
    return {name: slice(first, first + sizes[name]) for name in sizes for first in [names.index(name)]}


def horizon_seconds(policy: Policy) -> int:
    """Give how old a contact may be that a policy still counts."""
    match policy:
        case AtMost():
            return policy.within.seconds_most
        case Rest():
            return policy.rest.seconds_most + (policy.within.seconds_most if policy.within else 0)
        case Apart():
            return policy.length.seconds_most
    return 0


def _policy(
    project: Project, name: str, section: sections.ContactPolicy, candidates: tuple[CandidateKey, ...]
) -> Policy:
    scope, because, over = scope_of(project, section, candidates), section.because, section.over or ""
    if section.at_most is not None and section.within is not None:
        counts = frozenset(section.counts or (SHOWN,))
        per = section.per or "person"
        return AtMost(name, scope, section.at_most, length_of(section.within), counts, per, because, over)
    if section.after is not None and section.rest is not None:
        after = section.after
        within = None if after.within is None else length_of(after.within)
        rest, rests = length_of(section.rest), section.rests or "action"
        return Rest(name, scope, after.outcome, after.times, within, after.without, rest, rests, because, over)
    if section.quiet is not None:
        quiet = section.quiet
        return Quiet(name, scope, quiet.begin, quiet.until, frozenset(map(_DAYS.index, quiet.days)), because)
    assert section.apart is not None
    return Apart(name, scope, length_of(section.apart), because, over)


def length_of(section: Duration) -> Length:
    """Compile a length of time."""
    return Length(section.calendar_days, section.elapsed_seconds)


def covered_actions(project: Project, section: sections.ContactPolicy) -> frozenset[str]:
    """Name the actions that a contact policy covers."""
    is_limited = section.groups is not None or section.actions is not None
    return frozenset(
        name
        for name, action in project.actions.items()
        if action.kind not in section.exempt
        and (not is_limited or project.group_of[name] in (section.groups or ()) or name in (section.actions or ()))
    )


def covered_channels(project: Project, section: sections.ContactPolicy) -> frozenset[str]:
    """Name the channels in which a contact policy counts and holds."""
    return frozenset(
        name
        for name, channel in project.channels.items()
        if (section.channels is None or name in section.channels)
        and (section.directions is None or channel.direction in section.directions)
    )


def scope_of(project: Project, section: sections.ContactPolicy, candidates: tuple[CandidateKey, ...]) -> Scope:
    """Compile what a contact policy covers."""
    actions, channels = covered_actions(project, section), covered_channels(project, section)
    is_everywhere = section.channels is None and section.directions is None
    mask = [key.action in actions and key.channel in channels for key in candidates]
    return Scope(
        mask=np.array(mask, dtype=bool),
        actions=actions,
        groups=Counter(project.group_of[name] for name in sorted(actions)),
        channels=None if is_everywhere else channels,
        strangers=section.groups is None and section.actions is None,
    )


def _stock(project: Project, name: str, section: sections.Stock, candidates: tuple[CandidateKey, ...]) -> Stock:
    uses = {action: use_units(section, one.uses[name]) for action, one in project.actions.items() if name in one.uses}
    signs = {
        sign: [outcome for outcome, kind in project.outcomes.items() if kind.sign is sign]
        for sign in (Sign.POSITIVE, Sign.NEGATIVE)
    }
    confirming = section.confirmed_by or signs[Sign.POSITIVE]
    releasing = section.released_by or [one for one in signs[Sign.NEGATIVE] if one not in confirming]
    return Stock(
        name=name,
        units=stock_units(section),
        period=section.per or "",
        paced=section.pacing == "even",
        lease=length_of(section.lease),
        confirmed_by=tuple(confirming),
        released_by=tuple(releasing),
        uses=np.array([uses.get(key.action, 0) for key in candidates], dtype=np.int64),
        amounts=tuple(sorted(uses.values())),
        unit="money" if section.money is not None else "minutes" if section.minutes is not None else "units",
        currency=section.currency or "",
        decimals=CURRENCY_DECIMALS[section.currency] if section.currency else 0,
    )


def stock_units(section: sections.Stock) -> int:
    """Give the size of a stock in pieces, minutes or smallest units of money."""
    if section.money is None:
        return section.units or section.minutes or 0
    return _smallest(section.money, section.currency)


def use_units(section: sections.Stock, amount: Amount) -> int:
    """Give what an action uses of a stock in pieces, minutes or smallest units of money."""
    return _smallest(amount.number, section.currency) if section.money is not None else int(amount.number)


def _smallest(money: float, currency: str | None) -> int:
    """Count money in its smallest unit, by the decimals as they are written."""
    return int(Decimal(repr(money)).scaleb(CURRENCY_DECIMALS.get(currency or "", 0)))
