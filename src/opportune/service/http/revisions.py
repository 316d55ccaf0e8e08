"""Handlers of revisions: publish one, go back, list them."""

from __future__ import annotations

import msgspec

from opportune.errors import InputError, UnknownError
from opportune.service.http.call import Call, Reply
from opportune.service.http.strict import read_as, read_json
from opportune.service.publishing import Offer
from opportune.service.releasing import RevisionLine

__all__ = [
    "PublishRequest",
    "RevisionsAnswer",
    "RollbackRequest",
    "get_revision",
    "get_revisions",
    "publish_revision",
    "rollback_revision",
]

DIGITS_MAX = 9


class PublishRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A strategy to be published.

    Args:
        files: path inside the project → text.
        author, reason: who publishes it, and why, in their words.
        another_project: take it although the strategy in use has another name.
    """

    files: dict[str, str]
    author: str = ""
    reason: str = ""
    another_project: bool = False


class RollbackRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An earlier revision to go back to; null takes the one before the current one.

    Args:
        author, reason: who goes back, and why, in their words.
    """

    number: int | None = None
    author: str = ""
    reason: str = ""


class RevisionsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All revisions, the first one first."""

    revisions: tuple[RevisionLine, ...]


async def publish_revision(call: Call) -> Reply:
    """Check a strategy, publish it and serve it."""
    asked = read_as(read_json(call.body), PublishRequest)
    offer = Offer(asked.files, asked.author, asked.reason, asked.another_project, now=call.runtime.settings.clock())
    return Reply.of(await call.runtime.publish(offer))


async def rollback_revision(call: Call) -> Reply:
    """Publish an earlier revision again and serve it."""
    asked = read_as(read_json(call.body), RollbackRequest)
    if asked.number is not None and not 0 < asked.number < 10**DIGITS_MAX:
        raise InputError.of("number", "expected the number of a revision", "GET /v1/revisions lists them")
    return Reply.of(await call.runtime.rollback(asked.number, asked.author, asked.reason))


async def get_revisions(call: Call) -> Reply:
    """List all revisions."""
    return Reply.of(RevisionsAnswer(revisions=tuple(await call.runtime.revisions())))


async def get_revision(call: Call) -> Reply:
    """Give one revision with its files."""
    text = call.path["number"]
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX):
        raise UnknownError.of(
            "number", "expected the number of a revision", "GET /v1/revisions lists them", "not-found"
        )
    return Reply.of(await call.runtime.revision(int(text)))
