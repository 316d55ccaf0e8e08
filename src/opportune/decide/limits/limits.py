"""Contact policies and stocks of one revision, compiled.

Notation: C candidates of the plan, A its actions. Names of groups and actions are those of today.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from opportune.decide.limits.windows import Length

__all__ = ["NO_LIMITS", "Apart", "AtMost", "Limits", "Minors", "Policy", "Purpose", "Quiet", "Rest", "Scope", "Stock"]

Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

MEMBERS_MAX = 1_000
"""Kinds of holds whose candidates are remembered."""


@dataclass(frozen=True)
class Scope:
    """What a contact policy covers: it counts these contacts, and holds these candidates.

    Args:
        mask: bool [C].
        actions: their names.
        channels: where; None is everywhere.
        groups: group → how many of these actions it has.
        strangers: whether contacts with actions count that the strategy no longer has.
    """

    mask: Booleans
    actions: frozenset[str]
    groups: Mapping[str, int]
    channels: frozenset[str] | None
    strangers: bool

    def sizes(self, per: str) -> Mapping[str, int]:
        """Give the part of a hold → of how many actions it counts the contacts, where they are counted `per` that."""
        return self._groups if per == "group" else self._everybody

    @cached_property
    def _groups(self) -> Mapping[str, int]:
        return {f"group:{group}": size for group, size in self.groups.items()}

    @cached_property
    def _everybody(self) -> Mapping[str, int]:
        return {"": len(self.actions)}


@dataclass(frozen=True, slots=True)
class AtMost:
    """At most `most` contacts within a window, counted per person, group or action.

    Args:
        over: level whose members' contacts count together; "" is the person's own.
    """

    name: str
    scope: Scope
    most: int
    within: Length
    counts: frozenset[str]
    per: Literal["person", "group", "action"]
    because: str = ""
    over: str = ""


@dataclass(frozen=True, slots=True)
class Rest:
    """Once `outcome` came `times` times within a window, without `without` since, what it was about rests.

    Args:
        within: None where one time is enough.
    """

    name: str
    scope: Scope
    outcome: str
    times: int
    within: Length | None
    without: str | None
    rest: Length
    rests: Literal["action", "group", "all"]
    because: str = ""
    over: str = ""


@dataclass(frozen=True, slots=True)
class Quiet:
    """No contact from `begin` until `end`, in minutes of the customer's day, on `days` (0 is Monday) when it begins."""

    name: str
    scope: Scope
    begin: int
    end: int
    days: frozenset[int]
    because: str = ""


@dataclass(frozen=True, slots=True)
class Apart:
    """At least so long between two contacts."""

    name: str
    scope: Scope
    length: Length
    because: str = ""
    over: str = ""


Policy = AtMost | Rest | Quiet | Apart


@dataclass(frozen=True, slots=True)
class Stock:
    """Something that runs out.

    Args:
        units: pieces, minutes, or smallest units of money, per period.
        period: "hour", "day", "week", "month", "year", or "" for once and for all.
        paced: whether it is let out evenly over its period.
        uses: int64 [C], what showing a candidate takes; 0 where it takes none.
        amounts: what each action that uses it takes, ascending, one at least.
        currency, decimals: of money; else "" and 0.
    """

    name: str
    units: int
    period: str
    paced: bool
    lease: Length
    confirmed_by: tuple[str, ...]
    released_by: tuple[str, ...]
    uses: Integers
    amounts: tuple[int, ...]
    unit: Literal["units", "minutes", "money"] = "units"
    currency: str = ""
    decimals: int = 0

    @property
    def largest(self) -> int:
        """The most that showing one action takes."""
        return self.amounts[-1]


@dataclass(frozen=True, slots=True)
class Purpose:
    """What persons are asked about before it is done.

    Args:
        basis: whether somebody who said nothing has agreed: with "consent" not, with "objection" so.
        masks: channel → what it covers there, bool [C]; a channel that is missing is not asked about.
        profiling: whether it is the use of what is known of the person; then it covers no candidate.
    """

    name: str
    basis: Literal["consent", "objection"]
    masks: Mapping[str, Booleans]
    profiling: bool = False
    because: str = ""


@dataclass(frozen=True, slots=True)
class Minors:
    """Who is decided for without what is known of the person, being too young for it.

    Args:
        fact: the age in years, or the moment of birth.
        below: age in years at which somebody is a minor no longer.
        unknown: whether somebody whose age is not known counts as one.
    """

    fact: str
    below: int
    unknown: bool


@dataclass(frozen=True)
class Limits:
    """All limits of one revision.

    Args:
        zone: of the project, in which periods of stocks begin.
        actions: action → its slice of the candidates, its group and its kind.
        groups: group → its slice of the candidates.
        former, former_groups: former name of an action or a group → its name of today.
    """

    zone: str = "UTC"
    policies: tuple[Policy, ...] = ()
    stocks: Mapping[str, Stock] = field(default_factory=dict)
    actions: Mapping[str, tuple[slice, str, str]] = field(default_factory=dict)
    groups: Mapping[str, slice] = field(default_factory=dict)
    former: Mapping[str, str] = field(default_factory=dict)
    size: int = 0
    """How many candidates the plan has."""
    horizon_seconds: int = 0
    """How old a contact may be that still counts, be it for what contacts cost a goal."""
    former_groups: Mapping[str, str] = field(default_factory=dict)
    purposes: tuple[Purpose, ...] = ()
    minors: Minors | None = None
    personal: frozenset[str] = frozenset()
    """Facts of the context that say something about the person, such as "context.mood"."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing but a switch can hold anything back."""
        return not self.policies and not self.stocks and not self.purposes and self.minors is None

    @property
    def needs_contacts(self) -> bool:
        """Whether a person's history has to be read: what was agreed to is read with it."""
        return self.horizon_seconds > 0 or bool(self.purposes)

    @cached_property
    def levels(self) -> frozenset[str]:
        """Levels whose members' contacts some policy counts together."""
        return frozenset(policy.over for policy in self.policies if not isinstance(policy, Quiet) and policy.over)

    @cached_property
    def uses(self) -> Mapping[str, Mapping[str, int]]:
        """Action → stock → units that showing it takes."""
        found: dict[str, dict[str, int]] = {}
        for name, stock in self.stocks.items():
            for action, (own, _, _) in self.actions.items():
                units = int(stock.uses[own.start]) if own.start < own.stop else 0
                if units:
                    found.setdefault(action, {})[name] = units
        return found

    @cached_property
    def parts(self) -> Mapping[str, Mapping[str, str]]:
        """What is counted apart → action → the part of a hold that names its counter."""
        return {
            "action": {name: f"action:{name}" for name in self.actions},
            "group": {name: f"group:{group}" for name, (_, group, _) in self.actions.items()},
        }

    @cached_property
    def covers(self) -> Mapping[str, Booleans]:
        """What every limit covers, bool [C]; nobody writes to it."""
        covers = {policy.name: policy.scope.mask for policy in self.policies}
        for purpose in self.purposes:
            nothing = np.zeros(self.size, dtype=bool)
            covers[purpose.name] = np.logical_or.reduce([nothing, *purpose.masks.values()])
        return covers | {name: stock.uses > 0 for name, stock in self.stocks.items()}

    def today(self, target: str) -> str:
        """Give "action:<name>" or "group:<name>" by the name of today."""
        kind, _, name = target.partition(":")
        former = self.former_groups if kind == "group" else self.former
        return f"{kind}:{former.get(name, name)}"

    def policy(self, name: str) -> Policy | None:
        """Find a contact policy; None where there is none of that name."""
        return next((policy for policy in self.policies if policy.name == name), None)

    def purpose(self, name: str) -> Purpose | None:
        """Find a purpose; None where there is none of that name."""
        return next((purpose for purpose in self.purposes if purpose.name == name), None)

    def place(self, part: str) -> slice:
        """Give where the candidates of "group:<name>" or "action:<name>" lie; all for any other part."""
        kind, _, name = part.partition(":")
        if kind == "action":
            return self.actions[name][0] if name in self.actions else slice(0, 0)
        if kind == "group":
            return self.groups.get(name, slice(0, 0))
        return slice(0, self.size)

    def cover(self, limit: str) -> Booleans | None:
        """Give what a limit covers, bool [C]; None where that is everything, as of a switch.

        A limit that this revision does not have covers nothing: a recorded hold may be of another one.
        """
        if not limit:
            return None
        cover = self.covers.get(limit)
        return np.zeros(self.size, dtype=bool) if cover is None else cover

    def members(self, limit: str, part: str) -> Booleans:
        """Give which candidates a hold binds, bool [C]; nobody writes to it. See `Hold.part`."""
        known = self._members.get((limit, part))
        if known is None:
            if len(self._members) >= MEMBERS_MAX:
                self._members.clear()
            known = self._members[limit, part] = self._find_members(limit, part)
        return known

    @cached_property
    def _members(self) -> dict[tuple[str, str], Booleans]:
        """What was asked for before."""
        return {}

    def _find_members(self, limit: str, part: str) -> Booleans:
        members = np.zeros(self.size, dtype=bool)
        stock, (kind, _, bound) = self.stocks.get(limit), part.partition(":")
        if stock is not None and kind == "over":
            return stock.uses > int(bound)
        if stock is not None and kind == "within":
            return (stock.uses > 0) & (stock.uses <= int(bound))
        if kind == "channel":
            purpose = self.purpose(limit)
            return members if purpose is None else purpose.masks.get(bound, members)
        if kind == "profile":
            return members
        own, cover = self.place(part), self.cover(limit)
        members[own] = True if cover is None else cover[own]
        return members


NO_LIMITS = Limits()
