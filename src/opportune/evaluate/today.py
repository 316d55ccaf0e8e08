"""What was recorded of actions and groups under former names, as a strategy calls them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from opportune.decide.limits.limits import Limits
from opportune.records import Hold, Tired, Value

__all__ = ["facts_today", "holds_today", "tired_today"]

_NAMED = ("action:", "group:")


def holds_today(limits: Limits, holds: Sequence[Hold]) -> tuple[Hold, ...]:
    """Give holds that bind what the strategy calls otherwise now."""
    return tuple(replace(one, part=limits.today(one.part)) if one.part.startswith(_NAMED) else one for one in holds)


def tired_today(limits: Limits, tired: Sequence[Tired]) -> tuple[Tired, ...]:
    """Give contacts that were counted for what the strategy calls otherwise now."""
    return tuple(replace(one, part=limits.today(one.part)) if one.part.startswith(_NAMED) else one for one in tired)


def facts_today(limits: Limits, facts: Mapping[str, Value]) -> Mapping[str, Value]:
    """Give facts in which features per action, and what a session holds, have the names of today."""
    if not limits.former:
        return facts
    return {_key(limits, key): _value(limits, key, value) for key, value in facts.items()}


def _key(limits: Limits, key: str) -> str:
    feature, at, action = key.partition("@")
    return f"{feature}@{limits.former.get(action, action)}" if at else key


def _value(limits: Limits, key: str, value: Value) -> Value:
    if key.startswith("session.") and isinstance(value, list):
        return [limits.former.get(action, action) for action in value]
    return value
