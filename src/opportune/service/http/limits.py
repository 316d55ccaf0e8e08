"""Handlers of limits: how stocks stand, and the emergency switch."""

from __future__ import annotations

import msgspec

from opportune.service.http.call import Call, Reply
from opportune.service.http.strict import read_as, read_json

__all__ = ["SwitchAnswer", "SwitchRequest", "get_limits", "switch_action"]


class SwitchRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An action or a group to switch off, or on again.

    Args:
        target: its name, or "action:<name>" or "group:<name>" where both have one name.
        off: whether nobody may be shown it from now on.
        id: idempotency key: the same order again has no second effect.
        author, reason: who orders it, and why, in their words.
    """

    target: str
    off: bool
    id: str | None = None
    author: str = ""
    reason: str = ""


class SwitchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The journal entry of a switch; this process obeys it already, all others do within a second."""

    entry: int
    target: str
    off: bool


async def get_limits(call: Call) -> Reply:
    """Say how stocks stand and what is switched off."""
    return Reply.of(await call.runtime.limits())


async def switch_action(call: Call) -> Reply:
    """Switch an action or a group off, or on again."""
    asked = read_as(read_json(call.body), SwitchRequest)
    target, entry = await call.runtime.switch_target(asked.target, asked.off, asked.author, asked.reason, asked.id)
    return Reply.of(SwitchAnswer(entry=entry, target=target, off=asked.off))
