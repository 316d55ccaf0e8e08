"""Mappings of `opportune import`: conversions, constants, and all that is wrong told at once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from tests.cli.conftest import Run
from tests.cli.test_import import attributes
from tests.service.shop import PROJECT

MAPPING = """\
id: Customer
attributes:
  age: {column: Years, decimal: ","}
  member: {column: Club, when_true: [T, tak], when_false: N}
  products: {column: Basket, separator: "|"}
  since: {column: Joined, format: "%d.%m.%Y", zone: Europe/Warsaw}
  city: {constant: Gdynia}
missing: ["-", "NULL"]
csv: {separator: "^", encoding: cp1250}
"""


def test_a_mapping_says_how_cells_are_read(run: Run, tmp_path: Path) -> None:
    Path("people.csv").write_text(
        "Customer^Years^Club^Basket^Joined\n1^30^TAK^wino|żur^04.05.2026\n2^-^N^NULL^\n", "cp1250"
    )
    Path("map.yaml").write_text(MAPPING)

    ended = run("import", PROJECT, "people.csv", "--mapping", "map.yaml", "--store", "shop.db", "--json")

    assert ended.json == {"imported": 2, "new": 2, "refused": 0, "report": None}
    assert attributes(tmp_path / "shop.db", "1") == {
        "age": 30,
        "member": True,
        "products": ["wino", "żur"],
        "since": datetime(2026, 5, 3, 22, tzinfo=UTC),
        "city": "Gdynia",
    }
    assert attributes(tmp_path / "shop.db", "2") == {"member": False, "city": "Gdynia"}


WRONG = """\
id: Customer
atributes: {}
attributes:
  age: {column: Yeers, format: "%Y"}
  height: Years
  member: {column: Club, when_true: T}
  products: {column: Club, constant: [a]}
  since: {column: Club, format: "%d.%m.%Y"}
  city: {constant: 7}
csv: {encoding: klingon}
"""


def test_all_that_is_wrong_with_a_mapping_is_told_at_once(run: Run) -> None:
    Path("people.csv").write_text("id,Years,Club\n1,30,T\n")
    Path("map.yaml").write_text(WRONG)

    ended = run("import", PROJECT, "people.csv", "--mapping", "map.yaml", "--store", "shop.db", "--json")

    found = [(one["line"], one["where"]) for one in ended.json["problems"]]
    assert ended.code == 1
    assert found == [
        (1, "column Customer"),
        (2, "atributes"),
        (4, "column Yeers"),
        (4, "attributes.age.format"),
        (5, "attribute height"),
        (6, "attributes.member.when_true"),
        (7, "attributes.products"),
        (8, "attributes.since.format"),
        (9, "attributes.city.constant"),
        (10, "csv.encoding"),
    ]
    assert all(one["remedy"] for one in ended.json["problems"] if "products" not in one["where"])


def test_numbers_with_a_decimal_comma(run: Run, tmp_path: Path) -> None:
    Path("people.csv").write_text('id;Years\n1;"30"\n2;1.000\n3;30,0\n4;3.0\n')
    Path("map.yaml").write_text('attributes: {age: {column: Years, decimal: ","}}\n')

    run("import", PROJECT, "people.csv", "--mapping", "map.yaml", "--store", "shop.db")

    refused = [json.loads(line) for line in Path("people.csv.refused.jsonl").read_text().splitlines()]
    assert attributes(tmp_path / "shop.db", "1") == {"age": 30}
    assert [(line["row"], line["problems"][0]["message"]) for line in refused] == [
        (2, "expected 0 to 120, found a number outside"),
        (3, "expected a whole number"),
        (4, "expected a whole number with decimal comma"),
    ]
