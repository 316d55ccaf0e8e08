"""A decision table gives what reading its rows from top to bottom gives."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from opportune.errors import Problem, ProjectError
from opportune.strategy import check_files
from opportune.strategy.compile import compile_plan
from opportune.strategy.files import is_table_file, read_texts
from opportune.strategy.starter import STARTER
from opportune.strategy.tables import read_sheet

STARTER_TEXTS = read_texts(STARTER)[0]
ACTIONS = ("plus_plan", "travel_pack", "explain_invoice")
AGES = (None, 0, 17, 18, 25, 26, 40, 64, 65, 120)
MOODS = (None, "calm", "annoyed")
LIMITS = st.integers(0, 120)


def _range(bounds: tuple[int, int]) -> str:
    return f"{min(bounds)}..{max(bounds)}"


AGE_CELLS = st.one_of(
    st.just("-"),
    st.tuples(LIMITS, LIMITS).map(_range),
    st.builds("{} {}".format, st.sampled_from(("<", "<=", ">", ">=")), st.integers(1, 119)),
    st.lists(LIMITS, min_size=1, max_size=3, unique=True).map(lambda ages: ", ".join(map(str, ages))),
)
MOOD_CELLS = st.sampled_from(("-", "calm", "annoyed", "not calm", "calm, annoyed", "known", "missing"))
ROWS = st.lists(st.tuples(AGE_CELLS, MOOD_CELLS, st.sampled_from(("", *ACTIONS))), min_size=1, max_size=6)


def project(rows: list[tuple[str, ...]], hit: str) -> dict[str, str]:
    text = "customer.age;context.mood;action\n" + "".join(f"{age};{mood};{name}\n" for age, mood, name in rows)
    table = f"offers: {{file: tables/offers.csv, gives: suitability, hit: {hit}, gaps: allow}}\n"
    return {**STARTER_TEXTS, "tables.yaml": table, "tables/offers.csv": text}


def fits(age_cell: str, mood_cell: str, age: int | None, mood: str | None) -> bool | None:
    """Read a row as a person would: None where a missing value keeps one from saying."""
    by_mood: bool | None
    if mood_cell in ("-", "known", "missing"):
        by_mood = {"-": True, "known": mood is not None, "missing": mood is None}[mood_cell]
    elif mood is None:
        by_mood = None
    else:
        listed = [one.strip() for one in mood_cell.removeprefix("not ").split(",")]
        by_mood = (mood in listed) != mood_cell.startswith("not ")
    by_age = True if age_cell == "-" else None if age is None else _age_fits(age_cell, age)
    if by_age is False or by_mood is False:
        return False
    return None if by_age is None or by_mood is None else True


def _age_fits(cell: str, age: int) -> bool:
    if ".." in cell:
        low, high = map(int, cell.split(".."))
        return low <= age <= high
    if cell[0] in "<>":
        sign, bound = cell.split()
        return {"<": age < int(bound), "<=": age <= int(bound), ">": age > int(bound), ">=": age >= int(bound)}[sign]
    return age in [int(one) for one in cell.split(", ")]


def given_to(rows: list[tuple[str, ...]], hit: str, action: str, age: int | None, mood: str | None) -> bool:
    for number, (age_cell, mood_cell, name) in enumerate(rows):
        if name == action and fits(age_cell, mood_cell, age, mood):
            before = [row for row in rows[:number] if hit == "first" and _overlap(row, rows[number])]
            # A row of which one cannot say whether it fits keeps those below from deciding that it overlaps with.
            if all(fits(row[0], row[1], age, mood) is False for row in before):
                return True
    return False


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    tried = ((age, mood) for age in (None, *range(121)) for mood in MOODS)
    return any(fits(one[0], one[1], *values) and fits(other[0], other[1], *values) for values in tried)


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, hit=st.sampled_from(("first", "collect", "unique")))
def test_a_table_gives_what_reading_its_rows_gives(rows: list[tuple[str, ...]], hit: str) -> None:
    problems: list[Problem] = []
    try:
        plan = compile_plan(check_files(project(rows, hit)))
    except ProjectError as error:
        problems = error.problems
    if problems:
        _expect_reasons(rows, hit, problems)
        return
    bare = compile_plan(check_files(dict(STARTER_TEXTS)))
    names = [action.name for action in plan.actions]
    for age in AGES:
        for mood in MOODS:
            facts: dict[str, Any] = {"now": _now(), "zone": "UTC", "customer.plan": "basic"}
            facts |= {} if age is None else {"customer.age": age}
            facts |= {} if mood is None else {"context.mood": mood}
            passed, before = plan.gate.passed(facts), bare.gate.passed(facts)
            for name in {row[2] for row in rows if row[2]}:
                at = 2 * len(names) + names.index(name)
                assert bool(passed[at]) == (bool(before[at]) and given_to(rows, hit, name, age, mood))


def _expect_reasons(rows: list[tuple[str, ...]], hit: str, problems: list[Problem]) -> None:
    """Find by trying what was complained of: an overlap, a row that never decides, or one without action."""
    for problem in problems:
        assert problem.file == "tables/offers.csv", problem
        line = problem.line - 2
        age_cell, mood_cell, name = rows[line]
        tried = [(age, mood) for age in (None, *range(121)) for mood in MOODS]
        own = [one for one in tried if fits(age_cell, mood_cell, *one)]
        before = [[one for one in own if fits(row[0], row[1], *one)] for row in rows[:line]]
        if problem.code == "table-overlap":
            assert any(before)
        elif "names an action" in problem.message:
            assert not any(row[2] for row in rows)
        elif "without action" in problem.message:
            assert not name
            assert hit != "first"
        elif "no value" in problem.message:
            assert not own
        else:
            assert all(any(one in other for other in before) for one in own), (rows, hit, problem)


def _now() -> Any:
    return datetime(2026, 5, 4, 10, tzinfo=UTC)


def test_a_workbook_reads_as_the_same_sheet_as_its_text() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (("customer.age", "action"), (18, "plus_plan"), (">= 65", "travel_pack"), (True, None)):
        sheet.append(row)
    packed = io.BytesIO()
    book.save(packed)

    from_book = read_sheet("tables/a.xlsx", packed.getvalue())
    from_text = read_sheet("tables/a.csv", b"customer.age,action\n18,plus_plan\n>= 65,travel_pack\ntrue,\n")

    assert [[cell.text for cell in row] for row in from_book.rows] == [
        [cell.text for cell in row] for row in from_text.rows
    ]
    assert from_book.rows[1][1].name == "B3"
    assert from_text.rows[1][1].column == 7


@pytest.mark.parametrize("path", ["tables/a.csv", "tables/b.xlsx"])
def test_sheets_lie_in_the_folder_tables(path: str) -> None:
    assert is_table_file(path)
    assert not is_table_file(path.replace("tables/", "tables/../"))
