"""The reference of files: a heading for each file and each key, with its default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from opportune.strategy import (
    sections_actions,
    sections_attributes,
    sections_channels,
    sections_consents,
    sections_context,
    sections_control_groups,
    sections_exploration,
    sections_features,
    sections_goals,
    sections_identity,
    sections_limits,
    sections_models,
    sections_outcomes,
    sections_personas,
    sections_quality,
    sections_rules,
    sections_settings,
    sections_slates,
    sections_texts,
    sections_times,
)
from opportune.strategy.schema import KINDS, every_section
from opportune.strategy.sections import Section

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "project.md").read_text(encoding="utf-8")
PREFIXES = {
    sections_personas.Absence: "absent",
    sections_actions.Action: "action",
    sections_attributes.Attribute: "attributes",
    sections_channels.Channel: "channels",
    sections_attributes.ContextAttribute: "context",
    sections_actions.ContextWeight: "context_weights",
    sections_control_groups.ControlGroup: "control_groups",
    sections_times.Duration: "length",
    sections_attributes.EventAttribute: "attributes",
    sections_attributes.EventType: "events",
    sections_personas.Expectation: "expect",
    sections_exploration.Exploration: "exploration",
    sections_actions.Group: "group",
    sections_settings.Learning: "learning",
    sections_settings.Minors: "minors",
    sections_models.Model: "models",
    sections_rules.DecisionTable: "tables",
    sections_outcomes.OutcomeType: "outcomes",
    sections_outcomes.OutcomeValue: "value",
    sections_personas.PastContact: "history",
    sections_personas.Persona: "tests",
    sections_personas.PersonaConsent: "consent",
    sections_personas.PersonaEvent: "happening",
    sections_channels.Placement: "placements",
    sections_settings.Promotion: "promotion",
    sections_exploration.RampUp: "ramp_up",
    sections_channels.ResponseWindow: "response_window",
    sections_rules.RuleText: "rule",
    sections_rules.Segment: "segments",
    sections_settings.Settings: "project",
    sections_actions.Treatment: "treatments",
    sections_personas.Turn: "turns",
    sections_actions.Validity: "valid",
    sections_consents.Purpose: "consents",
    sections_features.Feature: "features",
    sections_features.Sequence: "sequence",
    sections_features.Step: "step",
    sections_context.ContextSource: "sources",
    sections_goals.Fatigue: "fatigue",
    sections_goals.Goal: "goals",
    sections_identity.Comparison: "duplicates",
    sections_identity.IdentifierKind: "identifiers",
    sections_identity.Level: "levels",
    sections_identity.UnitAttribute: "unit",
    sections_limits.ContactPolicy: "contact_policies",
    sections_limits.QuietHours: "quiet",
    sections_limits.Stock: "stocks",
    sections_limits.Trigger: "after",
    sections_quality.QualityRule: "quality",
    sections_slates.Selection: "of",
    sections_slates.SlateRule: "slates",
    sections_texts.TextReading: "texts",
}


def keys(section: type[Section]) -> dict[str, str]:
    """Give the keys that a section adds to its base, each with its default as the page writes it."""
    return {
        field.alias or name: "required" if field.is_required() else str(field.default).lower()
        for name, field in section.model_fields.items()
        if name in section.__annotations__
    }


KEYS = [(f"{prefix}.{key}", default) for section, prefix in PREFIXES.items() for key, default in keys(section).items()]


def test_every_section_is_on_the_page() -> None:
    written = {kind for kind in every_section() if kind is not sections_outcomes.Amount}

    assert set(PREFIXES) == written


@pytest.mark.parametrize("file", [file for file, _ in KINDS.values()])
def test_every_file_has_a_heading(file: str) -> None:
    assert f"\n## {f'`{file}`' if '<' in file else file}\n" in PAGE


@pytest.mark.parametrize(("key", "default"), KEYS, ids=[key for key, _ in KEYS])
def test_every_key_has_a_heading_with_type_default_and_example(key: str, default: str) -> None:
    _, _, rest = PAGE.partition(f"\n### `{key}`\n")
    part = re.split(r"\n#{2,3} ", rest, maxsplit=1)[0]

    assert "\n- Type: " in part
    assert "\n- Example:" in part
    written = part.split("\n- Default: ", 1)[1].split("\n", 1)[0].strip("`")
    if default == "required" or re.fullmatch(r"[0-9.]+|true|false|[a-z]{3,}", default.replace("none", "")):
        assert written in (default, default.removesuffix(".0"))
    else:
        assert written != "required"


def test_no_heading_names_a_key_that_does_not_exist() -> None:
    assert set(re.findall(r"^### `(.+)`$", PAGE, re.MULTILINE)) == {key for key, _ in KEYS}
