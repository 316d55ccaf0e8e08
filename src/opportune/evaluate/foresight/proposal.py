"""What `opportune plan` tells of a change: where both strategies come from, whom it was tried on, what it does."""

from __future__ import annotations

import msgspec

from opportune.evaluate.foresight.outlook import Outlook

__all__ = ["Proposal", "Threshold"]


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """A share of contacts that a change may have at most: "changed", "empty" or "emptied"."""

    name: str
    most: float
    found: float
    is_passed: bool = False

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "is_passed", self.found > self.most)


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A change and what it does.

    Args:
        before, after: what was compared, as the user named it.
        differences: in words.
        source: of the contacts: "decisions", "profiles", "file" or "imagined".
        left_out: rows of a file that cannot be read.
    """

    project: str
    before: str
    after: str
    differences: tuple[str, ...]
    source: str
    left_out: int
    seed: int
    thresholds: tuple[Threshold, ...]
    outlook: Outlook
