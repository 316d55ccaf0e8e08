"""What one request says that holds for the later ones of its session."""

from __future__ import annotations

from collections.abc import Mapping, Set

from opportune.records import Value
from opportune.strategy.sections.attributes import ContextAttribute

__all__ = ["carried", "session_attributes"]


def session_attributes(context: Mapping[str, ContextAttribute]) -> frozenset[str]:
    """Name the attributes of the context that a session keeps."""
    return frozenset(name for name, section in context.items() if section.keeps == "session")


def carried(kept: Set[str], before: Mapping[str, Value], said: Mapping[str, Value]) -> dict[str, Value]:
    """Give what a session knows after one more request; what was said last counts.

    Args:
        kept: names of the attributes that a session keeps.
        before: what it knew; said: the context of the request, without prefix as well.
    """
    return {**before, **{name: said[name] for name in kept & said.keys()}}
