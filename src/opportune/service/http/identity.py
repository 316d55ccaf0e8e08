"""Handlers of who is who: proofs, merges, their undoing, and units such as households."""

from __future__ import annotations

from typing import Any

import msgspec

from opportune.service.http.call import Call, Reply
from opportune.service.http.problems import Refusal
from opportune.service.http.records import CustomerAnswer, CustomerChange, MergeAnswer, Taken
from opportune.service.http.route import Parameter, Route
from opportune.service.http.strict import read_as, read_json
from opportune.service.identity_links import MergeLine, UnitAnswer, UnitLine
from opportune.storage import Receipt

__all__ = [
    "IdentifyAnswer",
    "IdentifyRequest",
    "JoinRequest",
    "MergeRequest",
    "MergesAnswer",
    "SplitAnswer",
    "SplitRequest",
    "UnitsAnswer",
    "routes",
]


class IdentifyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Identifiers that are one person's.

    Args:
        identifiers: kind → identifier, two at least.
        proof: signed by the customer's own server for these identifiers.
    """

    identifiers: dict[str, str]
    proof: str


class IdentifyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All of them lead to one person.

    Args:
        status: "recorded", or "repeated" where they did already.
        merged: how many of them lead there since now.
    """

    status: str
    merged: int


class MergeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another identifier of the same customer.

    Args:
        id: the caller's idempotency key.
        other: it leads to the customer of the path from now on; KIND:VALUE where it is not a customer's.
        author, reason: who orders it, and why, without naming the customer; an erasure leaves them.
    """

    id: str
    other: str
    author: str = ""
    reason: str = ""


class MergesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The merges of a customer, the newest first."""

    merges: tuple[MergeLine, ...]


class SplitRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A merge that was wrong.

    Args:
        id: the caller's idempotency key.
        merge: its journal entry, as the list of the customer's merges has it.
        author, reason: who orders it, and why, without naming the customer; an erasure leaves them.
    """

    id: str
    merge: int
    author: str = ""
    reason: str = ""


class SplitAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A merge was undone; `sequence` is the journal entry that says so."""

    status: str
    sequence: int


class JoinRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a customer belongs to.

    Args:
        id: the caller's idempotency key.
        level: such as "household".
        unit: identifier of the household, say; null is none.
    """

    id: str
    level: str
    unit: str | None


class UnitsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The units that a customer belongs to, by level."""

    units: tuple[UnitLine, ...]


async def identify(call: Call) -> Reply:
    """Let identifiers lead to one person, as a proof says."""
    asked = read_as(read_json(call.body), IdentifyRequest)
    _, merged = await call.runtime.links.identify(asked.identifiers, asked.proof)
    return Reply.of(IdentifyAnswer(status="recorded" if merged else "repeated", merged=merged))


async def merge_customers(call: Call) -> Reply:
    """Let two identifiers lead to one customer."""
    asked = read_as(read_json(call.body), MergeRequest)
    links = call.runtime.links
    receipt = await links.merge(call.path["customer"], asked.other, asked.id, asked.author, asked.reason)
    return Reply.of(MergeAnswer(status=_status(receipt), version=receipt.version))


async def get_merges(call: Call) -> Reply:
    """List the merges of a customer."""
    merges = await call.runtime.links.merges(call.path["customer"])
    return Reply.of(MergesAnswer(merges=_known(merges)))


async def split_customers(call: Call) -> Reply:
    """Undo a merge."""
    asked = read_as(read_json(call.body), SplitRequest)
    links = call.runtime.links
    receipt = await links.split(call.path["customer"], asked.merge, asked.id, asked.author, asked.reason)
    return Reply.of(SplitAnswer(status=_status(receipt), sequence=receipt.sequence))


async def get_units(call: Call) -> Reply:
    """Say what a customer belongs to."""
    return Reply.of(UnitsAnswer(units=_known(await call.runtime.links.units(call.path["customer"]))))


async def join_unit(call: Call) -> Reply:
    """Let a customer belong to a unit, or to none."""
    asked = read_as(read_json(call.body), JoinRequest)
    receipt = await call.runtime.links.join(call.path["customer"], asked.level, asked.unit, asked.id)
    return Reply.of(Taken(status=_status(receipt), sequence=receipt.sequence))


async def get_unit(call: Call) -> Reply:
    """Say what is known of a unit, and who belongs to it."""
    found = await call.runtime.links.unit(call.path["level"], call.path["unit"])
    if found is None:
        raise Refusal("not-found", "no unit of this level is known under this identifier")
    return Reply.of(found)


async def put_unit(call: Call) -> Reply:
    """Replace what is known of a unit."""
    return await _change(call, replace=True)


async def patch_unit(call: Call) -> Reply:
    """Set some attributes of a unit; null removes one."""
    return await _change(call, replace=False)


async def _change(call: Call, *, replace: bool) -> Reply:
    change = read_as(read_json(call.body), CustomerChange)
    receipt = await call.runtime.links.save_unit(
        call.path["level"], call.path["unit"], change.attributes, replace=replace, write_id=call.idempotency_key()
    )
    return Reply.of(CustomerAnswer(version=receipt.version, repeated=receipt.repeated, ignored=()))


def _known(found: tuple[Any, ...] | None) -> tuple[Any, ...]:
    if found is None:
        raise Refusal("not-found", "nobody is known under this identifier")
    return found


def _status(receipt: Receipt) -> str:
    return "repeated" if receipt.repeated else "recorded"


_NAMES = ("invalid-request", "invalid-identifier", "id-conflict", "store-busy", "store-unavailable")
_READS = ("not-found", "invalid-request", "invalid-identifier", "store-busy", "store-unavailable")


def routes(key: Parameter) -> tuple[Route, ...]:
    """List the routes; `key` is the header of idempotency."""
    refuses = (*_NAMES, "invalid-attribute", "invalid-header", "unknown-level")
    customer, unit = "/v1/customers/{customer}", "/v1/units/{level}/{unit}"
    return (
        Route(
            "POST",
            "/v1/identify",
            identify,
            "Let identifiers lead to one person, as a proof of the customer's own server says",
            {200: IdentifyAnswer},
            takes=IdentifyRequest,
            refuses=(*_NAMES, "invalid-proof", "expired-proof", "identity-conflict"),
        ),
        Route(
            "POST",
            f"{customer}/merge",
            merge_customers,
            "Let another identifier lead to the same customer",
            {200: MergeAnswer},
            takes=MergeRequest,
            refuses=(*_NAMES, "unknown-customer"),
        ),
        Route(
            "GET",
            f"{customer}/merges",
            get_merges,
            "List the merges of a customer, those that were undone too",
            {200: MergesAnswer},
            refuses=_READS,
        ),
        Route(
            "POST",
            f"{customer}/split",
            split_customers,
            "Undo a merge",
            {200: SplitAnswer},
            takes=SplitRequest,
            refuses=(*_NAMES, "unknown-merge", "merge-undone"),
        ),
        Route(
            "GET",
            f"{customer}/units",
            get_units,
            "Say which household, say, a customer belongs to",
            {200: UnitsAnswer},
            refuses=_READS,
        ),
        Route(
            "PUT",
            f"{customer}/units",
            join_unit,
            "Let a customer belong to a household, say, or to none",
            {200: Taken},
            takes=JoinRequest,
            refuses=(*_NAMES, "unknown-level"),
        ),
        Route(
            "GET",
            unit,
            get_unit,
            "Give what is known of a household, say, and who belongs to it",
            {200: UnitAnswer},
            refuses=(*_READS, "unknown-level"),
        ),
        Route(
            "PUT",
            unit,
            put_unit,
            "Replace what is known of a household, say",
            {200: CustomerAnswer},
            refuses=refuses,
            takes=CustomerChange,
            parameters=(key,),
        ),
        Route(
            "PATCH",
            unit,
            patch_unit,
            "Set some attributes of a household, say; null removes one",
            {200: CustomerAnswer},
            refuses=refuses,
            takes=CustomerChange,
            parameters=(key,),
        ),
    )
