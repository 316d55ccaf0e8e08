"""Who is compared with whom: those who share a block. A pair i < j of N persons is the number i · N + j."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from opportune.customers.identity.duplicates.people import SHARED, People, Values

__all__ = ["BLOCK_MAX", "blocks_of", "pairs_in"]

Pairs = npt.NDArray[np.int64]

BLOCK_MAX = 60
"""Persons of one block; what more of them share, such as the phone of a switchboard, says too little of anyone."""
_MIX = -7046029254386353131
"""An odd number that spreads the bits of what it is multiplied with."""


def blocks_of(people: People) -> Iterator[tuple[str, Values]]:
    """Give families of blocks: by e-mail, by phone, and by a word of a name with each date and each other text."""
    for kind in SHARED:
        yield kind, people.several[kind]
    owner, key = people.several["name"]
    for field, column in zip(people.fields, people.columns, strict=True):
        if field.compare in ("date", "text"):
            own = column[owner]
            is_known = own != 0
            yield field.name, Values(owner[is_known], (key[is_known] * _MIX) ^ own[is_known])


def pairs_in(values: Values, size: int) -> tuple[Pairs, int]:
    """List the pairs of one family, each once, in order.

    Args:
        size: N.

    Returns:
        the pairs, and how many blocks were too large to be looked into.
    """
    order = np.lexsort((values.owner, values.value))
    owner, value = values.owner[order], values.value[order]
    begins = np.flatnonzero(np.r_[True, value[1:] != value[:-1]]) if len(value) else np.zeros(0, dtype=np.intp)
    sizes = np.diff(np.r_[begins, len(value)])
    is_small = np.repeat(sizes <= BLOCK_MAX, sizes)
    owner, value = owner[is_small], value[is_small]
    found = []
    for distance in range(1, min(BLOCK_MAX, len(owner))):
        same = value[distance:] == value[:-distance]
        if not same.any():
            break
        one, other = owner[:-distance][same], owner[distance:][same]
        found.append(one * size + other)
    pairs = np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)
    return pairs, int(np.count_nonzero(sizes > BLOCK_MAX))
