"""Whether those whom a store knows would still be found under a strategy with other kinds of identifiers."""

from __future__ import annotations

from collections import Counter

from opportune.customers.identity import Kind
from opportune.errors import Problem, ProjectError
from opportune.service.revisions import Strategy
from opportune.storage import Storage

__all__ = ["expect_reachable"]

WRITTEN_OTHERWISE = "identifiers of this kind in the store: {:,} are written otherwise, and nobody would find them"
WRITTEN_REMEDY = "leave 'normalize', 'region' and 'lower_case' as they were, and declare another kind beside it"
KNOWN_BY_IT = "people in the store: {:,} are known only by kinds that are left out, and nobody could name them"
KNOWN_REMEDY = "declare the kind as before; erase first who is not to be known any more"


def expect_reachable(storage: Storage, before: Strategy, after: Strategy) -> None:
    """Refuse a strategy under which identifiers or people in the store cannot be named any more.

    What persons allowed or refused would count no longer, and nobody could erase them.

    Raises:
        ProjectError: so it is.
        StoreError: the store cannot be read.
    """
    kinds = after.registries.identifiers.kinds
    former = before.registries.identifiers.kinds
    changed = {name: kind for name, kind in kinds.items() if name in former and _rule(former[name]) != _rule(kind)}
    gone = former.keys() - kinds.keys()
    if not changed and not gone:
        return
    unwritten: Counter[str] = Counter()
    unnamed: Counter[str] = Counter()
    for person in storage.people():
        named = person.identifiers
        unwritten.update(kind for kind, value in named if kind in changed and not _is_written_so(changed[kind], value))
        if gone.issuperset(kind for kind, _ in named):
            unnamed.update({kind for kind, _ in named})
    problems = [
        *(_problem(kind, WRITTEN_OTHERWISE.format(number), WRITTEN_REMEDY) for kind, number in unwritten.items()),
        *(_problem(kind, KNOWN_BY_IT.format(number), KNOWN_REMEDY) for kind, number in unnamed.items()),
    ]
    if problems:
        raise ProjectError(sorted(problems, key=lambda problem: (problem.where, problem.message)))


def _rule(kind: Kind) -> tuple[str, str | None, bool]:
    return kind.normalize, kind.region, kind.lower_case


def _is_written_so(kind: Kind, value: str) -> bool:
    try:
        return kind.written(value) == value
    except ValueError:
        return False


def _problem(kind: str, message: str, remedy: str) -> Problem:
    return Problem("identifiers.yaml", 0, 0, kind, message, remedy, "identifiers-lost")
