"""A trained model of texts: which label a text has, and what in it spoke for that.

The formula stands in docs/concepts/texts.md.

Notation: D places that pieces of texts fall into (words first, then runs of letters), L labels, P pieces' places found
in one text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from opportune.customers.texts.ngrams import Pieces, pieces_of

__all__ = ["About", "Layout", "Reading", "Spoken", "TextModel", "counted", "weighed"]

Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


class Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Into how many places pieces fall.

    Args:
        word_bits, letter_bits: binary logarithms of the number of places, 8..20 each.
    """

    word_bits: int = 13
    letter_bits: int = 14

    @property
    def size(self) -> int:
        """All places."""
        return (1 << self.word_bits) + (1 << self.letter_bits)


class About(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model says of itself.

    Args:
        language: of its texts, such as "en".
        labels: in the order of its columns.
        several: whether a text may have several labels, or none.
        at_least: chance from which on a label counts, unless a project says otherwise.
        none: score of a text having no label of these, where a text has one label at most; else None.
        data: what it was trained on, with its authors.
        licence: of that.
        rows: texts that it was trained on.
        quality: figure → value on texts that were held back from training.
    """

    language: str
    labels: tuple[str, ...]
    several: bool
    at_least: float
    none: float | None
    data: str
    licence: str
    rows: int
    quality: Mapping[str, float]
    layout: Layout


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model says of one text: label → chance, the likeliest first."""

    chances: Mapping[str, float]

    def sure(self, at_least: float) -> tuple[str, ...]:
        """List the labels of at least this chance, the likeliest first."""
        return tuple(label for label, chance in self.chances.items() if chance >= at_least)


@dataclass(frozen=True, slots=True)
class Spoken:
    """How much one piece of a text speaks for a label, in log odds; below 0 it speaks against it."""

    piece: str
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class TextModel:
    """Linear weights over the pieces of a text. Reading changes nothing, so any number of threads may.

    Args:
        rarity: float32 [D], what a piece counts, the rarer the more.
        weights: int8 [D, L].
        scale: float64 [L], what 1 of a column of `weights` stands for.
        bias: float64 [L].
        digest: BLAKE2b-256 of its file, in hexadecimal.
    """

    about: About
    rarity: npt.NDArray[np.float32]
    weights: npt.NDArray[np.int8]
    scale: Doubles
    bias: Doubles
    digest: str = field(default="")

    def read(self, text: str) -> Reading:
        """Read a text; one without any word says nothing, and no label has a chance."""
        pieces = pieces_of(text)
        if not len(pieces.hashes):
            return Reading(dict.fromkeys(self.about.labels, 0.0))
        places, values = features_of(pieces, self.about.layout, self.rarity)
        chances = self.chances(values @ self.weights[places] * self.scale + self.bias)
        order = np.argsort(-chances, kind="stable")
        return Reading({self.about.labels[i]: float(chances[i]) for i in order})

    def chances(self, scores: Doubles) -> Doubles:
        """Turn scores [..., L] into chances."""
        none = self.about.none
        if none is None:
            return 1.0 / (1.0 + np.exp(-np.clip(scores, -30.0, 30.0)))
        highest = np.maximum(scores.max(axis=-1, keepdims=True), none)
        raised = np.exp(scores - highest)
        return np.asarray(raised / (raised.sum(axis=-1, keepdims=True) + np.exp(none - highest)))

    def spoken(self, text: str, label: str, most: int = 8) -> list[Spoken]:
        """List the pieces of a text that spoke for a label, or against it, the weightiest first."""
        pieces = pieces_of(text)
        column = self.about.labels.index(label)
        if not len(pieces.hashes):
            return []
        places, values = features_of(pieces, self.about.layout, self.rarity)
        share = dict(zip(places.tolist(), (values * self.weights[places, column] * self.scale[column]), strict=True))
        names: dict[str, float] = {}
        for index, place in enumerate(places_of(pieces, self.about.layout).tolist()):
            names.setdefault(pieces.name(index), float(share[place]))
        weightiest = sorted(names.items(), key=lambda one: (-abs(one[1]), one[0]))[:most]
        return [Spoken(name, weight) for name, weight in weightiest if weight]


def places_of(pieces: Pieces, layout: Layout) -> Places:
    """Give the place of every piece; other pieces may fall into the same."""
    words = pieces.hashes[: pieces.words] >> np.uint64(64 - layout.word_bits)
    runs = pieces.hashes[pieces.words :] >> np.uint64(64 - layout.letter_bits)
    return np.concatenate((words.astype(np.int64), runs.astype(np.int64) + (1 << layout.word_bits)))


def counted(pieces: Pieces, layout: Layout) -> tuple[Places, Places]:
    """Give the places [P] of a text in rising order, and how many of its pieces fall into each."""
    return np.unique(places_of(pieces, layout), return_counts=True)


def weighed(places: Places, times: Places, layout: Layout, rarity: npt.NDArray[np.float32]) -> Doubles:
    """Give how much of each place [P] a text has; words together have length 1, and runs of letters too."""
    values = (1.0 + np.log(times)) * rarity[places]
    border = int(np.searchsorted(places, 1 << layout.word_bits))
    for part in (slice(None, border), slice(border, None)):
        length = float(np.sqrt(values[part] @ values[part]))
        if length:
            values[part] /= length
    return np.asarray(values)


def features_of(pieces: Pieces, layout: Layout, rarity: npt.NDArray[np.float32]) -> tuple[Places, Doubles]:
    """Give the places [P] of a text in rising order, and how much of each it has."""
    places, times = counted(pieces, layout)
    return places, weighed(places, times, layout, rarity)
