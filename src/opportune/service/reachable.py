"""Whether those whom a store knows would still be found under a strategy that writes identifiers in another way."""

from __future__ import annotations

from collections import Counter

from opportune.customers.identity import Kind
from opportune.errors import Problem, ProjectError
from opportune.service.revisions import Strategy
from opportune.storage import Storage

__all__ = ["expect_reachable"]

REMEDY = "leave 'normalize', 'region' and 'lower_case' as they were, and declare another kind beside it"


def expect_reachable(storage: Storage, before: Strategy, after: Strategy) -> None:
    """Refuse a strategy under which identifiers in the store cannot be named any more.

    What persons allowed or refused would count no longer, and nobody could erase them.

    Raises:
        ProjectError: so it is.
        StoreError: the store cannot be read.
    """
    kinds = after.registries.identifiers.kinds
    former = before.registries.identifiers.kinds
    changed = {name: kind for name, kind in kinds.items() if name in former and _rule(former[name]) != _rule(kind)}
    if not changed:
        return
    named = (identifier for person in storage.people() for identifier in person.identifiers)
    lost = Counter(kind for kind, value in named if kind in changed and not _is_written_so(changed[kind], value))
    if lost:
        raise ProjectError([_problem(kind, number) for kind, number in sorted(lost.items())])


def _rule(kind: Kind) -> tuple[str, str | None, bool]:
    return kind.normalize, kind.region, kind.lower_case


def _is_written_so(kind: Kind, value: str) -> bool:
    try:
        return kind.written(value) == value
    except ValueError:
        return False


def _problem(kind: str, number: int) -> Problem:
    message = f"identifiers of this kind in the store: {number:,} are written otherwise, and nobody would find them"
    return Problem("identifiers.yaml", 0, 0, kind, message, REMEDY, "identifiers-lost")
