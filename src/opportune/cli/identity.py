"""What commands about identifiers share: the strategy of a store, and one write of it."""

from __future__ import annotations

from opportune.customers.identity import Identifier, Identifiers
from opportune.errors import OpportuneError
from opportune.service.course import Course
from opportune.service.publishing import current
from opportune.service.revisions import Strategy
from opportune.storage import Receipt, Storage, Write

__all__ = ["identifiers_of", "named", "strategy_of", "written"]


def strategy_of(storage: Storage) -> Strategy | None:
    """Give the strategy of a store; None where nothing was published."""
    course = Course(storage)
    step = current(course)
    return None if step is None else course.strategies.of(step.hash)


def identifiers_of(storage: Storage) -> Identifiers:
    """Give the kinds of identifiers of a store's strategy."""
    strategy = strategy_of(storage)
    return Identifiers() if strategy is None else strategy.registries.identifiers


def named(storage: Storage, *texts: str) -> list[Identifier]:
    """Read identifiers, KIND:VALUE or a customer's.

    Raises:
        InputError: one is wrong.
    """
    kinds = identifiers_of(storage)
    return [kinds.in_path(text) for text in texts]


def written(storage: Storage, write: Write) -> Receipt:
    """Write one thing.

    Raises:
        InputError: it was refused.
    """
    (result,) = storage.write([write])
    if isinstance(result, OpportuneError):
        raise result
    return result
