"""The mapping of the call centre names columns that the file has and attributes that the project declares."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from opportune.strategy import Project, load

TELECOM = Path(__file__).parents[2] / "examples" / "telecom"


@pytest.fixture(scope="module")
def mapping() -> dict[str, Any]:
    read: dict[str, Any] = YAML(typ="safe").load(TELECOM / "data" / "mapping.yaml")
    return read


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with gzip.open(TELECOM / "data" / "Telco-Customer-Churn.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def project() -> Project:
    return load(TELECOM)


def sources(mapping: dict[str, Any]) -> list[dict[str, Any]]:
    """All parts that name a column."""
    return [part for source in mapping["attributes"].values() for part in source.get("collect", [source])]


def test_every_column_but_the_label_is_mapped(mapping: dict[str, Any], rows: list[dict[str, str]]) -> None:
    named = {part["column"] for part in sources(mapping)} | {mapping["id"]}

    assert len(rows) == 7_043
    assert set(rows[0]) - named == {"Churn"}


def test_every_attribute_is_declared_and_filled(mapping: dict[str, Any], project: Project) -> None:
    assert set(mapping["attributes"]) == set(project.attributes)


def test_every_text_is_one_that_the_project_allows(
    mapping: dict[str, Any], project: Project, rows: list[dict[str, str]]
) -> None:
    for name, attribute in project.attributes.items():
        allowed = set(attribute.values or ())
        if not allowed:
            continue
        for part in mapping["attributes"][name].get("collect", [mapping["attributes"][name]]):
            cells = {row[part["column"]] for row in rows}
            given = {part["values"][cell] for cell in cells if cell in part["values"]} if "values" in part else cells
            assert given <= allowed
