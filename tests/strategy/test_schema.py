"""JSON Schemas for editors: written down, complete, described."""

from __future__ import annotations

import json
from pathlib import Path

from opportune.strategy.schema import FOLDER, KINDS, every_section, key_texts, write_schemas
from opportune.strategy.sections.outcomes import Amount
from opportune.strategy.starter import STARTER

SECTIONS = [kind for kind in every_section() if kind is not Amount]


def test_the_starter_holds_the_schemas_of_this_version(tmp_path: Path) -> None:
    for path in write_schemas(tmp_path):
        assert (STARTER / FOLDER / path.name).read_text(encoding="utf-8") == path.read_text(encoding="utf-8"), (
            "write them anew with opportune.strategy.schema.write_schemas"
        )


def test_every_file_of_the_starter_names_its_schema() -> None:
    for path in STARTER.rglob("*.yaml"):
        first = path.read_text(encoding="utf-8").split("\n", 1)[0]
        schema = path.parent / first.removeprefix("# yaml-language-server: $schema=")

        assert schema.resolve().parent == STARTER / FOLDER
        assert schema.exists()


def test_every_key_is_described() -> None:
    for section in SECTIONS:
        keys = {field.alias or name for name, field in section.model_fields.items()}

        assert set(key_texts(section)) == keys, section.__name__


def test_schemas_refuse_keys_that_do_not_exist_or_say_nothing(tmp_path: Path) -> None:
    written = write_schemas(tmp_path)
    for path in written:
        text = path.read_text(encoding="utf-8")
        objects = [
            item for item in [json.loads(text), *json.loads(text).get("$defs", {}).values()] if "properties" in item
        ]

        assert all(item["additionalProperties"] is False for item in objects)
        keys = [key for item in objects for key in item["properties"].values()]
        assert {"type": "null"} not in [kind for key in keys for kind in key.get("anyOf", ())]
    assert len(written) == len(KINDS)
