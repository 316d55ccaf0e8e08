"""What is found out for a contact beside the profile and the request: the same for everybody who decides.

The service, persona tests, the command line and whoever foresees changes call `gathered_of`, and decide with what it
gives: `State(gathered=found.facts, doubts=found.doubts)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType

from opportune.customers.context import NO_ANSWERS, Answers, Gathered, Sources
from opportune.decide.limits.consents import is_unprofiled
from opportune.records import DecisionRequest, Facts, Hold

__all__ = ["gathered_of", "regathered"]

_NOTHING: Facts = MappingProxyType({})


def gathered_of(
    sources: Sources,
    profile: Facts,
    request: DecisionRequest,
    now: datetime,
    known: Facts = _NOTHING,
    answers: Answers = NO_ANSWERS,
) -> Gathered:
    """Complete what is known of a contact.

    What the request says goes first, then what is known already, then what sources give.

    Args:
        profile: facts with keys "customer.<name>".
        known: what the caller gathered: features, levels, what a text or an earlier call of the session said, and
            under `SESSION_START` when the session began.
        answers: of services over HTTP, without which their attributes are late.
    """
    if sources.is_empty:
        return Gathered(known)
    found = sources.fill({**profile, **known} if known else profile, request, now, answers)
    return Gathered({**known, **found.facts}, found.doubts)


def regathered(
    found: Gathered,
    holds: Sequence[Hold],
    sources: Sources,
    request: DecisionRequest,
    now: datetime,
    known: Facts = _NOTHING,
    answers: Answers = NO_ANSWERS,
) -> Gathered:
    """Give what a decision may use when its holds are known: of an unprofiled person nothing that a profile gave.

    Args:
        found: as `gathered_of` gave it with the profile; the other arguments are those of then.
    """
    return gathered_of(sources, _NOTHING, request, now, known, answers) if is_unprofiled(holds) else found
