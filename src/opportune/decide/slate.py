"""What links the candidates of one answer: exclusivity, quotas, parts that stay apart, bundles and minima.

Notation: A actions, C candidates. What the rules mean, and which slate is the best, stands in docs/concepts/slate.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.records import Facts
from opportune.rules import RuleSet

__all__ = ["NO_LINKS", "Apart", "Bundle", "Links", "Minimum", "Most", "alike", "exclusive_rows"]

Booleans = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Most:
    """At most `most` of `members`, bool [C], in the whole answer or in every placement of it; `what` they are."""

    name: str
    what: str
    members: Booleans
    most: int
    in_answer: bool


@dataclass(frozen=True, slots=True)
class Apart:
    """Candidates of different parts do not stand together; `part_of` intp [C], -1 for those of no part."""

    name: str
    parts: tuple[str, ...]
    part_of: Indices
    in_answer: bool


@dataclass(frozen=True, slots=True)
class Bundle:
    """Actions, by their index, that are shown all together in one placement, or not at all."""

    name: str
    actions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Minimum:
    """At least `least` of `members`, bool [C], where a rule is true; `rule` is its index in `Links.rules`, or None."""

    name: str
    what: str
    members: Booleans
    least: int
    in_answer: bool
    rule: int | None


@dataclass(frozen=True)
class Links:
    """All that a plan says of slates, beside exclusivity groups.

    Args:
        rules: conditions of minima.
        because: name of a rule of slates → its author's words for people.
    """

    quotas: tuple[Most, ...] = ()
    apart: tuple[Apart, ...] = ()
    bundles: tuple[Bundle, ...] = ()
    minima: tuple[Minimum, ...] = ()
    rules: RuleSet | None = None
    because: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing links candidates."""
        return not (self.quotas or self.apart or self.bundles or self.minima)

    @cached_property
    def is_counted(self) -> bool:
        """Whether nothing but quotas of the whole answer links candidates, which can be counted place by place."""
        return not (self.apart or self.bundles or self.minima) and all(quota.in_answer for quota in self.quotas)

    def wanted(self, facts: Facts) -> tuple[Minimum, ...]:
        """Give the minima that hold for somebody; what is not known asks for nothing."""
        if self.rules is None:
            return self.minima
        holds = self.rules.passed(facts)
        return tuple(one for one in self.minima if one.rule is None or holds[one.rule])

    @cached_property
    def bundle_of(self) -> dict[int, int]:
        """Action → its bundle."""
        return {action: number for number, bundle in enumerate(self.bundles) for action in bundle.actions}


NO_LINKS = Links()


def exclusive_rows(exclusion: Booleans, names: tuple[str, ...]) -> tuple[Most, ...]:
    """Say exclusivity groups, bool [X, C], as quotas of one."""
    return tuple(Most(name, "", members, 1, True) for name, members in zip(names, exclusion, strict=True))


def alike(links: Links, rows: tuple[Most, ...], action_of: Indices) -> npt.NDArray[np.int64]:
    """Number candidates so that two of one number differ in nothing but their priority, int64 [C].

    Members of bundles, and actions with several candidates, have numbers of their own.
    """
    several = np.bincount(action_of)[action_of] > 1
    bundled = np.isin(action_of, list(links.bundle_of))
    columns: list[npt.NDArray[Any]] = [np.where(several | bundled, action_of + 1, 0)]
    columns += [row.members for row in (*rows, *links.quotas)]
    columns += [one.members for one in links.minima]
    columns += [one.part_of for one in links.apart]
    table = np.stack([np.asarray(column, dtype=np.int64) for column in columns])
    numbers: npt.NDArray[np.int64] = np.unique(table, axis=1, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return numbers
