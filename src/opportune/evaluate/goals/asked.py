"""What contacts a report on goals is about."""

from __future__ import annotations

import msgspec

__all__ = ["Asked"]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The contacts, and who decided them.

    Args:
        project: name of the strategy.
        source: "decisions", "profiles", "file" or "imagined".
        model: that decided, as of now; `position` is the journal entry that it has learned to.
        left_out: rows of the file that cannot be read.
    """

    project: str
    source: str
    model: str
    position: int
    seed: int
    left_out: int = 0
