"""A strategy as typed sections, and the hash that names its content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from opportune.strategy.sections.actions import Action, Group
from opportune.strategy.sections.attributes import Attribute, ContextAttribute, EventType
from opportune.strategy.sections.channels import Channel
from opportune.strategy.sections.consents import Purpose
from opportune.strategy.sections.context import ContextSource
from opportune.strategy.sections.control_groups import ControlGroup
from opportune.strategy.sections.exploration import Exploration
from opportune.strategy.sections.features import Feature
from opportune.strategy.sections.goals import Goal
from opportune.strategy.sections.identity import Comparison, IdentifierKind, Level, UnitAttribute
from opportune.strategy.sections.limits import ContactPolicy, Stock
from opportune.strategy.sections.models import Model
from opportune.strategy.sections.outcomes import OutcomeType
from opportune.strategy.sections.personas import Persona
from opportune.strategy.sections.quality import QualityRule
from opportune.strategy.sections.rules import DecisionTable, Segment
from opportune.strategy.sections.settings import Settings
from opportune.strategy.sections.slates import SlateRule
from opportune.strategy.sections.texts import TextReading
from opportune.strategy.source import Node

__all__ = ["Project", "content_hash"]


@dataclass(frozen=True, slots=True)
class Project:
    """All files of a strategy, read but not yet examined together; no rule is parsed.

    Maps keep the order of their file; groups and actions are sorted by their names.

    Args:
        group_of: action -> its group.
        persona_places: name of a persona test -> its file and its position in the file's list, from 0.
        files: path -> text, sorted by path; what the content hash is made of.
        trees: path -> the file's nodes with their places, for messages.
    """

    settings: Settings
    attributes: dict[str, Attribute]
    context: dict[str, ContextAttribute]
    events: dict[str, EventType]
    outcomes: dict[str, OutcomeType]
    channels: dict[str, Channel]
    goals: dict[str, Goal]
    segments: dict[str, Segment]
    control_groups: dict[str, ControlGroup]
    models: dict[str, Model]
    groups: dict[str, Group]
    actions: dict[str, Action]
    group_of: dict[str, str]
    personas: tuple[Persona, ...]
    persona_places: dict[str, tuple[str, int]]
    files: Mapping[str, str]
    tables: dict[str, DecisionTable] = field(default_factory=dict)
    trees: Mapping[str, Node] = field(repr=False, compare=False, default_factory=dict)
    contact_policies: dict[str, ContactPolicy] = field(default_factory=dict)
    stocks: dict[str, Stock] = field(default_factory=dict)
    purposes: dict[str, Purpose] = field(default_factory=dict)
    slates: dict[str, SlateRule] = field(default_factory=dict)
    quality: dict[str, QualityRule] = field(default_factory=dict)
    identifiers: dict[str, IdentifierKind] = field(default_factory=dict)
    levels: dict[str, Level] = field(default_factory=dict)
    duplicates: dict[str, Comparison] = field(default_factory=dict)
    sources: dict[str, ContextSource] = field(default_factory=dict)
    texts: dict[str, TextReading] = field(default_factory=dict)
    features: dict[str, Feature] = field(default_factory=dict)

    @property
    def unit_attributes(self) -> dict[str, UnitAttribute]:
        """What is known of units, by fact key such as "household.size"."""
        return {
            f"{level}.{name}": attribute
            for level, section in self.levels.items()
            for name, attribute in section.attributes.items()
        }

    def action_file(self, action: str) -> str:
        """Give the path of an action's file."""
        return f"actions/{self.group_of[action]}/{action}.yaml"

    def persona_place(self, name: str) -> tuple[str, int]:
        """Give the path and the line, from 1, of a persona test."""
        file, index = self.persona_places[name]
        tree = self.trees.get(file)
        items = tree.value if tree is not None and isinstance(tree.value, list) else []
        return file, items[index].line if index < len(items) else 0

    def is_active(self, action: str) -> bool:
        """Say whether neither the action nor its group is switched off."""
        return self.actions[action].active and self.groups[self.group_of[action]].active

    @property
    def withholds(self) -> bool:
        """Whether members of some control group are shown nothing."""
        return any(group.choose == "withhold" for group in self.control_groups.values())

    def before(self, outcome: str) -> tuple[str, ...]:
        """Name what happens before an outcome, the nearest first; a circle ends where it closes."""
        row = [outcome]
        while (name := self._after(row[-1])) is not None and name not in row:
            row.append(name)
        return tuple(row[1:])

    def _after(self, outcome: str) -> str | None:
        kind = self.outcomes.get(outcome)
        return None if kind is None else kind.after

    def exploration(self, channel: str, placement: str) -> Exploration:
        """Give how a placement explores: its own keys, and the project's for the others."""
        own = self.channels[channel].placements[placement].exploration
        if own is None:
            return self.settings.exploration
        return self.settings.exploration.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})


def content_hash(project: Project) -> str:
    """Name the content of a project: BLAKE2b-256 over its paths and texts, in hexadecimal.

    Line ends are those of the loaded texts, which are always "\\n", so a checkout on Windows has the same hash.
    """
    digest = hashlib.blake2b(digest_size=32)
    for path, text in sorted(project.files.items()):
        for part in (path.encode(), text.encode()):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()
