"""What is found out for a contact beside the profile and the request: the same for everybody who decides.

The service, persona tests, the command line and whoever foresees changes call `gathered_of`, and decide with what it
gives: `State(gathered=found.facts, doubts=found.doubts)`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from types import MappingProxyType

from msgspec.structs import replace

from opportune.customers.context import NO_ANSWERS, SESSION_START, Answers, Gathered, Sources
from opportune.decide.limits.consents import is_unprofiled
from opportune.records import DecisionRequest, Facts, Hold, Value

__all__ = ["gathered_of"]

_CONTEXT = "context."
_NOTHING: Facts = MappingProxyType({})


def gathered_of(
    sources: Sources,
    profile: Facts,
    request: DecisionRequest,
    now: datetime,
    known: Facts = _NOTHING,
    answers: Answers = NO_ANSWERS,
    *,
    holds: Sequence[Hold] = (),
    personal: Collection[str] = (),
) -> Gathered:
    """Complete what is known of a contact.

    What the request says goes first, then what is known already, then what sources give. Of an unprofiled person
    sources see nothing that says something about the person: what they were told, a service would hear.

    Args:
        profile: facts with keys "customer.<name>".
        known: what the caller gathered: features, levels, what a text or an earlier call of the session said, and
            under `SESSION_START` when the session began.
        answers: of services over HTTP, without which their attributes are late.
        holds: limits that bind; they follow from the profile, the request and the person's past.
        personal: facts of the context that say something about the person.
    """
    if sources.is_empty:
        return Gathered(known)
    seen = {**profile, **known} if known else profile
    if is_unprofiled(holds):
        seen, request = _impersonal(known, request, personal)
    found = sources.fill(seen, request, now, answers)
    return Gathered({**known, **found.facts}, found.doubts)


def _impersonal(
    known: Facts, request: DecisionRequest, personal: Collection[str]
) -> tuple[dict[str, Value], DecisionRequest]:
    """Leave out whatever says something about the person."""
    kept = {
        key: value
        for key, value in known.items()
        if key == SESSION_START or (key.startswith(_CONTEXT) and key not in personal)
    }
    said = {name: value for name, value in request.context.items() if _CONTEXT + name not in personal}
    return kept, request if len(said) == len(request.context) else replace(request, context=said)
