"""What a customer gets from two strategies, compared."""

from __future__ import annotations

from typing import NamedTuple

from opportune.outcomes import Names
from opportune.records import Decision

__all__ = ["KINDS", "Slot", "is_empty", "kind_of", "slate", "told"]

KINDS = ("nothing now", "something now", "other actions", "another order", "other content", "refused")
"""How an answer may differ."""


class Slot(NamedTuple):
    """One place of an answer; `content` are the texts of the treatment."""

    placement: str
    action: str
    treatment: str
    content: tuple[tuple[str, str], ...]


def slate(decision: Decision | None, names: Names | None = None) -> tuple[Slot, ...]:
    """List all that an answer shows, placement by placement; nothing where there is no answer.

    Args:
        names: what the other strategy calls otherwise, so that a new name alone is no change.
    """
    if decision is None:
        return ()
    return tuple(
        Slot(
            answer.name, *_called(decision, shown.action, shown.treatment, names), tuple(sorted(shown.content.items()))
        )
        for answer in decision.placements
        for shown in answer.actions
    )


def _called(decision: Decision, action: str, treatment: str, names: Names | None) -> tuple[str, str]:
    if names is None:
        return action, treatment
    _, action, treatment = names.today(decision.request.channel, action, treatment)
    return action, treatment


def kind_of(before: Decision | None, after: Decision | None, names: Names) -> str:
    """Say how an answer differs, one of KINDS; "" where it does not."""
    if (before is None) != (after is None):
        return "refused"
    old, new = slate(before, names), slate(after)
    if old == new:
        return ""
    if not new:
        return "nothing now"
    if not old:
        return "something now"
    if {slot.action for slot in old} != {slot.action for slot in new}:
        return "other actions"
    places = [[(slot.placement, slot.action) for slot in side] for side in (old, new)]
    return "other content" if places[0] == places[1] else "another order"


def is_empty(decision: Decision) -> bool:
    """Say whether nothing could be chosen; what is withheld from somebody was chosen."""
    return not any(answer.actions for answer in (*decision.placements, *decision.withheld))


def told(slots: tuple[Slot, ...]) -> tuple[str, ...]:
    """Say what an answer shows, one text per placement."""
    shown: dict[str, list[str]] = {}
    for slot in slots:
        shown.setdefault(slot.placement, []).append(slot.action)
    return tuple(f"{placement}: {', '.join(actions)}" for placement, actions in shown.items())
