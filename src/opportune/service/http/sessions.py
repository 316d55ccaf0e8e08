"""POST /v1/sessions/{session}: what is new in a conversation between two decisions."""

from __future__ import annotations

from opportune.service.http.call import Call, Reply
from opportune.service.http.strict import read_as, read_json
from opportune.service.session_intake import SessionNews

__all__ = ["add_to_session"]


async def add_to_session(call: Call) -> Reply:
    """Add what an agent or a page learned since the last decision."""
    news = read_as(read_json(call.body), SessionNews)
    return Reply.of(await call.runtime.add_to_session(call.path["session"], news))
