"""Handlers of what customers allow."""

from __future__ import annotations

import msgspec

from opportune.decide.limits.consents import EVERYWHERE
from opportune.service.consents import ConsentLine, Said
from opportune.service.http.call import Call, Reply
from opportune.service.http.problems import Refusal
from opportune.service.http.records import Taken
from opportune.service.http.strict import read_as, read_json
from opportune.storage import Receipt

__all__ = ["ConsentsAnswer", "get_consents", "put_consent", "withdraw_consent"]


class ConsentsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer allows, by purpose and channel."""

    consents: tuple[ConsentLine, ...]


async def get_consents(call: Call) -> Reply:
    """Say what a customer allows; of somebody who is not known, what silence means."""
    return Reply.of(ConsentsAnswer(consents=await call.runtime.rights.consents(call.path["customer"])))


async def put_consent(call: Call) -> Reply:
    """Record what a customer said of a purpose."""
    return await _record(call, read_as(read_json(call.body), Said))


async def withdraw_consent(call: Call) -> Reply:
    """Record that a customer refuses a purpose, withdraws what was given, or objects."""
    values = call.query_values("purpose", "channel", "source")
    if not values.get("purpose"):
        raise Refusal("invalid-query", "purpose: expected the name of a purpose")
    said = Said(
        purpose=values["purpose"],
        given=False,
        channel=values.get("channel", EVERYWHERE),
        source=values.get("source", ""),
    )
    return await _record(call, said)


async def _record(call: Call, said: Said) -> Reply:
    receipt = await call.runtime.rights.record_consent(call.path["customer"], said, call.idempotency_key())
    return Reply.of(_taken(receipt))


def _taken(receipt: Receipt) -> Taken:
    return Taken(status="repeated" if receipt.repeated else "recorded", sequence=receipt.sequence)
