"""Handlers of models: compare champion and challengers, promote one, list kept versions, go back to one, rebuild."""

from __future__ import annotations

import msgspec

from opportune.evaluate.model_report import LANGUAGES, page_of
from opportune.service.contests import Version
from opportune.service.http.call import Call, Reply
from opportune.service.http.strict import read_as, read_json

__all__ = [
    "PromotionRequest",
    "RebuildRequest",
    "RestorationRequest",
    "VersionsAnswer",
    "get_comparison",
    "get_rebuild_progress",
    "get_report",
    "get_report_page",
    "get_versions",
    "promote_model",
    "rebuild_models",
    "restore_version",
]


class PromotionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The model that is to decide.

    Args:
        model: its name.
        id: idempotency key: the same order again has no second effect.
        author, reason: who promotes it, and why, in their words.
    """

    model: str
    id: str | None = None
    author: str = ""
    reason: str = ""


class RestorationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kept version to go back to.

    Args:
        version: its number.
        id: idempotency key: the same order again has no second effect.
        author, reason: who goes back, and why, in their words.
    """

    version: int
    id: str | None = None
    author: str = ""
    reason: str = ""


class RebuildRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order to learn all final truths anew.

    Args:
        author, reason: who orders it, and why, in their words.
    """

    author: str = ""
    reason: str = ""


class VersionsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All kept versions, the newest first."""

    versions: tuple[Version, ...]


async def get_report(call: Call) -> Reply:
    """Judge champion and challengers."""
    return Reply.of(await call.runtime.judge_models())


async def get_report_page(call: Call) -> Reply:
    """Judge champion and challengers, as a page with pictures."""
    language = call.query_choice("language", LANGUAGES)
    report = await call.runtime.judge_models()
    page = page_of(report, "pl" if language == "pl" else "en")
    return Reply.page(page.encode())


async def get_comparison(call: Call) -> Reply:
    """Compare champion and challengers."""
    return Reply.of(await call.runtime.compare_models())


async def get_versions(call: Call) -> Reply:
    """List kept versions of what the models learned."""
    return Reply.of(VersionsAnswer(versions=tuple(await call.runtime.model_versions())))


async def promote_model(call: Call) -> Reply:
    """Let a model decide."""
    asked = read_as(read_json(call.body), PromotionRequest)
    return Reply.of(await call.runtime.promote_model(asked.model, asked.author, asked.reason, asked.id))


async def restore_version(call: Call) -> Reply:
    """Go back to a kept version."""
    asked = read_as(read_json(call.body), RestorationRequest)
    return Reply.of(await call.runtime.restore_version(asked.version, asked.author, asked.reason, asked.id))


async def get_rebuild_progress(call: Call) -> Reply:
    """Say how far a rebuild is."""
    return Reply.of(call.runtime.rebuild_progress())


async def rebuild_models(call: Call) -> Reply:
    """Learn all final truths anew."""
    asked = read_as(read_json(call.body), RebuildRequest)
    return Reply.of(await call.runtime.rebuild_models(asked.author, asked.reason))
