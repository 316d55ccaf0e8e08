"""The reference of files: a heading for each file and each key, with its default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from opportune.strategy.schema import KINDS, every_section
from opportune.strategy.sections import (
    actions,
    attributes,
    channels,
    consents,
    context,
    control_groups,
    exploration,
    features,
    goals,
    identity,
    limits,
    models,
    outcomes,
    personas,
    quality,
    rules,
    settings,
    slates,
    texts,
    times,
)
from opportune.strategy.sections.base import Section

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "project.md").read_text(encoding="utf-8")
PREFIXES = {
    personas.Absence: "absent",
    actions.Action: "action",
    attributes.Attribute: "attributes",
    channels.Channel: "channels",
    attributes.ContextAttribute: "context",
    actions.ContextWeight: "context_weights",
    control_groups.ControlGroup: "control_groups",
    times.Duration: "length",
    attributes.EventAttribute: "attributes",
    attributes.EventType: "events",
    personas.Expectation: "expect",
    exploration.Exploration: "exploration",
    actions.Group: "group",
    settings.Learning: "learning",
    settings.Minors: "minors",
    models.Model: "models",
    rules.DecisionTable: "tables",
    outcomes.OutcomeType: "outcomes",
    outcomes.OutcomeValue: "value",
    personas.PastContact: "history",
    personas.Persona: "tests",
    personas.PersonaConsent: "consent",
    personas.PersonaEvent: "happening",
    channels.Placement: "placements",
    settings.Promotion: "promotion",
    exploration.RampUp: "ramp_up",
    channels.ResponseWindow: "response_window",
    rules.RuleText: "rule",
    rules.Segment: "segments",
    settings.Settings: "project",
    actions.Treatment: "treatments",
    personas.Turn: "turns",
    actions.Validity: "valid",
    consents.Purpose: "consents",
    features.Feature: "features",
    features.Sequence: "sequence",
    features.Step: "step",
    context.ContextSource: "sources",
    goals.Fatigue: "fatigue",
    goals.Goal: "goals",
    identity.Comparison: "duplicates",
    identity.IdentifierKind: "identifiers",
    identity.Level: "levels",
    identity.UnitAttribute: "unit",
    limits.ContactPolicy: "contact_policies",
    limits.QuietHours: "quiet",
    limits.Stock: "stocks",
    limits.Trigger: "after",
    quality.QualityRule: "quality",
    slates.Selection: "of",
    slates.SlateRule: "slates",
    texts.TextReading: "texts",
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
    written = {kind for kind in every_section() if kind is not outcomes.Amount}

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
