"""A checked project: its sections, its rules as trees, and its tests with typed values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opportune.rules import Rule, Schema
from opportune.strategy.project import Project
from opportune.strategy.sections.personas import Persona

__all__ = ["LAYERS", "CheckedProject", "LayerRules"]

LAYERS = ("eligibility", "applicability", "suitability")
"""Layers of an engagement policy, in the order in which they are asked."""

LayerRules = Mapping[str, tuple[Rule, ...]]
"""Layer -> its rules; every layer is there."""


@dataclass(frozen=True, slots=True)
class CheckedProject:
    """A project in which everything fits together; rules of equal text are one object.

    Args:
        schema: what its rules may name, segments included.
        segments: name -> rule, each after those that it uses.
        group_rules: group -> what it asks of all its actions.
        action_rules: action -> what it asks itself, without its group's.
        mandatory: action -> when it goes before others; absent where never.
        context_weights: action -> the conditions of its context weights, in the order written; absent where none.
        minima: rule of slates → when it asks for something; absent where always.
        never: the rule that is always false.
        table_weights: action -> condition and percent of context weights by decision tables.
        table_words: (action, text of a rule by a table) -> what to tell people.
        feature_rules: (feature, "where" or "then") -> the condition on what it counts; absent where all counts.
        personas: the tests, with values of their attributes' types.
    """

    project: Project
    schema: Schema
    segments: Mapping[str, Rule]
    group_rules: Mapping[str, LayerRules]
    action_rules: Mapping[str, LayerRules]
    mandatory: Mapping[str, Rule]
    context_weights: Mapping[str, tuple[Rule, ...]]
    never: Rule
    personas: tuple[Persona, ...]
    minima: Mapping[str, Rule] = field(default_factory=dict)
    table_weights: Mapping[str, Sequence[tuple[Rule, float]]] = field(default_factory=dict)
    table_words: Mapping[tuple[str, str], str] = field(default_factory=dict)
    feature_rules: Mapping[tuple[str, str], Rule] = field(default_factory=dict)
