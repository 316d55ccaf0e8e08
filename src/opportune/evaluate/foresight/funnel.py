"""A funnel: how many candidates fell out at each stage and by which policy, and who is left with little."""

from __future__ import annotations

import msgspec

from opportune.evaluate.foresight.rulebook import Policy

__all__ = ["ActionFall", "Conflict", "Funnel", "PolicyFall", "Served", "StageFall", "Want"]


class StageFall(msgspec.Struct, frozen=True, kw_only=True):
    """One stage, in the order in which candidates pass them.

    Args:
        part_of: group of stages; "" for none.
        dropped: candidates that fell out here; `left` are those behind it.
    """

    stage: str
    part_of: str = ""
    dropped: int
    left: int


class PolicyFall(msgspec.Struct, frozen=True, kw_only=True):
    """One policy.

    Args:
        dropped: candidates that it was the first to drop.
        alone: of them, those that no other rule would have dropped; None where that is not known.
    """

    policy: Policy
    dropped: int
    alone: int | None = None


class ActionFall(msgspec.Struct, frozen=True, kw_only=True):
    """One action.

    Args:
        candidates: how often it was considered, by any treatment; `passed` no policy dropped it; `shown` it was chosen.
        most: the policy that dropped it most often, and how often; None where none did.
        rivals: what was shown most often where it passed and was not shown, with how often.
    """

    action: str
    group: str
    candidates: int
    passed: int
    shown: int
    most: Policy | None = None
    most_dropped: int = 0
    rivals: tuple[tuple[str, int], ...] = ()


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """How well one placement is served.

    Args:
        contacts: in which it was asked for.
        nothing: of them, with no action left; `few` with fewer than asked for, those with none included.
        left: contacts by number of actions left; the last counts all with more.
    """

    placement: str
    contacts: int
    nothing: int
    few: int
    left: tuple[int, ...] = ()


class Want(msgspec.Struct, frozen=True, kw_only=True):
    """What leaves contacts with nothing.

    Args:
        policies: the fewest without which something would be left; empty where nothing would be.
        contacts, persons: whom that concerns; a contact counts for every set that is as small.
        names: of the first of these contacts.
    """

    policies: tuple[Policy, ...]
    contacts: int
    persons: int
    names: tuple[str, ...] = ()


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """What can have no effect, or had none.

    Args:
        code: kind of finding, such as "never-shown".
        subject: what it speaks of, as `Policy.owner` names it.
        detail: names and texts for the sentence.
        certain: it follows from the strategy; else it is so in the contacts that were looked at.
    """

    code: str
    subject: str
    detail: tuple[str, ...] = ()
    number: int = 0
    certain: bool = False


class Funnel(msgspec.Struct, frozen=True, kw_only=True):
    """A population's way through a strategy.

    Args:
        source: "decided" with a strategy, or "imported" rows of another engine.
        candidates: considered in all; `returned` were shown.
        empty: contacts with nothing.
        wants: why, most frequent first.
        furthest: stage → contacts with nothing whose last candidates fell there.
    """

    source: str
    contacts: int
    persons: int
    candidates: int
    returned: int
    empty: int
    stages: tuple[StageFall, ...]
    policies: tuple[PolicyFall, ...]
    actions: tuple[ActionFall, ...]
    served: tuple[Served, ...]
    wants: tuple[Want, ...] = ()
    furthest: tuple[tuple[str, int], ...] = ()
    conflicts: tuple[Conflict, ...] = ()
