"""Reads attributes of the context out of a free text: by which model, and what of its labels an attribute takes.

Contract for callers: reading is pure, bounded by the length that is read, and safe in any number of threads; it takes
about a millisecond, so it belongs beside the thread that decides. What cannot be waited for is told as `late`. The
text itself goes nowhere from here: facts hold values that the project declares, and nothing of what was written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from opportune.customers.texts.model import Reading, TextModel
from opportune.records import Value

__all__ = ["FoundInText", "ReadAttribute", "TextReader"]

LATE = "late"
NO_MODEL = "no model of this language"
UNCLEAR = "unclear"


class FoundInText(NamedTuple):
    """What a text says.

    Args:
        facts: "context.<name>" → value.
        doubts: attributes that the text should give and does not, each with a word, such as "context.topic: unclear".
    """

    facts: dict[str, Value]
    doubts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadAttribute:
    """One attribute that is read out of texts.

    Args:
        name: of the context attribute, without prefix.
        models: language → model.
        values: label → value of the attribute; labels that are missing give none. None takes every label as it is.
        at_least: chance from which on a value counts; None takes the model's own.
        otherwise: value where none is likely enough; None leaves the attribute out.
        is_list: whether it takes all values that are likely enough, not the likeliest one alone.
    """

    name: str
    models: Mapping[str, TextModel] = field(repr=False)
    values: Mapping[str, str] | None = None
    at_least: float | None = None
    otherwise: str | None = None
    is_list: bool = False

    def of(self, text: str, language: str) -> Value | str | None:
        """Give the value in a text of a language that has a model; None where nothing is clear enough."""
        model = self.models[language]
        least = model.about.at_least if self.at_least is None else self.at_least
        chances = self._chances(model.read(text), model.about.several)
        sure = [value for value in sorted(chances, key=lambda one: (-chances[one], one)) if chances[value] >= least]
        if not sure:
            sure = [] if self.otherwise is None else [self.otherwise]
        if self.is_list:
            return sure
        return sure[0] if sure else None

    def _chances(self, reading: Reading, several: bool) -> dict[str, float]:
        """Give the chance of each value: of one label a text they add up, of several the likeliest counts."""
        if self.values is None:
            return dict(reading.chances)
        chances: dict[str, float] = {}
        for label, chance in reading.chances.items():
            value = self.values.get(label)
            if value is not None:
                before = chances.get(value, 0.0)
                chances[value] = max(before, chance) if several else before + chance
        return chances


class TextReader:
    """Reads all attributes of a project that come from texts.

    Args:
        language: that a text is taken to be in where nobody says.
    """

    def __init__(self, attributes: Sequence[ReadAttribute], language: str) -> None:
        self.attributes = tuple(attributes)
        self.language = language

    def read(self, text: str, language: str | None = None) -> FoundInText:
        """Read a text.

        Args:
            language: of the text, such as "pl"; of "pl-PL" the part before the hyphen counts. None takes the default.
        """
        spoken = (language or self.language).partition("-")[0].lower()
        facts: dict[str, Value] = {}
        doubts: list[str] = []
        for one in self.attributes:
            key = f"context.{one.name}"
            if spoken not in one.models:
                doubts.append(f"{key}: {NO_MODEL}")
                continue
            value = one.of(text, spoken)
            if value is None:
                doubts.append(f"{key}: {UNCLEAR}")
            else:
                facts[key] = value
        return FoundInText(facts, tuple(doubts))

    @property
    def late(self) -> tuple[str, ...]:
        """Name the doubts of a text that was not read in time."""
        return tuple(f"context.{one.name}: {LATE}" for one in self.attributes)
