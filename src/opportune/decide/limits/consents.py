"""Consents: what a person allows, and whether a decision may use what is known of the person.

What was said last holds, in the channel or in all of them. Nothing said is no where consent is the basis, and yes where
objection is. What could not be read is no, whatever the basis: the person may have objected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from opportune.decide.limits.limits import Limits, Minors
from opportune.decide.limits.windows import instant, micros
from opportune.records import Consent, Facts, Hold, Value

__all__ = [
    "EVERYWHERE",
    "IDENTITY",
    "MINORS",
    "PROFILE_PART",
    "all_given",
    "consent_holds",
    "impersonal",
    "is_unprofiled",
    "minor_holds",
    "said_of",
]

EVERYWHERE = "*"
"""Channel of a consent that holds in all of them."""
MINORS = "minors"
"""Name of the limit that the law on minors is; no purpose, policy or stock may have it."""
PROFILE_PART = "profile"
"""Part of a hold by which a decision is made without what is known of the person."""
IDENTITY = "identity"
"""Kind of the hold on who is named only by what anybody may say."""
UNREAD = "unread"
"""Detail of a hold whose consents could not be read."""

_PERSONLESS = ("context.", "now")
"""What begins the names of facts that are not of a person."""


def said_of(consents: Sequence[Consent], purpose: str, channel: str) -> Consent | None:
    """Give what was said last of a purpose in a channel, or of all channels; None where nothing was.

    Of two that were said at one moment, the refusal holds.
    """
    own = [one for one in consents if one.purpose == purpose and one.channel in (channel, EVERYWHERE)]
    return max(own, key=lambda one: (one.at, not one.given), default=None)


def all_given(limits: Limits) -> tuple[Consent, ...]:
    """Give what somebody says who allows everything: of people whom nobody asked, for previews."""
    return tuple(Consent(EVERYWHERE, purpose.name, True, instant(0)) for purpose in limits.purposes)


def consent_holds(limits: Limits, consents: Sequence[Consent] | None, channels: Sequence[str]) -> Iterator[Hold]:
    """List the purposes that the person does not allow, in the order of the project and of the channels.

    Args:
        consents: all that the person said; None where that could not be read.
    """
    for purpose in limits.purposes:
        for channel in channels:
            if channel not in purpose.masks:
                continue
            part = PROFILE_PART if purpose.profiling else f"channel:{channel}"
            said = None if consents is None else said_of(consents, purpose.name, channel)
            if consents is None:
                yield Hold(purpose.name, "consent", part, 0, 0, 0, detail=UNREAD)
            elif said is None and purpose.basis == "consent":
                yield Hold(purpose.name, "consent", part, 0, 0, 0)
            elif said is not None and not said.given:
                yield Hold(purpose.name, "consent", part, 0, 1, 0, micros(said.at), None, _how(said))


def minor_holds(limits: Limits, facts: Facts, now: datetime) -> Iterator[Hold]:
    """Say whether the person is a minor, or counts as one."""
    minors = limits.minors
    if minors is None:
        return
    is_young = _is_young(minors, facts.get(minors.fact), now.astimezone(ZoneInfo(limits.zone)))
    if is_young or (is_young is None and minors.unknown):
        yield Hold(MINORS, "minor", PROFILE_PART, 0, int(is_young is not None), minors.below)


def _is_young(minors: Minors, value: Value | None, now: datetime) -> bool | None:
    """Say whether an age or a moment of birth is that of a minor, by the calendar of `now`; None where it is neither.

    In years without the day of birth, somebody born on 29 February comes of age on 1 March.
    """
    if isinstance(value, datetime):
        born = value.astimezone(now.tzinfo)
        return (now.year - born.year) - ((now.month, now.day) < (born.month, born.day)) < minors.below
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value < minors.below
    return None


def is_unprofiled(holds: Sequence[Hold]) -> bool:
    """Say whether a decision is made without what is known of the person."""
    return any(hold.part == PROFILE_PART for hold in holds)


def impersonal(limits: Limits, facts: Facts, zone: str) -> dict[str, Value]:
    """Give the facts that do not depend on who the person is.

    Args:
        zone: that of the request, or the project's.
    """
    kept = {
        name: value for name, value in facts.items() if name.startswith(_PERSONLESS) and name not in limits.personal
    }
    return kept | {"zone": zone}


def _how(said: Consent) -> str:
    """Write how something was said, such as "by web form, text v3"; "" where that is not known."""
    return ", ".join(
        part
        for part in (said.source and f"by {said.source}", said.text_version and f"text {said.text_version}")
        if part
    )
