"""What crosses borders between the parts of Opportune: frozen, typed, without behaviour of their own.

Notation: A actions, C candidates (action × treatment), O scored outcomes, G goals, K places of a placement.
Times are aware UTC datetimes. Rates and probabilities lie in [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

import msgspec

__all__ = [
    "Attempt",
    "Consent",
    "Contact",
    "Decision",
    "DecisionRequest",
    "Facts",
    "Happened",
    "Hold",
    "Origin",
    "Outcome",
    "PlacementAnswer",
    "PlacementRequest",
    "PlacementTrace",
    "Renamed",
    "Reserve",
    "Shown",
    "Sign",
    "Stage",
    "Tired",
    "Value",
    "ValueType",
]

Value = bool | int | float | str | datetime | list[str]
"""A stored fact, feature or context value. There is no null: a missing value is an absent key."""

Facts = Mapping[str, Value]
"""All that one decision knows, flat: "customer.age", "context.weather", "now" (aware UTC), "zone" (IANA name)."""


class ValueType(StrEnum):
    """Type of an attribute."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    TIMESTAMP = "timestamp"
    TEXTS = "texts"


class Sign(StrEnum):
    """What an outcome says about the shown action."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    NEUTRAL = "neutral"


class Origin(StrEnum):
    """Who chose the action that a journal entry speaks of."""

    ENGINE = "engine"
    CONTROL = "control"
    CHANNEL = "channel"
    FALLBACK = "fallback"
    IMPORT = "import"


class Stage(IntEnum):
    """How far a candidate came in one placement; the first stage that dropped it, or SHOWN."""

    SHOWN = 0
    INACTIVE = 1
    """Switched off by its author."""
    NOT_VALID = 2
    """Outside of its validity dates."""
    NO_TREATMENT = 3
    """No treatment of the action fits the placement."""
    ELIGIBILITY = 4
    APPLICABILITY = 5
    SUITABILITY = 6
    EXCLUSIVE = 7
    """An action of the same exclusivity group stands in the answer already."""
    ALREADY_SHOWN = 8
    """The same action, by this or another treatment, stands in the answer already."""
    OUTRANKED = 9
    """It passed everything; others took the places."""
    IRRELEVANT = 10
    """Its propensity is below the least that the placement shows; judged after the rules, before any place is drawn."""
    LIMITED = 11
    """A contact policy, a stock or a switch holds it back; judged after the rules, before any place is drawn."""
    LINKED = 12
    """What stands in the answer leaves no room for it: a quota, parts that stay apart, an incomplete bundle."""


class PlacementRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One slot to fill.

    Args:
        name: placement of the request's channel.
        size: how many actions to return, at most; None takes the placement's own size.
    """

    name: str
    size: int | None = None


class Happened(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that happened in a contact, as its decision is told.

    Args:
        type: an event type that the strategy declares.
        id: the caller's idempotency key; None makes one of the request's id and the place.
        attributes: values of the type's attributes.
        occurred_at: when it happened; None is the moment of the decision.
    """

    type: str
    id: str | None = None
    attributes: dict[str, Any] = {}
    occurred_at: datetime | None = None


class DecisionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A contact that asks what is best next.

    Args:
        id: the caller's idempotency key; a retry with the same id gets the stored answer.
        customer: an identifier of the person, or None for an anonymous contact.
        identifiers: kind → more identifiers of the person, such as an e-mail address or a cookie.
        session: the conversation that this call belongs to.
        channel: where the contact happens.
        placements: slots to fill, in order; an action is shown in one of them at most.
        context: values of declared context attributes.
        events: what just happened in this contact; it counts in this decision already, and is recorded with it.
        text: what the customer said or wrote; attributes are read out of it, and it is kept nowhere.
        language: wanted language of the content; None takes the profile's or the project's first.
        zone: IANA time zone of the customer; None takes the profile's or the project's.
    """

    id: str
    customer: str | None = None
    # Left out where there are none: requests of before are the same bytes.
    identifiers: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    session: str | None = None
    channel: str
    placements: tuple[PlacementRequest, ...]
    context: dict[str, Any] = {}
    events: tuple[Happened, ...] | msgspec.UnsetType = msgspec.UNSET
    text: str | msgspec.UnsetType = msgspec.UNSET
    language: str | None = None
    zone: str | None = None


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One action in the answer.

    Args:
        rank: 1-based place in the placement.
        propensity: outcome name → probability if shown now.
        priority: what arbitration gave it, in normalised goal units.
        selection_probability: chance with which the engine picked it for this place, given the places before.
        how: "explored", "best", "mandatory", "control" or "fallback".
        content: texts of the treatment in the wanted language, as its author wrote them.
    """

    rank: int
    action: str
    group: str
    treatment: str
    kind: str
    propensity: dict[str, float]
    priority: float
    selection_probability: float
    how: str
    content: dict[str, str]


class PlacementAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What one placement shows; `actions` is the slate in order."""

    name: str
    actions: tuple[Shown, ...]


class PlacementTrace(msgspec.Struct, frozen=True, kw_only=True):
    """What was considered for one placement, in arrays as bytes (little-endian).

    Args:
        stages: uint8 [C], the `Stage` of every candidate of the plan.
        kept: uint32 [n], candidates whose score parts are kept: the shown ones and the best others (bounded).
        parts: float32 [n, P], columns as the plan's `part_names` says: propensity, spread and evidence per outcome,
            priority, the selection probability of the first place, and the largest share of draws of the action.
        chosen: candidate of every place.
        uniforms: the draw of every place, in [0, 1); -1 where nothing was drawn (mandatory, fallback).
    """

    name: str
    stages: bytes
    kept: bytes
    parts: bytes
    chosen: tuple[int, ...]
    uniforms: tuple[float, ...]


class Contact(msgspec.Struct, frozen=True, array_like=True):
    """One thing in a person's history that limits count.

    Args:
        at: when, in microseconds since 1970, UTC.
        what: "shown", or the name of an outcome as it stands, corrections applied.
    """

    at: int
    what: str
    action: str
    treatment: str
    channel: str
    placement: str
    decision: str


class Consent(msgspec.Struct, frozen=True):
    """What a person said last of one purpose in one channel.

    Args:
        channel: of the strategy, or "*" for all of them.
        purpose: of the strategy.
        given: agreed to it; else refused, withdrawn, or objected.
        at: when it was said, aware.
        source: how, such as "web form" or "call 2026-05-04"; "" where that is not known.
        text_version: the text that was agreed to; "" where that is not known.
    """

    channel: str
    purpose: str
    given: bool
    at: datetime
    source: str = ""
    text_version: str = ""


class Hold(msgspec.Struct, frozen=True, array_like=True):
    """One limit that binds now.

    Args:
        limit: name of the contact policy, stock or purpose; "" for a switch and for who is named by what is not proven,
            "minors" for the law on them.
        kind: "at_most", "rest", "quiet", "distance", "stock", "switch", "consent", "minor" or "identity".
        part: what it binds: "" all that the limit covers, "group:<name>", "action:<name>", of a stock "over:<n>" and
            "within:<n>", the actions that use more than n of it and those that use n at most; of a purpose
            "channel:<name>", what it covers there; or "profile", which binds no action: the decision is made without
            what is known of the person.
        left: 0 keeps all of them out; more is how many of them this answer may hold.
        count, of: the counter and its bound, as in 3 of 3.
        since, until: the window that was counted and when the hold ends, in microseconds since 1970; None: not known.
        detail: the outcome behind a rest; of a consent how it was said and of which text; else "".
    """

    limit: str
    kind: str
    part: str
    left: int
    count: int
    of: int
    since: int | None = None
    until: int | None = None
    detail: str = ""


class Tired(msgspec.Struct, frozen=True, array_like=True):
    """Contacts that a person had already, which make another one cost more.

    Args:
        goal: whose cost it is.
        part: what was counted apart: "" all of them, "group:<name>" or "action:<name>".
        count: of the contacts, 1 at least.
        since: the moment after which they were counted, in microseconds since 1970.
    """

    goal: str
    part: str
    count: int
    since: int


class Reserve(msgspec.Struct, frozen=True, array_like=True):
    """What a decision takes of one stock for one shown action.

    Args:
        period: the stock's period, such as "2026-12"; "" where it has none.
        units: whole pieces, minutes, or smallest units of money.
        most: how much of the stock may be taken in that period by now.
        lease_until: when it is released unless an outcome comes first, in microseconds since 1970.
        confirmed_by, released_by: outcomes that settle it.
        limit: how much of the stock the whole period has; an acceptance after the lease takes its units again within
            this. None is `most`.
    """

    stock: str
    period: str
    units: int
    most: int
    lease_until: int
    action: str
    treatment: str
    confirmed_by: tuple[str, ...]
    released_by: tuple[str, ...]
    limit: int | None = None


class Attempt(msgspec.Struct, frozen=True, array_like=True):
    """An earlier draw of a decision that could not be kept, so that it was drawn again.

    Args:
        chosen, chances, uniforms: per placement of the request, as in `PlacementTrace` and `Shown`.
        lost: the stock that was sold out, or "" where the person's history had changed meanwhile.
        action: the action that would have used it, or "".
    """

    chosen: tuple[tuple[int, ...], ...]
    chances: tuple[tuple[float, ...], ...]
    uniforms: tuple[tuple[float, ...], ...]
    lost: str = ""
    action: str = ""


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One answer of the engine with all that it was based on.

    Args:
        id: derived from the request's id.
        revision: content hash of the strategy that decided.
        model: name of the model, such as "bayes"; "none" where the fallback answered.
        position: journal entry that the model had learned to.
        kernel: "numpy" or "numba"; results agree within a stated tolerance, bytes only within one kernel.
        seed: what every draw was derived from.
        facts: what was known, personal values included; stored apart.
        control: name of the control group, or None.
        degraded: reason of a fallback answer, or None.
        ignored: names of inputs that the registry says to ignore.
        withheld: what would have been shown to a person of a control group that is shown nothing; without content.
        holds: the limits that bound, as they were seen.
        redrawn: earlier draws that could not be kept, oldest first.
        slate_gap: by how much the sum of priorities of another slate could be higher at most; None where the best
            is proven or nothing was searched.
        tired: the contacts that the person had already, as they were counted.
        doubts: inputs that could not be had or trusted, each with a word of why, such as "context.weather: late".
    """

    id: str
    request: DecisionRequest
    person: str | None
    at: datetime
    revision: str
    model: str
    position: int
    kernel: str
    seed: str
    facts: dict[str, Any]
    control: str | None
    degraded: str | None
    ignored: tuple[str, ...]
    placements: tuple[PlacementAnswer, ...]
    traces: tuple[PlacementTrace, ...]
    withheld: tuple[PlacementAnswer, ...] = ()
    holds: tuple[Hold, ...] = ()
    redrawn: tuple[Attempt, ...] = ()
    slate_gap: float | None = None
    tired: tuple[Tired, ...] = ()
    doubts: tuple[str, ...] = ()


class Renamed(msgspec.Struct, frozen=True, array_like=True):
    """A name that became another one from one revision to the next.

    Args:
        kind: "group", "action", "model" or "treatment".
        channel, action: where a treatment belongs; the action by its new name. "" for the other kinds.
    """

    kind: str
    old: str
    new: str
    channel: str = ""
    action: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happened to an action after a decision.

    Args:
        id: the caller's idempotency key.
        decision: id of the decision it answers.
        action: name of the action; it may be one that the channel chose itself. Needless where `withdraws` is given.
        outcome: an outcome type of the decision's channel. Needless where `withdraws` is given.
        treatment: name of the treatment; None takes the one shown, or the first of the channel.
        placement: name of the placement; None takes the one that showed the action, or the first.
        occurred_at: when it happened; None takes the time of arrival.
        amount: how much, for outcome types that carry a value; money in the smallest unit of its currency.
        replaces: id of an earlier report about the same decision that was wrong; this one stands in its place.
        withdraws: id of a report about the same decision that never was; then this one says nothing else.
        token: of the answer, in the place of `decision`, for whoever must not name decisions freely.
    """

    id: str
    decision: str = ""
    action: str = ""
    outcome: str = ""
    treatment: str | None = None
    placement: str | None = None
    occurred_at: datetime | None = None
    amount: int | float | None = None
    replaces: str | None = None
    withdraws: str | None = None
    token: str | None = None
