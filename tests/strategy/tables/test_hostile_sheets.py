"""Sheets that are damaged, read otherwise than they look, or ask too much: refused, quickly, at their place."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from openpyxl import Workbook

from opportune.errors import ProjectError
from opportune.strategy import check_files
from opportune.strategy.files import read_texts
from opportune.strategy.starter import STARTER
from opportune.strategy.tables import SheetError, read_sheet


def packed(fill: Callable[[Any], None]) -> bytes:
    book, out = Workbook(), io.BytesIO()
    for row in (("customer.plan", "action", "percent"), ("basic", "plus_plan", 25), ("prepaid", "travel_pack", 50)):
        book.active.append(row)
    fill(book.active)
    book.save(out)
    return out.getvalue()


def as_percent(sheet: Any) -> None:
    sheet["C2"].value, sheet["C2"].number_format = 0.25, "0.0%"


@pytest.mark.parametrize(
    ("fill", "message", "line"),
    [
        (lambda sheet: sheet.merge_cells("A2:A3"), "merged cells", 2),
        (lambda sheet: sheet.cell(3, 1, '="basic"'), "a formula without a value", 3),
    ],
)
def test_a_cell_that_would_read_as_empty_and_is_not_is_refused(
    fill: Callable[[Any], None], message: str, line: int
) -> None:
    with pytest.raises(SheetError) as refused:
        read_sheet("tables/a.xlsx", packed(fill))

    assert (refused.value.message, refused.value.line) == (message, line)


def test_a_percentage_of_a_workbook_reads_as_it_looks() -> None:
    sheet = read_sheet("tables/a.xlsx", packed(as_percent))

    assert [row[2].text for row in sheet.rows] == ["25%", "50"]


def test_a_damaged_workbook_is_refused_whatever_breaks() -> None:
    sound = packed(lambda _: None)
    parts = zipfile.ZipFile(io.BytesIO(sound))
    dice = random.Random(4)
    damaged = []
    for _ in range(60):
        broken = bytearray(sound)
        for _ in range(5):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        damaged.append(bytes(broken))
    for name in parts.namelist():
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for other in parts.namelist():
                archive.writestr(
                    other, parts.read(other).replace(b'="', b'x="') if other == name else parts.read(other)
                )
        damaged.append(out.getvalue())
    refused = 0
    for data in damaged:
        try:
            read_sheet("tables/a.xlsx", data)
        except SheetError:
            refused += 1

    assert refused > len(damaged) / 2


@pytest.mark.parametrize("hit", ["collect", "first"])
def test_a_table_that_asks_too_much_is_given_up(hit: str) -> None:
    dice = random.Random(1)
    asked = [f"days_since(customer.customer_since) + {shift}" for shift in range(40)]
    rows = [[f">= {dice.randrange(10**6)}" for _ in asked] + ["plus_plan"] for _ in range(300)]
    text = "\n".join(",".join(row) for row in ([*asked, "action"], *rows))
    table = f"wide: {{file: tables/wide.csv, gives: suitability, hit: {hit}}}\n"

    with pytest.raises(ProjectError) as refused:
        check_files({**read_texts(STARTER)[0], "tables.yaml": table, "tables/wide.csv": text})

    assert [problem.message for problem in refused.value.problems] == ["more than 8000 different conditions"]
