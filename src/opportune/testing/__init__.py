"""Contract suites for people who write their own members of a family: subclass one and run it with pytest."""

from __future__ import annotations

__all__: list[str] = []
