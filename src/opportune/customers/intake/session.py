"""One conversation as decisions know it: what was said in it, what was shown, and what came of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from opportune.customers.context.base import SESSION_START
from opportune.records import Value, ValueType

__all__ = ["SESSION_FACTS", "Session"]

SESSION_FACTS: Mapping[str, ValueType] = {
    "session.turn": ValueType.INTEGER,
    "session.minutes": ValueType.NUMBER,
    "session.shown": ValueType.TEXTS,
    "session.accepted": ValueType.TEXTS,
    "session.rejected": ValueType.TEXTS,
}
"""What rules may name of every conversation, and its type."""


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation up to now, of one person or of nobody.

    Args:
        turns: decisions in it so far.
        began: moment of its first decision or note; None before there is one.
        said: attributes of the context that it keeps, without prefix.
        shown: actions that its answers held, each once, in the order in which they were shown first.
        accepted, rejected: of these, which had a positive or a negative outcome that stands.
    """

    turns: int = 0
    began: datetime | None = None
    said: Mapping[str, Value] = field(default_factory=dict)
    shown: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()

    def facts(self, now: datetime) -> dict[str, Value]:
        """Give what a decision at a moment knows of it: its turn counts too, from 1, and minutes since its begin."""
        began = self.began or now
        return {
            **{f"context.{name}": value for name, value in self.said.items()},
            SESSION_START: began,
            "session.turn": self.turns + 1,
            "session.minutes": max(0.0, (now - began).total_seconds() / 60),
            "session.shown": list(self.shown),
            "session.accepted": list(self.accepted),
            "session.rejected": list(self.rejected),
        }
