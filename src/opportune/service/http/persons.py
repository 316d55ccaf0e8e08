"""Handlers of what a person may ask: to be told all that is kept, and to be forgotten."""

from __future__ import annotations

import msgspec

from opportune.service.export_page import LANGUAGES, page_of
from opportune.service.http.call import Call, Reply
from opportune.service.http.strict import read_as, read_json

__all__ = ["ErasureRequest", "erase_person", "erase_unit", "get_export", "get_export_page"]


class ErasureRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order to forget a person.

    Args:
        reason: why, without naming the person; it is kept.
        id: idempotency key: the same order again has no second effect.
        author: who orders it.
    """

    reason: str
    id: str | None = None
    author: str = ""


async def get_export(call: Call) -> Reply:
    """Tell all that is kept about a person."""
    return Reply.of(await call.runtime.rights.export(call.path["customer"]))


async def get_export_page(call: Call) -> Reply:
    """Tell the same as a page."""
    language = call.query_choice("language", LANGUAGES) or LANGUAGES[0]
    found = await call.runtime.rights.export(call.path["customer"])
    return Reply.page(page_of(found, language, call.runtime.strategy.project))


async def erase_person(call: Call) -> Reply:
    """Forget a person for good."""
    asked = read_as(read_json(call.body), ErasureRequest)
    return Reply.of(await call.runtime.rights.erase(call.path["customer"], asked.author, asked.reason, asked.id))


async def erase_unit(call: Call) -> Reply:
    """Forget a unit, such as a household."""
    asked, path = read_as(read_json(call.body), ErasureRequest), call.path
    done = await call.runtime.rights.erase_unit(path["level"], path["unit"], asked.author, asked.reason, asked.id)
    return Reply.of(done)
