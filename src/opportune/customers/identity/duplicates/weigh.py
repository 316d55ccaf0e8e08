"""How likely two persons are one: what they share, weighed against chance and against being of one household.

The formula stands in docs/concepts/identity.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["CLOSE", "DIFFERENT", "EQUAL", "UNKNOWN", "Chances", "chances_of", "frequencies", "posterior"]

Reals = npt.NDArray[np.float64]
Levels = npt.NDArray[np.int8]

UNKNOWN, EQUAL, CLOSE, DIFFERENT = range(4)

DUPLICATES = 0.05
"""How many duplicates a person is taken to have before anything is compared."""
RELATIVES = 1.0
"""How many others of the same household."""


class Chances(NamedTuple):
    """Chances of (equal, close, different) of one field: of one person twice, and of two of one household."""

    same: tuple[float, float, float]
    related: tuple[float, float, float]


NAMESAKES = 0.02
"""How likely two of one household have all names alike."""

_CHANCES = {
    "name": Chances((0.87, 0.10, 0.03), (0.50, 0.02, 0.48)),
    "date": Chances((0.92, 0.05, 0.03), (0.005, 0.04, 0.955)),
    "text": Chances((0.80, 0.00, 0.20), (0.90, 0.00, 0.10)),
    "email": Chances((0.60, 0.00, 0.40), (0.05, 0.00, 0.95)),
    "phone": Chances((0.60, 0.00, 0.40), (0.40, 0.00, 0.60)),
}


def chances_of(compare: str) -> Chances:
    """Give the chances of a kind of comparison."""
    return _CHANCES[compare]


def frequencies(column: npt.NDArray[np.int64], known: int) -> tuple[npt.NDArray[np.int64], Reals]:
    """Give each value of a column, ascending, and how likely a stranger has it; two persons are the least."""
    values, counts = np.unique(column[column != 0], return_counts=True)
    return values, np.maximum(counts, 2) / max(known, 2)


def posterior(
    levels: list[Levels],
    chances: list[Chances],
    strangers: list[tuple[Reals | float, float]],
    people: int,
    names: list[int],
) -> Reals:
    """Say how likely pairs are one person.

    Args:
        levels: per field, how the pairs stand.
        strangers: per field, how likely two strangers have the value that the pair shares, and how likely any two
            values are close.
        people: N.
        names: which fields are names.
    """
    size = len(levels[0])
    same, related, strange = (np.full(size, np.log(prior / people)) for prior in (DUPLICATES, RELATIVES, people))
    for level, chance, (equal, close) in zip(levels, chances, strangers, strict=True):
        by_chance = np.where(level == EQUAL, equal, close)
        for sums, of in ((same, chance.same), (related, chance.related)):
            table = np.log(np.maximum((1.0, *of), 1e-9))
            sums += table[level]
        strange += np.where((level == EQUAL) | (level == CLOSE), np.log(by_chance), 0.0)
    related += _namesakes([levels[place] for place in names], size)
    highest = np.maximum(np.maximum(same, related), strange)
    parts = [np.exp(sums - highest) for sums in (same, related, strange)]
    return np.asarray(parts[0] / (parts[0] + parts[1] + parts[2]))


def _namesakes(names: list[Levels], size: int) -> Reals:
    """Give what to add where all names that are known are alike: relatives share some of them, not all."""
    alike, known = np.ones(size, dtype=bool), np.zeros(size, dtype=bool)
    added = np.full(size, np.log(NAMESAKES))
    table = np.log((1.0, *_CHANCES["name"].related))
    for level in names:
        alike &= level != DIFFERENT
        known |= level != UNKNOWN
        added -= table[level]
    return np.where(alike & known, added, 0.0)
