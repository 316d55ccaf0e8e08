"""The ledger of outcomes: what is finally true of what decisions showed.

The truth follows from the set of reports, never from the order in which they came: whoever hears of the same reports,
once or several times, holds the same truth, bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from opportune.storage.standing import Report

__all__ = ["Truth", "truth_digest"]


@dataclass(frozen=True, slots=True)
class Truth:
    """What finally stands of one decision.

    Args:
        at: of the decision, microseconds since 1970 UTC.
        reports: that stand, in the order in which things happened.
    """

    decision: str
    at: int
    reports: tuple[Report, ...]


def truth_digest(truths: Iterable[Truth]) -> str:
    """Hex digest of truths in the order of their decisions; equal exactly where they say the same."""
    digest = blake2b(digest_size=32)
    for truth in truths:
        said = [
            # Who noticed a silence is no part of the truth.
            (
                "" if report.expiry else report.id,
                report.action,
                report.treatment,
                report.outcome,
                report.occurred_at,
                report.expiry,
                report.amount,
            )
            for report in truth.reports
        ]
        content = msgspec.msgpack.encode((truth.decision, truth.at, said))
        digest.update(len(content).to_bytes(8, "little") + content)
    return digest.hexdigest()
