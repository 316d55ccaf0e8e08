"""Kinds of identifiers: how each is written, and how far it is trusted. The one reading for every way in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, NamedTuple

from opportune.customers.identity import normal
from opportune.errors import InputError, Problem, and_more, suggest

__all__ = ["CUSTOMER", "Identifier", "Identifiers", "Kind", "Trust"]

CUSTOMER = "customer"
"""The kind that is always there."""
INVALID = "invalid-identifier"
UNKNOWN_MAX = 20
"""Undeclared kinds that are told one by one."""


class Trust(IntEnum):
    """What an identifier says of who it is."""

    ANONYMOUS = 0
    """A random value that stands for a browser or a device."""
    CLAIMED = 1
    """Anybody may say it."""
    PROVEN = 2
    """Known by a login or the like."""


class Identifier(NamedTuple):
    """One way to name a person, as it is compared."""

    kind: str
    value: str

    def __str__(self) -> str:
        """Write it as people and paths have it."""
        return self.value if self.kind == CUSTOMER and ":" not in self.value else f"{self.kind}:{self.value}"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of identifier.

    Args:
        region: of phone numbers without a country code.
        lower_case: whether the part of an e-mail address before the @ is written in small letters.
    """

    name: str
    trust: Trust
    normalize: Literal["none", "email", "phone"] = "none"
    region: str | None = None
    lower_case: bool = False

    def written(self, text: str) -> str:
        """Write an identifier as it is compared.

        Raises:
            ValueError: it is none of this kind; the message does not repeat it.
        """
        if self.normalize == "email":
            text = normal.email(text, self.lower_case)
        elif self.normalize == "phone":
            text = normal.phone(text, self.region)
        return text


class Identifiers:
    """All kinds of identifiers that a project has.

    Args:
        kinds: beside "customer", in the order of the project's file.
        levels: names of levels, such as "household"; their units are kept under identifiers of that kind.
    """

    def __init__(self, kinds: Iterable[Kind] = (), levels: Iterable[str] = ()) -> None:
        self.kinds: Mapping[str, Kind] = {kind.name: kind for kind in (Kind(CUSTOMER, Trust.PROVEN), *kinds)}
        self.levels = frozenset(levels)
        # The most trusted come first; of equals, "customer" and then the order of the file.
        row = sorted(self.kinds.values(), key=lambda kind: -kind.trust)
        self._rank = {kind.name: rank for rank, kind in enumerate(row)}

    def trust(self, kind: str) -> Trust:
        """Say how far a kind is trusted; one that the project no longer has is taken for proven: it protects more."""
        found = self.kinds.get(kind)
        return Trust.PROVEN if found is None else found.trust

    @property
    def common(self) -> tuple[str, ...]:
        """Kinds that do not tell persons apart: two who each have one may still be proven to be one person."""
        return *(name for name in self.kinds if self.trust(name) is not Trust.PROVEN), *sorted(self.levels)

    def one(self, kind: str, text: str, where: str = "") -> Identifier:
        """Read one identifier; whether a store can keep it is for the store to say.

        Raises:
            InputError: the project has no such kind, or it is wrong; its value is not repeated.
        """
        found = self.kinds.get(kind)
        if found is None:
            remedy = suggest(kind, self.kinds, f"known: {', '.join(self.kinds)}")
            message = "the project has no such kind of identifier"
            raise InputError.of(where or "identifiers", message, remedy, INVALID)
        try:
            return Identifier(kind, found.written(text))
        except ValueError as error:
            raise InputError.of(where or kind, str(error), "", INVALID) from None

    def read(self, customer: str | None, others: Mapping[str, str]) -> tuple[Identifier, ...]:
        """Read all identifiers of a request, the most trusted first.

        Args:
            customer: what stands apart, as the kind "customer".
            others: kind → identifier.

        Raises:
            InputError: with all that is wrong.
        """
        found: list[Identifier] = []
        problems: list[Problem] = []
        if customer is not None:
            others = {CUSTOMER: customer, **others}
            if others[CUSTOMER] != customer:
                message = "expected one customer, found another one in identifiers"
                problems += InputError.of(CUSTOMER, message, "send it once", INVALID).problems
        unknown = 0
        for kind, text in others.items():
            unknown += kind not in self.kinds
            if kind not in self.kinds and unknown > UNKNOWN_MAX:
                continue
            where = CUSTOMER if kind == CUSTOMER else f"identifiers.{kind}" if kind in self.kinds else "identifiers"
            try:
                found.append(self.one(kind, text, where))
            except InputError as error:
                problems += error.problems
        if problems:
            raise InputError([*problems, *and_more(unknown - UNKNOWN_MAX)], INVALID)
        return tuple(sorted(found, key=lambda one: self._rank[one.kind]))

    def ranked(self, customer: str | None, others: Mapping[str, str]) -> tuple[Identifier, ...]:
        """Put identifiers that were read before in order, the most trusted first."""
        found = [] if customer is None else [Identifier(CUSTOMER, customer)]
        found += [Identifier(kind, text) for kind, text in others.items() if kind != CUSTOMER or customer is None]
        return tuple(sorted(found, key=lambda one: self._rank[one.kind]))

    def in_path(self, text: str) -> Identifier:
        """Read an identifier as it stands in a path or a command: KIND:VALUE, or a customer's as it is.

        What stands before the first colon is taken for a kind where the project has one of that name.

        Raises:
            InputError: it is wrong, or names a unit of a level: a household is no person.
        """
        kind, sign, value = text.partition(":")
        if sign and kind in self.kinds:
            return self.one(kind, value)
        if sign and kind in self.levels:
            message = f"expected a person, found a unit of the level '{kind}'"
            raise InputError.of(CUSTOMER, message, "name a person; units have paths of their own, /v1/units", INVALID)
        return self.one(CUSTOMER, text)
