"""What a user wrote of a contact; it is their own, so messages repeat the names in it."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from opportune.cli.identity import named
from opportune.cli.output import fail
from opportune.customers import Registry
from opportune.decide.known import KnownFacts
from opportune.errors import InputError, Problem
from opportune.service.profiles import NOBODY, KnownProfile, Profiles, key_of
from opportune.service.revisions import Strategy
from opportune.storage import Storage
from opportune.strategy.imagined import KEYS as IMAGINED

__all__ = ["KEYS", "named_problem", "read_attributes", "read_customer", "read_object", "read_profile"]

KEYS = ("customer", "context", "channel", "placement", "size", "at", "language", "zone", "session", *IMAGINED)
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


def read_object(text: str, where: str) -> dict[str, Any]:
    """Read an object from JSON, or from a file of it; what is neither ends the command."""
    is_inline = text.lstrip().startswith("{")
    if not is_inline and not Path(text).is_file():
        hint = "; an identifier needs --store" if where == "--customer" else ""
        fail(f"{where}: expected a JSON object or a file of it, found neither: No such file{hint}")
    data = text.encode() if is_inline else Path(text).read_bytes().removeprefix(BOM_UTF8)
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        fail(f"{where}: expected a JSON object: {error}")


def read_customer(text: str, has_store: bool) -> str | dict[str, Any]:
    """Read what `--customer` says: attributes as JSON or a file of them, or with a store an identifier."""
    is_identifier = has_store and not text.lstrip().startswith("{") and not Path(text).is_file()
    return text if is_identifier else read_object(text, "--customer")


def read_profile(strategy: Strategy, customer: Any, storage: Storage | None) -> KnownProfile:
    """Take attributes as they are given, or look an identifier up.

    Raises:
        InputError: nobody has the identifier, or attributes are wrong.
    """
    registry = strategy.registries.customer
    if isinstance(customer, str) and storage is not None:
        (one,) = named(storage, customer)
        profile, _ = Profiles(storage, registry, 1).read(key_of(*one))
        if profile is NOBODY:
            raise InputError.of("customer", "nobody in the store has this identifier", "import it, or give attributes")
        return profile
    values = read_attributes(registry, customer, "customer")
    return KnownProfile(None, KnownFacts(registry.read(values)[0]))


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
