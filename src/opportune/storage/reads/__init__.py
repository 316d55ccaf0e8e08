"""Read what is kept and check it on the way: what the rows of a backend mean to those who ask a storage."""

from __future__ import annotations

from opportune.storage.reads import belonging, decisions, happening, limits, people, publishing
from opportune.storage.reads.kept import about, damage, decoded, kept_anchor
from opportune.storage.reads.receipts import first_receipt

__all__ = [
    "about",
    "belonging",
    "damage",
    "decisions",
    "decoded",
    "first_receipt",
    "happening",
    "kept_anchor",
    "limits",
    "people",
    "publishing",
]
