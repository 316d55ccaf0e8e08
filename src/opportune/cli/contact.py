"""What a user wrote of a contact; it is their own, so messages repeat the names in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from opportune.customers import Registry
from opportune.errors import InputError, Problem

__all__ = ["KEYS", "named_problem", "read_attributes"]

KEYS = ("customer", "context", "channel", "placement", "size", "at", "language", "zone", "session")
"""Keys of a contact."""


def read_attributes(registry: Registry, values: Any, where: str) -> Mapping[str, Any]:
    """Check attributes.

    Returns:
        the values as they are.

    Raises:
        InputError: with all that is wrong; attributes that are not declared are named.
    """
    if not isinstance(values, Mapping):
        raise InputError.of(where, "expected attributes", 'write an object, such as {"age": 41}; an id needs --store')
    strangers = [] if registry.ignores_unknown else [name for name in values if name not in registry.attributes]
    problems = [_undeclared(name, where, registry) for name in strangers]
    try:
        registry.read({name: value for name, value in values.items() if name not in strangers})
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return values


def _undeclared(name: str, where: str, registry: Registry) -> Problem:
    close = get_close_matches(name[:100], registry.attributes, n=1)
    remedy = f"did you mean '{close[0]}'?" if close else "declare it in the project, or leave it out"
    message = f"the project does not declare '{name[:100]}'"
    return Problem("", 0, 0, where, message, remedy, "invalid-attribute")


def named_problem(problem: Problem, channel: str, placement: str) -> Problem:
    """Put the names that do not exist into a problem of a request."""
    if problem.code == "unknown-channel":
        return replace(problem, message=f"the strategy has no channel '{channel[:100]}'")
    if problem.code == "unknown-placement":
        message = f"channel '{channel}' has no placement '{placement[:100]}'"
        return replace(problem, where="placement", message=message)
    return problem
