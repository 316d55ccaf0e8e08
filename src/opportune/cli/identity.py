"""What commands that name persons share: how they are named, the strategy of a store, and one write of it."""

from __future__ import annotations

from typing import Annotated

import typer

from opportune.customers.identity import CUSTOMER, Identifier, Identifiers
from opportune.errors import InputError, OpportuneError, suggest
from opportune.service.course import Course
from opportune.service.publishing import current
from opportune.service.revisions import Strategy
from opportune.storage import Receipt, Storage, Write

__all__ = ["CustomerArgument", "identifiers_of", "named", "read_identifier", "strategy_of", "written"]

CustomerArgument = Annotated[
    str, typer.Argument(help="Identifier of the customer; KIND:VALUE, such as email:anna@example.com, for other kinds.")
]


def strategy_of(storage: Storage) -> Strategy | None:
    """Give the strategy of a store; None where nothing was published."""
    course = Course(storage)
    step = current(course)
    return None if step is None else course.strategies.of(step.hash)


def identifiers_of(storage: Storage) -> Identifiers:
    """Give the kinds of identifiers of a store's strategy; a customer's alone where it has none yet."""
    strategy = strategy_of(storage)
    return Identifiers() if strategy is None else strategy.registries.identifiers


def read_identifier(kinds: Identifiers, text: str) -> Identifier:
    """Read an identifier as commands have it: KIND:VALUE, or a customer's.

    It is that of paths, but for a customer's number with a colon, which is written `customer:NUMBER` here: a kind that
    was mistyped must not make a customer.

    Raises:
        InputError: there is no such kind, or it is wrong.
    """
    kind, sign, _ = text.partition(":")
    if sign and kind in kinds.levels:
        message = f"expected a person, found a unit of the level '{kind}'"
        remedy = "name a person; household tells of units, and erase --level forgets one"
        raise InputError.of(CUSTOMER, message, remedy, "invalid-identifier")
    if sign and kind not in kinds.kinds:
        known = f"known: {', '.join(kinds.kinds)}; a customer's number with a colon is written {CUSTOMER}:NUMBER"
        remedy = suggest(kind, kinds.kinds, known)
        raise InputError.of(CUSTOMER, "the project has no such kind of identifier", remedy, "invalid-identifier")
    return kinds.in_path(text)


def named(storage: Storage, *texts: str) -> list[Identifier]:
    """Read identifiers as commands have them, by the kinds of a store's strategy.

    Raises:
        InputError: one is wrong.
    """
    kinds = identifiers_of(storage)
    return [read_identifier(kinds, text) for text in texts]


def written(storage: Storage, write: Write) -> Receipt:
    """Write one thing.

    Raises:
        InputError: it was refused.
    """
    (result,) = storage.write([write])
    if isinstance(result, OpportuneError):
        raise result
    return result
