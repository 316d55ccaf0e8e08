"""The reference of files: a heading for each file and each key, with its default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from opportune.strategy import (
    sections,
    sections_consents,
    sections_context,
    sections_features,
    sections_goals,
    sections_identity,
    sections_limits,
    sections_quality,
    sections_slates,
    sections_texts,
)
from opportune.strategy.schema import KINDS
from opportune.strategy.sections import Section

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "project.md").read_text(encoding="utf-8")
PREFIXES = {
    sections.Absence: "absent",
    sections.Action: "action",
    sections.Attribute: "attributes",
    sections.Channel: "channels",
    sections.ContextAttribute: "context",
    sections.ContextWeight: "context_weights",
    sections.ControlGroup: "control_groups",
    sections.Duration: "length",
    sections.EventAttribute: "attributes",
    sections.EventType: "events",
    sections.Expectation: "expect",
    sections.Exploration: "exploration",
    sections.Group: "group",
    sections.Learning: "learning",
    sections.Minors: "minors",
    sections.Model: "models",
    sections.DecisionTable: "tables",
    sections.OutcomeType: "outcomes",
    sections.OutcomeValue: "value",
    sections.PastContact: "history",
    sections.Persona: "tests",
    sections.PersonaConsent: "consent",
    sections.PersonaEvent: "happening",
    sections.Placement: "placements",
    sections.Promotion: "promotion",
    sections.RampUp: "ramp_up",
    sections.ResponseWindow: "response_window",
    sections.RuleText: "rule",
    sections.Segment: "segments",
    sections.Settings: "project",
    sections.Treatment: "treatments",
    sections.Turn: "turns",
    sections.Validity: "valid",
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
    written = {
        kind
        for module in (
            sections,
            sections_consents,
            sections_context,
            sections_features,
            sections_goals,
            sections_identity,
            sections_limits,
            sections_quality,
            sections_slates,
            sections_texts,
        )
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Section) and kind not in (Section, sections.Amount)
    }

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
