"""JSON Schemas of all kinds of file, for editors: completion, hover texts and first faults while typing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from opportune.strategy.sections.actions import Action, Group
from opportune.strategy.sections.attributes import Attribute, ContextAttribute, EventType
from opportune.strategy.sections.base import Name, Section
from opportune.strategy.sections.channels import Channel
from opportune.strategy.sections.consents import Purpose
from opportune.strategy.sections.context import ContextSource
from opportune.strategy.sections.control_groups import ControlGroup
from opportune.strategy.sections.features import Feature
from opportune.strategy.sections.goals import Goal
from opportune.strategy.sections.identity import Comparison, IdentifierKind, Level
from opportune.strategy.sections.limits import ContactPolicy, Stock
from opportune.strategy.sections.models import Model
from opportune.strategy.sections.outcomes import OutcomeType
from opportune.strategy.sections.personas import Persona
from opportune.strategy.sections.quality import QualityRule
from opportune.strategy.sections.rules import DecisionTable, Segment
from opportune.strategy.sections.settings import Settings
from opportune.strategy.sections.slates import SlateRule
from opportune.strategy.sections.texts import TextReading

__all__ = ["FOLDER", "KINDS", "every_section", "key_texts", "schemas", "write_schemas"]

FOLDER = ".schemas"

KINDS: Mapping[str, tuple[str, Any]] = {
    "project": ("project.yaml", Settings),
    "attributes": ("attributes.yaml", dict[Name, Attribute]),
    "context": ("context.yaml", dict[Name, ContextAttribute]),
    "events": ("events.yaml", dict[Name, EventType]),
    "outcomes": ("outcomes.yaml", dict[Name, OutcomeType]),
    "channels": ("channels.yaml", dict[Name, Channel]),
    "goals": ("goals.yaml", dict[Name, Goal]),
    "segments": ("segments.yaml", dict[Name, str | Segment]),
    "control_groups": ("control_groups.yaml", dict[Name, ControlGroup]),
    "models": ("models.yaml", dict[Name, Model]),
    "consents": ("consents.yaml", dict[Name, Purpose]),
    "contact_policies": ("contact_policies.yaml", dict[Name, ContactPolicy]),
    "stocks": ("stocks.yaml", dict[Name, Stock]),
    "slates": ("slates.yaml", dict[Name, SlateRule]),
    "quality": ("quality.yaml", dict[Name, QualityRule]),
    "tables": ("tables.yaml", dict[Name, DecisionTable]),
    "identifiers": ("identifiers.yaml", dict[Name, IdentifierKind]),
    "levels": ("levels.yaml", dict[Name, Level]),
    "duplicates": ("duplicates.yaml", dict[Name, Comparison]),
    "sources": ("sources.yaml", dict[Name, ContextSource]),
    "texts": ("texts.yaml", dict[Name, TextReading]),
    "features": ("features.yaml", dict[Name, Feature]),
    "group": ("actions/<group>/group.yaml", Group),
    "action": ("actions/<group>/<action>.yaml", Action),
    "tests": ("tests/<name>.yaml", list[Persona]),
}
"""Name of the schema -> file that it describes, type of its content."""


def schemas() -> dict[str, dict[str, Any]]:
    """Give the JSON Schema (2020-12) of each kind of file by its name."""
    return {kind: _schema(file, content) for kind, (file, content) in KINDS.items()}


def write_schemas(directory: Path) -> list[Path]:
    """Write the schemas into `.schemas/` of a project's folder and give their paths."""
    folder = directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind, schema in schemas().items():
        path = folder / f"{kind}.json"
        path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        paths.append(path)
    return paths


def every_section() -> Iterator[type[Section]]:
    """All sections that the kinds of file consist of."""
    bases: list[type[Section]] = [Section]
    for base in bases:
        kinds = base.__subclasses__()
        bases.extend(kinds)
        yield from kinds


def key_texts(section: type[Section]) -> dict[str, str]:
    """Read what a section's docstring says of each key, inherited keys included."""
    texts: dict[str, str] = {}
    for kind in reversed(section.__mro__):
        block = re.search(r"\n +Keys[^\n]*:\n(.*?)(?:\n\n|\Z)", kind.__dict__.get("__doc__") or "", re.DOTALL)
        if block is None or not issubclass(kind, Section):
            continue
        for names, text in re.findall(r"^ {8}(\w[\w, ]*): (.*(?:\n {12}.*)*)", block[1], re.MULTILINE):
            texts.update(dict.fromkeys(names.split(", "), " ".join(text.split())))
    return texts


def _schema(file: str, content: Any) -> dict[str, Any]:
    schema = TypeAdapter(content).json_schema(by_alias=True, mode="validation")
    _describe(schema)
    for definition in schema.get("$defs", {}).values():
        _describe(definition)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": file}


def _expect_value(key: dict[str, Any]) -> None:
    """Let a key that may be left out not stand there with nothing behind it either."""
    kinds = [one for one in key.get("anyOf", ()) if one != {"type": "null"}]
    if len(kinds) < len(key.get("anyOf", ())):
        del key["anyOf"]
        key.pop("default", None)
        key |= kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def _describe(definition: dict[str, Any]) -> None:
    """Put the words of a section's docstring to the section and to its keys."""
    title = str(definition.get("title", ""))
    section = next((found for found in every_section() if found.__name__ == title), None)
    if section is None:
        return
    definition["description"] = str(section.__doc__).split("\n", 1)[0]
    texts = key_texts(section)
    for key, value in definition.get("properties", {}).items():
        value.pop("title", None)
        _expect_value(value)
        if key in texts:
            value["description"] = texts[key]
