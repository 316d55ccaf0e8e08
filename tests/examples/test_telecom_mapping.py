"""Rows of the churn sample become customers whom the call centre's strategy accepts as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from examples.telecom.data_mapping import Customer, main, rows
from opportune.strategy import check_directory
from opportune.strategy.compile import registries

TELECOM = Path(__file__).parents[2] / "examples" / "telecom"


@pytest.fixture(scope="module")
def customers() -> list[Customer]:
    return list(rows())


def test_every_row_is_one_customer(customers: list[Customer]) -> None:
    assert len({customer.id for customer in customers}) == 7_043


def test_the_strategy_declares_and_accepts_every_value(customers: list[Customer]) -> None:
    registry = registries(check_directory(TELECOM).project).customer

    read = [registry.read(customer.attributes) for customer in customers]

    assert all(not ignored for _, ignored in read)
    assert {name for facts, _ in read for name in facts} == {f"customer.{name}" for name in registry.attributes}


def test_the_product_columns_become_one_list(customers: list[Customer]) -> None:
    first = customers[0]

    assert first.id == "7590-VHVEG"
    assert first.attributes["products"] == ["dsl", "online_backup"]


def test_a_blank_amount_is_a_missing_value(customers: list[Customer]) -> None:
    new = [customer for customer in customers if "total_charges" not in customer.attributes]

    assert len(new) == 11
    assert {customer.attributes["tenure_months"] for customer in new} == {0}


def test_it_writes_what_the_import_reads(tmp_path: Path, customers: list[Customer]) -> None:
    file = tmp_path / "customers.jsonl"

    main(str(file))

    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(customers)
    assert json.loads(lines[0])["id"] == "7590-VHVEG"
