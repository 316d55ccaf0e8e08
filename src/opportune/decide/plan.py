"""The compiled form of one revision: everything that a decision reads, as arrays.

Notation: A actions, C candidates (sorted by group, action, channel, treatment), O scored outcomes, G goals.

A plan is immutable. Its few caches only remember pure results.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from opportune.decide.content import Template
from opportune.decide.limits.limits import NO_LIMITS, Limits, Scope
from opportune.decide.limits.windows import Length
from opportune.decide.slate import NO_LINKS, Links, Most, alike, exclusive_rows
from opportune.learning.base import CandidateKey, Predictor
from opportune.learning.contest import ModelSpec
from opportune.learning.promotion import Promotion
from opportune.records import Sign, Value
from opportune.rules import RuleSet

__all__ = [
    "WITHHELD",
    "AmountBounds",
    "Channel",
    "ConditionalWeight",
    "ControlGroup",
    "Exploration",
    "Fatigue",
    "Goal",
    "Placement",
    "Plan",
    "PlanAction",
    "ZoneNames",
]

WITHHELD = "|withheld"
"""Behind the name of an outcome: how often it happens where the action is withheld. No outcome type has such a name."""

Floats = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PlanAction:
    """One action. `active_from` and `active_until` are POSIX seconds, until exclusive; switched off if not `active`."""

    name: str
    group: str
    kind: str
    active: bool
    active_from: float
    active_until: float
    exclusive: frozenset[str]


@dataclass(frozen=True, slots=True)
class Goal:
    """What the firm wants; the first segment that a customer is in sets the weight, `normal` units count as 1.

    Args:
        segments: (index of the segment's condition in `Plan.segments`, weight).
        sign: 1 where more of it is wanted, -1 where less is.
        unit: what it is counted in.
    """

    name: str
    weight: float
    normal: float
    segments: tuple[tuple[int, float], ...]
    sign: float = 1.0
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Fatigue:
    """What showing an action costs a goal for every contact that the person had already.

    Args:
        goal: its index.
        scope: which contacts count, and which candidates cost.
        each: cost per contact, in the goal's unit, above 0.
    """

    goal: int
    scope: Scope
    counts: frozenset[str]
    within: Length
    per: Literal["person", "group", "action"]
    each: float


@dataclass(frozen=True, slots=True)
class Exploration:
    """How places are drawn: "thompson", "igw" or "none".

    Args:
        scale: of the posterior spread, for "thompson".
        floor: share of draws spread over all candidates.
        ceiling: most that may go to others than the best, at least `floor`; 1 is no ceiling.
        gamma: of "igw"; None takes it from the evidence.
    """

    method: str
    scale: float
    floor: float
    ceiling: float = 1.0
    gamma: float | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """A slot of a channel.

    Args:
        fits: which candidates may stand there, bool [C].
        fallback: candidate indices.
        minimum_relevance: least propensity of outcome `relevant` (an index) that is shown; 0 shows all.
    """

    channel: str
    name: str
    size: int
    fits: Booleans
    fallback: tuple[int, ...]
    exploration: Exploration
    minimum_relevance: float = 0.0
    relevant: int = 0


@dataclass(frozen=True, slots=True)
class AmountBounds:
    """What amounts an outcome takes: from `low` to `high`; whole numbers of the smallest unit where it is money."""

    low: float
    high: float
    money: bool


@dataclass(frozen=True, slots=True)
class Channel:
    """Where contacts happen.

    Args:
        outcomes: with their sign; `amounts` are those that may say how much, with what amounts they take.
        window_seconds, window_default: after how long silence means what, if anything.
        tokens: whether answers carry a signed token.
        leads_on: outcomes that another one may follow, so that they leave response windows open.
    """

    name: str
    placements: Mapping[str, Placement]
    outcomes: Mapping[str, Sign]
    window_seconds: float | None
    window_default: str | None
    amounts: Mapping[str, AmountBounds] = field(default_factory=dict)
    tokens: bool = False
    leads_on: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """A share of persons decided for otherwise, drawn anew each period.

    Args:
        choose: "random", "propensity", "no_levers", or "withhold": decided for as all others, and shown nothing.
    """

    name: str
    share: float
    choose: str
    period: str


@dataclass(frozen=True, slots=True)
class ConditionalWeight:
    """`percent` added to the context weight of `candidates` where condition `rule` of `Plan.context_rules` is TRUE."""

    rule: int
    percent: float
    candidates: npt.NDArray[np.intp]


@dataclass(frozen=True)
class Plan:
    """One revision, compiled.

    Args:
        revision: content hash of the strategy.
        gate: 3A conditions: eligibility of all actions, then applicability, then suitability.
        action_of: intp [C], the action of each candidate.
        outcomes: the scored ones, then each once more with WITHHELD where a control group is shown nothing.
        values: float64 [G, O, C], worth of an outcome in units of the goal; `shown_values` float64 [G, C]. What
            happens where the action is withheld takes away its worth where scores are incremental, and else is worth 0.
        levers: float32 [C], group lever × action lever.
        mandatory: conditions [A] in `mandatory_rules`, or None where no action is ever mandatory.
        exclusion: bool [X, C], membership in exclusivity groups.
        content: language → texts, per candidate.
        models: champion and challengers; `champion` is the one that the project names.
        promotion: when a challenger takes over by itself, or None for never.
        ramp_up: float64 [2, A], share of draws to begin with and answers until free (0: always free), or None where
            no action is held back.
        answers_per_person, chance_per_person, quota_days: what one person may teach about an action within a period,
            see `opportune.outcomes.quota`; 0 answers is no bound.
        windows: (channel, action) → length of the response window in seconds and what silence means, of actions that
            have one of their own there.
    """

    revision: str
    name: str
    zone: str
    languages: tuple[str, ...]
    actions: tuple[PlanAction, ...]
    candidates: tuple[CandidateKey, ...]
    action_of: npt.NDArray[np.intp]
    channels: Mapping[str, Channel]
    gate: RuleSet
    segments: RuleSet
    context_rules: RuleSet
    context_weights: tuple[ConditionalWeight, ...]
    mandatory_rules: RuleSet | None
    goals: tuple[Goal, ...]
    outcomes: tuple[str, ...]
    values: npt.NDArray[np.float64]
    shown_values: npt.NDArray[np.float64]
    levers: Floats
    exclusion: Booleans
    control_groups: tuple[ControlGroup, ...]
    content: tuple[Mapping[str, Mapping[str, str]], ...]
    predictors: tuple[Predictor, ...]
    models: tuple[ModelSpec, ...]
    champion: str
    deadline_ms: float
    promotion: Promotion | None = None
    answers_per_person: int = 0
    chance_per_person: float = 0.0
    quota_days: int = 30
    windows: Mapping[tuple[str, str], tuple[float, str]] = field(default_factory=dict)
    ramp_up: npt.NDArray[np.float64] | None = None
    after: Mapping[str, str] = field(default_factory=dict)
    """Outcome → the one that happens before it. What it is after stands before it in `outcomes`; its head in the model
    learns how often it happens once that has."""
    amounts: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Outcome → smallest and largest amount, of those of which it is learned how much they are."""
    amount_units: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    """Outcome → what an amount of 1 as reported is for people, and in what: 0.01 and EUR."""
    amount_scale: npt.NDArray[np.float64] | None = None
    """float64 [G, O, C], worth of an amount of 1 as reported, in units of the goal; None where no amount is learned."""
    templates: Mapping[tuple[int, str], tuple[tuple[str, Template], ...]] = field(default_factory=dict)
    """(Candidate, language) → parts of its content into which values are put, and how."""
    inputs: Mapping[str, list[Value] | tuple[float, float, bool]] = field(default_factory=dict)
    """Per variable the declared values (texts, booleans) or (low, high, whole numbers only), for explanations."""
    because: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(Action, text of a rule that holds for it) → its author's words for people."""
    limits: Limits = NO_LIMITS
    """Contact policies and stocks."""
    links: Links = NO_LINKS
    """What links the candidates of a slate, beside exclusivity groups."""
    channel_factors: npt.NDArray[np.float64] | None = None
    """float64 [G, C], factor on a goal's weight in the channel of the candidate; None where all are 1."""
    fatigues: tuple[Fatigue, ...] = ()
    """What contacts cost that the person had already, by goal."""
    _worth: dict[tuple[float, ...], tuple[Floats, Floats]] = field(default_factory=dict, repr=False, compare=False)
    _standing: dict[tuple[str, str], tuple[float, float, npt.NDArray[np.uint8]]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def part_names(self) -> tuple[str, ...]:
        """Columns of a trace's `parts`; what else an explanation shows follows from plan and facts."""
        return (
            *(f"propensity.{outcome}" for outcome in self.outcomes),
            *(f"spread.{outcome}" for outcome in self.outcomes),
            *(f"evidence.{outcome}" for outcome in self.outcomes),
            "priority",
            "first_place_probability",
            *(() if self.ramp_up is None else ("largest_share",)),
            *(f"amount.{outcome}" for outcome in self.amounts),
        )

    @cached_property
    def scored(self) -> tuple[str, ...]:
        """The scored outcomes of what is shown; they come first in `outcomes`."""
        return tuple(outcome for outcome in self.outcomes if not outcome.endswith(WITHHELD))

    @cached_property
    def amount_heads(self) -> tuple[int, ...]:
        """Head of every outcome of `amounts`."""
        return tuple(self.outcomes.index(outcome) for outcome in self.amounts)

    @cached_property
    def exclusive(self) -> tuple[Most, ...]:
        """Exclusivity groups as quotas of one."""
        names = sorted({group for action in self.actions for group in action.exclusive})
        return exclusive_rows(self.exclusion, tuple(names))

    @cached_property
    def is_overlapping(self) -> bool:
        """Whether a candidate is in several exclusivity groups."""
        return bool(len(self.exclusion) and int(np.count_nonzero(self.exclusion, axis=0).max(initial=0)) > 1)

    @cached_property
    def like(self) -> npt.NDArray[np.int64]:
        """Numbers of candidates that are linked to the same others, int64 [C]."""
        return alike(self.links, self.exclusive, self.action_of)

    @cached_property
    def known(self) -> dict[Any, Any]:
        """What was worked out about completions of slates; it changes nothing but the time."""
        return {}

    def window_of(self, channel: str, action: str) -> tuple[float, str] | None:
        """After how many seconds silence about an action that a channel showed means what; None for nothing, ever."""
        of_channel = self.channels[channel]
        if (channel, action) in self.windows:
            return self.windows[channel, action]
        if of_channel.window_seconds is None or of_channel.window_default is None:
            return None
        return of_channel.window_seconds, of_channel.window_default

    @cached_property
    def steps(self) -> tuple[tuple[int, int], ...]:
        """(Head of an outcome, head of the one before it), in the order in which they happen."""
        found = []
        for head, outcome in enumerate(self.outcomes):
            name = outcome.removesuffix(WITHHELD)
            if name in self.after:
                found.append((head, self.outcomes.index(self.after[name] + outcome[len(name) :])))
        return tuple(found)

    @cached_property
    def first_positive(self) -> npt.NDArray[np.intp]:
        """Head of the first positive outcome of every candidate's channel, intp [C]."""
        heads = {
            name: placement.relevant
            for name, channel in self.channels.items()
            for placement in channel.placements.values()
        }
        return np.array([heads[key.channel] for key in self.candidates], dtype=np.intp)

    @cached_property
    def first_of(self) -> npt.NDArray[np.intp]:
        """First candidate of every action that has one, ascending, intp."""
        return np.unique(self.action_of, return_index=True)[1]

    @cached_property
    def shown_as(self) -> tuple[tuple[str, str, str, str], ...]:
        """Action, group, treatment and kind of every candidate."""
        kinds = [self.actions[action].kind for action in self.action_of]
        return tuple(
            (key.action, key.group, key.treatment, kind) for key, kind in zip(self.candidates, kinds, strict=True)
        )

    @cached_property
    def plain_weights(self) -> tuple[float, ...] | None:
        """Each goal's sign × weight / normal where no segment changes a weight, else None."""
        if any(goal.segments for goal in self.goals):
            return None
        return tuple(goal.sign * goal.weight / goal.normal for goal in self.goals)

    @cached_property
    def ones(self) -> Floats:
        """A one per candidate, float32 [C]; nobody writes to it."""
        ones = np.ones(len(self.candidates), dtype=np.float32)
        ones.flags.writeable = False
        return ones

    def index_of(self, action: str, channel: str, treatment: str | None = None) -> int | None:
        """Find a candidate; without a treatment, the first of the action in the channel."""
        for index, key in enumerate(self.candidates):
            if key.action == action and key.channel == channel and treatment in (None, key.treatment):
                return index
        return None


@dataclass(frozen=True, slots=True)
class ZoneNames:
    """Names of the periods that a moment lies in, in the project's zone."""

    month: str
    quarter: str
    year: str

    @classmethod
    def of(cls, local: datetime) -> ZoneNames:
        """Name the periods of a local time."""
        return cls(f"{local:%Y-%m}", f"{local:%Y}-Q{(local.month + 2) // 3}", f"{local:%Y}")
