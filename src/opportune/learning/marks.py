"""Marks of texts: what models keep of them, so that no learned state holds what somebody wrote or is called.

A mark is the same in every process. It does not hide a text from whoever can guess it; it keeps the text itself, and
all that it holds, out of states, their copies and their backups.
"""

from __future__ import annotations

import functools
import hashlib
import re

__all__ = ["as_mark", "mark_of"]

_MARK = re.compile("#[0-9a-f]{16}")
MEMORY = 65_536
"""Marks that stay in memory: working one out takes a microsecond."""


@functools.lru_cache(maxsize=MEMORY)
def mark_of(text: str) -> str:
    """Give the mark of a text: 64 bits of its BLAKE2b, written as # and 16 digits."""
    return "#" + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def as_mark(kept: str) -> str:
    """Give the mark that a state kept; of a text that an earlier state kept, its mark."""
    return kept if _MARK.fullmatch(kept) else mark_of(kept)
