"""Whose contact it is: from the identifiers of a request to the one person whose data decides.

A person is found in memory and in the store by a key: a customer's identifier as it is, one of another kind behind the
name of its kind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from opportune.customers.identity import Identifier, Identifiers, Trust
from opportune.records import DecisionRequest
from opportune.service.profiles import KnownProfile, key_of

__all__ = ["Whose", "at_sight", "chosen", "whose"]


class Whose(NamedTuple):
    """Whose contact it is.

    Args:
        identifier: that leads to the person whose data decides, or will lead to a new one; None for nobody.
        doubts: "identity.<kind>: <word>" for every identifier that was not followed: "another person", or "unproven"
            where anybody may say it and its person has one that is proven.
        guarded: unproven identifier of a person who is protected as if it were believed, where no other leads to
            anybody: limits and objections of the person hold, and nothing of the person is used.
    """

    identifier: Identifier | None
    doubts: tuple[str, ...] = ()
    guarded: Identifier | None = None

    @property
    def key(self) -> str | None:
        """Key of the person."""
        named = self.guarded or self.identifier
        return None if named is None else key_of(*named)


def at_sight(identifiers: Identifiers, request: DecisionRequest) -> Whose:
    """Say whose contact a request is as far as that shows while nobody is looked up: no claim is believed."""
    named = identifiers.ranked(request.customer, request.identifiers or {})
    return Whose(next((one for one in named if _opens(identifiers, one)), None))


async def whose(
    identifiers: Identifiers, request: DecisionRequest, read: Callable[[str], Awaitable[KnownProfile]]
) -> Whose:
    """Say whose contact a request is; nobody is merged by it.

    Args:
        request: with identifiers as they are compared.
        read: gives what is known by a key.

    Raises:
        StoreError: the store cannot be read.
    """
    named = identifiers.ranked(request.customer, request.identifiers or {})
    if len(named) == 1 and identifiers.trust(named[0].kind) is not Trust.CLAIMED:
        return Whose(named[0])
    known = [await read(key_of(*one)) for one in named]
    return chosen(identifiers, named, known)


def chosen(identifiers: Identifiers, named: Sequence[Identifier], known: Sequence[KnownProfile]) -> Whose:
    """Choose whom to believe.

    Args:
        named: the most trusted first.
        known: what each of them leads to.
    """
    followed: Identifier | None = None
    person: str | None = None
    newcomers: list[Identifier] = []
    unproven: list[Identifier] = []
    doubts: list[str] = []
    opened = {profile.person for one, profile in zip(named, known, strict=True) if _opens(identifiers, one)}
    for one, profile in zip(named, known, strict=True):
        if profile.person is None:
            newcomers.append(one)
        elif person is not None:
            if profile.person != person:
                doubts.append(f"identity.{one.kind}: another person")
        elif not _opens(identifiers, one) and profile.person not in opened and _is_proven(identifiers, profile):
            doubts.append(f"identity.{one.kind}: unproven")
            unproven.append(one)
        elif any(new.kind in profile.kinds for new in newcomers if identifiers.trust(new.kind) is Trust.PROVEN):
            doubts.append(f"identity.{one.kind}: another person")
        else:
            followed, person = one, profile.person
    if followed is not None:
        return Whose(followed, tuple(doubts))
    followed = next(iter(newcomers), None)
    if followed is not None and identifiers.trust(followed.kind) is Trust.PROVEN:
        return Whose(followed, tuple(doubts))
    return Whose(followed, tuple(doubts), next(iter(unproven), None))


def _opens(identifiers: Identifiers, identifier: Identifier) -> bool:
    """Whether an identifier alone opens what is known of its person: not one that anybody may say."""
    return identifiers.trust(identifier.kind) is not Trust.CLAIMED


def _is_proven(identifiers: Identifiers, profile: KnownProfile) -> bool:
    return any(identifiers.trust(kind) is Trust.PROVEN for kind in profile.kinds)
