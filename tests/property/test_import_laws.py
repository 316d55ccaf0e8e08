"""Any table imported in batches gives the profiles that one would get row by row."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from opportune.customers import Attribute, Registry
from opportune.customers.importing import MappingFile, Notes, Row, RowReader, match_columns, open_source
from opportune.errors import InputError
from opportune.records import ValueType

REGISTRY = Registry(
    [
        Attribute("age", ValueType.INTEGER, range=(0, 120)),
        Attribute("spend", ValueType.NUMBER, range=(None, 1000)),
        Attribute("member", ValueType.BOOLEAN),
        Attribute("city", ValueType.TEXT, length_max=8),
        Attribute("plan", ValueType.TEXT, values=frozenset({"gold", "plus"})),
        Attribute("products", ValueType.TEXTS, items_max=3),
        Attribute("since", ValueType.TIMESTAMP),
    ],
    "customer.",
)
NAMES = ["id", *REGISTRY.attributes]

cells = st.one_of(
    st.sampled_from(
        ["", "0", "1", "30", "121", "-1", "2.5", "1e3", "nan", "yes", "NO", "gold", "plus", "a;b; c", "a;b;c;d",
         "2026-05-04T18:00:00Z", "2026-05-04", "Gdynia", "1_0", '"', "x\ny"]
    ),
    st.text(max_size=12).filter(lambda text: "\0" not in text),
)  # fmt: skip
typed = st.one_of(
    cells, st.none(), st.booleans(), st.integers(-5, 200), st.floats(-10, 2000), st.lists(st.sampled_from("abcd"))
)


def alone(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """What one row gives by itself; None where it is refused."""
    identifier = row.get("id")
    if identifier is None or isinstance(identifier, float | bool | list) or not str(identifier):
        return None
    try:
        values = {name: said(name, row.get(name)) for name in REGISTRY.attributes if row.get(name) not in (None, "")}
        return {name.removeprefix("customer."): value for name, value in REGISTRY.read(values)[0].items()}
    except (InputError, ValueError):
        return None


def said(name: str, value: Any) -> Any:
    """What a text says, read as the attribute's type."""
    if not isinstance(value, str):
        return value
    match REGISTRY.attributes[name].type:
        case ValueType.BOOLEAN:
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[value.lower()]
        case ValueType.INTEGER | ValueType.NUMBER if "_" in value:
            raise ValueError
        case ValueType.INTEGER:
            return int(value)
        case ValueType.NUMBER:
            return float(value)
        case ValueType.TEXTS:
            return [item.strip() for item in value.split(";") if item.strip()]
    return value


def expected(rows: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
    found: list[dict[str, Any] | None] = []
    for row in rows:
        found.append(None)
        with suppress(KeyError):
            found[-1] = alone(row)
    return found


def imported(path: Path, size: int, begin: int) -> list[Row]:
    """Read in batches of a size, in two parts as after an interruption."""
    source, notes = open_source(path), Notes()
    columns = match_columns(MappingFile(), "id", source, REGISTRY, notes)
    notes.settle()
    first = [
        row for batch in source.batches(columns.columns, 0, size) for row in RowReader(columns, REGISTRY).read(batch)
    ]
    reader = RowReader(columns, REGISTRY)
    rest = [row for batch in source.batches(columns.columns, begin, size) for row in reader.read(batch)]
    assert rest == first[begin:]
    assert [row.number for row in first] == list(range(1, len(first) + 1))
    return first


def compared(rows: list[Row]) -> list[dict[str, Any] | None]:
    return [None if row.problems else row.attributes for row in rows]


@settings(max_examples=40)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(NAMES, cells)), max_size=30), st.integers(1, 7), st.data())
def test_a_csv_is_imported_as_its_rows_one_by_one(rows: list[dict[str, Any]], size: int, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "people.csv")
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, NAMES)
            writer.writeheader()
            writer.writerows(rows)
        read = imported(path, size, data.draw(st.integers(0, len(rows))))

    assert compared(read) == expected(rows)


@settings(max_examples=40)
@given(st.lists(st.dictionaries(st.sampled_from(NAMES), typed), min_size=1, max_size=30), st.integers(1, 7), st.data())
def test_json_lines_are_imported_as_their_rows_one_by_one(
    rows: list[dict[str, Any]], size: int, data: st.DataObject
) -> None:
    rows = [{"id": "c-0", "age": 1}, *rows]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "people.jsonl")
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        read = imported(path, size, data.draw(st.integers(0, len(rows))))

    assert compared(read) == expected(rows)
