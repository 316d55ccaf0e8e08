"""Where the kept journal begins."""

from __future__ import annotations

from typing import NamedTuple

from opportune.storage.digests import digest_of, encode

__all__ = ["Anchor"]


class Anchor(NamedTuple):
    """Where the kept journal begins, after retention dropped its oldest entries.

    Args:
        sequence: of the last dropped entry; `digest` and `recorded_at` (in microseconds) are its own.
        learnable_from: position from which on every outcome can be learned: behind it, none answers a dropped decision.
        summary: what the dropped entries left in the tables that stay, see `Fold.summary`.
        seal: digest of all of this.
    """

    sequence: int
    digest: bytes
    recorded_at: int
    learnable_from: int
    summary: bytes
    seal: bytes

    def sealed(self) -> Anchor:
        """Give the same with its seal."""
        return self._replace(seal=digest_of(encode(self[:5])))
