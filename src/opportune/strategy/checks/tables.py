"""Are decision tables sound: known names, cells of the right type, no row in vain, no overlap and no gap?"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from opportune.errors import Problem, RuleError
from opportune.records import ValueType
from opportune.rules import Rule, check
from opportune.rules.renaming import renamed
from opportune.strategy.checks.notes import Notes
from opportune.strategy.checks.rules import CheckedRules
from opportune.strategy.checks.special import barred_values
from opportune.strategy.checks.values import impossible_values
from opportune.strategy.feature_types import per_action
from opportune.strategy.files import is_table_file
from opportune.strategy.named import files, named
from opportune.strategy.sections.attributes import EventAttribute
from opportune.strategy.sections.rules import DecisionTable
from opportune.strategy.tables.cells import MISSING, Point
from opportune.strategy.tables.cover import Cover, TooManyError
from opportune.strategy.tables.rows import (
    ACTION,
    BECAUSE,
    NOTE,
    PERCENT,
    Column,
    Row,
    axis_of,
    effective,
    rows_of,
)
from opportune.strategy.tables.sheet import Cell, Sheet, SheetError, read_sheet
from opportune.strategy.wording import suggest

__all__ = ["TableRules", "check_tables"]

FILE = "tables.yaml"
ASKED = (ValueType.BOOLEAN, ValueType.INTEGER, ValueType.NUMBER, ValueType.TEXT)
"""What an expression in a heading may give."""
_REMEDIES = {
    "too-expensive": "split the table",
    "wrong-type": 'ask for a number, text or boolean, such as days_since(customer.since) or owns("card")',
}
CONDITIONS_MAX = 8_000
"""Different conditions of one table: each is checked like a rule."""
OVERLAPS_MAX = 20
"""Overlaps of one table that are listed."""


@dataclass(slots=True)
class TableRules:
    """What tables add to the rules of actions.

    Args:
        layers: action → layer → rules.
        weights: action → condition and percent of further context weights.
        because: (action, text of a rule) → words for people.
    """

    layers: dict[str, dict[str, list[Rule]]] = field(default_factory=dict)
    weights: dict[str, list[tuple[Rule, float]]] = field(default_factory=dict)
    because: dict[tuple[str, str], str] = field(default_factory=dict)


def check_tables(notes: Notes, rules: CheckedRules) -> TableRules:
    """Check all decision tables; tables with a fault add nothing."""
    found = TableRules()
    for name, section in notes.project.tables.items():
        _Table(notes, rules, name, section).add(found)
    _refuse_strays(notes)
    return found


def _refuse_strays(notes: Notes) -> None:
    """Report sheets that no table names, where all tables could be read."""
    gaps = notes.gaps
    if FILE in gaps.files or any(file == FILE for file, _ in gaps.names):
        return
    used = {section.file for section in notes.project.tables.values()}
    for path in notes.project.files:
        if is_table_file(path) and path not in used:
            remedy = f"name it in {FILE}, or remove it"
            notes.problems.append(Problem(path, 0, 0, "", "no table reads this sheet", remedy, "unknown-file"))


class _Table:
    """Checks one table."""

    def __init__(self, notes: Notes, rules: CheckedRules, name: str, section: DecisionTable) -> None:
        self.notes = notes
        self.schema = rules.schema
        self.apart = {name: f"{name}@" for name in per_action(notes.project)}
        self.name = name
        self.section = section
        self.is_sound = True

    def complain(self, cell: Cell, message: str, remedy: str, code: str) -> None:
        """Note a problem at a cell."""
        self.is_sound = False
        if code == "unknown-action":
            known = [*self.notes.project.groups, *self.notes.project.actions]
            if any(self.notes.gaps.may_hold("actions", one) for one in cell.text.replace(",", " ").split()):
                return
            remedy = suggest(cell.text, known, "known actions and groups")
        where = f"table {self.name}" + (f", cell {cell.name}" if cell.name else "")
        self.notes.problems.append(Problem(self.section.file, cell.line, cell.column, where, message, remedy, code))

    def add(self, found: TableRules) -> None:
        """Check, and add the rules that follow."""
        sheet = self._sheet()
        if sheet is None or not self._has_outputs(sheet):
            return
        columns = self._columns(sheet)
        if columns is None:
            return
        rows = rows_of(sheet, columns, self._actions_of(), self.complain)
        self._check_cells(sheet, columns, rows)
        if not self.is_sound:
            return
        cover = Cover([axis_of(column) for column in columns], [row.conditions for row in rows])
        self._check_cover(cover, columns, rows)
        if self.is_sound:
            self._build(found, cover, rows)

    def _sheet(self) -> Sheet | None:
        file = self.section.file
        if file not in self.notes.project.files or not is_table_file(file):
            known = [path for path in self.notes.project.files if is_table_file(path)]
            message = f"no sheet '{file[:100]}'"
            if not self.notes.gaps.may_hold(file, ""):
                remedy = suggest(file, known, "sheets in the folder tables")
                self.notes.report(FILE, [self.name, "file"], message, remedy, "unknown-file", where=[self.name, "file"])
            return None
        text = self.notes.project.files[file]
        try:
            sheet = read_sheet(file, base64.b64decode(text) if file.endswith(".xlsx") else text.encode())
        except SheetError as fault:
            self.complain(Cell("", fault.line, fault.column), fault.message, fault.remedy, "table-sheet")
            return None
        if not sheet.rows:
            self.complain(
                sheet.headings[0], "no rows below the headings", "add one, or remove the table", "table-sheet"
            )
            return None
        return sheet

    def _has_outputs(self, sheet: Sheet) -> bool:
        names = [heading.text for heading in sheet.headings]
        for heading in sheet.headings:
            if names.count(heading.text) > 1:
                remedy = "write one column; a cell may hold a range such as 18..30"
                self.complain(heading, f"the heading '{heading.text[:60]}' stands twice", remedy, "table-heading")
                return False
        wanted = [ACTION, PERCENT] if self.section.gives == PERCENT else [ACTION]
        for name in wanted:
            if name not in names:
                self.complain(sheet.headings[0], f"no column '{name}'", f"add the heading {name}", "table-heading")
        if self.section.gives != PERCENT and PERCENT in names:
            heading = sheet.headings[names.index(PERCENT)]
            remedy = f"write 'gives: percent' in {FILE}, or remove the column"
            self.complain(heading, f"a column 'percent' in a table of {self.section.gives}", remedy, "table-heading")
        return self.is_sound

    def _columns(self, sheet: Sheet) -> list[Column] | None:
        attributes = named(self.notes.project)
        columns = []
        for index, heading in enumerate(sheet.headings):
            if heading.text in (ACTION, PERCENT, BECAUSE, NOTE):
                continue
            rule = self._rule(heading.text, heading, attributes, ASKED)
            if rule is None:
                continue
            columns.append(Column(index, heading.text, rule.type, attributes.get(heading.text)))
        if self.is_sound and not columns:
            self.complain(
                sheet.headings[0], "no column that asks anything", "add one, such as customer.age", "table-heading"
            )
        return columns if self.is_sound else None

    def _rule(
        self,
        source: str,
        cell: Cell,
        attributes: Mapping[str, EventAttribute],
        types: Sequence[ValueType] = (ValueType.BOOLEAN,),
    ) -> Rule | None:
        """Check an expression of one of some types; None, and unsound, where it is none, or names a gap."""
        for prefix, file in files(self.notes.project).items():
            name = source.removeprefix(prefix + ".")
            if name != source and self.notes.gaps.may_hold(file, name):
                self.is_sound = False
                return None
        problems: list[Problem] = []
        for kind in types:
            try:
                rule = check(source, self.schema, kind)
                renamed(rule, self.apart)
            except RuleError as error:
                problems = error.problems
                if any(problem.code != "wrong-type" for problem in problems):
                    break
            else:
                problems = impossible_values(rule, attributes) or barred_values(rule, attributes)
                if not problems:
                    return rule
                break
        for problem in problems:
            remedy = _REMEDIES.get(problem.code) or problem.remedy or "correct the expression"
            self.complain(cell, problem.message, remedy, problem.code)
        return None

    def _actions_of(self) -> dict[str, Sequence[str]]:
        project = self.notes.project
        groups = {
            group: [name for name in project.actions if project.group_of[name] == group] for group in project.groups
        }
        return {**groups, **{name: [name] for name in project.actions}}

    def _check_cells(self, sheet: Sheet, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        """Check what every cell asks, at its place; equal cells once."""
        if len({condition.rule for row in rows for condition in row.conditions}) > CONDITIONS_MAX:
            message = f"more than {CONDITIONS_MAX} different conditions"
            self.notes.report(FILE, [self.name, "file"], message, "split the table", "too-expensive", where=[self.name])
            self.is_sound = False
            return
        attributes = {column.expression: column.attribute for column in columns if column.attribute is not None}
        places = {cells[0]: cells for cells in sheet.rows}
        seen: set[str] = set()
        for row in rows:
            for column, condition in zip(columns, row.conditions, strict=True):
                if condition.rule and condition.rule not in seen:
                    seen.add(condition.rule)
                    self._rule(condition.rule, places[row.place][column.index], attributes)
            if not row.actions and self.section.hit != "first":
                remedy = "name actions or groups; only with 'hit: first' may a row give nothing"
                self.complain(row.place, "a row without action", remedy, "table-row")

    def _check_cover(self, cover: Cover, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        for number, row in enumerate(rows):
            if not cover.is_possible(number):
                remedy = "compare its cells with range and values of the attributes"
                self.complain(row.place, "a row that no value fits", remedy, "table-row")
        if not any(row.actions for row in rows):
            self.complain(rows[0].place, "no row names an action", "name actions or groups", "table-row")
        try:
            if self.section.hit == "unique":
                self._check_unique(cover, rows)
            elif self.section.hit == "first":
                self._check_order(cover, rows)
            gap = cover.gap() if self.section.gaps == "refuse" and self.is_sound else None
        except TooManyError:
            message = "too many combinations to look for overlaps and gaps"
            remedy = "split the table, or write 'gaps: allow' and 'hit: collect'"
            self.notes.report(FILE, [self.name, "file"], message, remedy, "table-cover", where=[self.name])
            self.is_sound = False
            return
        if gap is not None:
            words = ", ".join(f"{column.expression} {_said(point)}" for column, point in zip(columns, gap, strict=True))
            remedy = "add a row, or write 'gaps: allow': what no row fits is not given"
            message = f"no row fits {words}"
            self.notes.report(FILE, [self.name, "file"], message, remedy, "table-gap", where=[self.name])
            self.is_sound = False

    def _check_unique(self, cover: Cover, rows: Sequence[Row]) -> None:
        pairs = (pair for pair in combinations(range(len(rows)), 2) if cover.overlap(*pair))
        for _, (first, second) in zip(range(OVERLAPS_MAX), pairs, strict=False):
            message = f"fits values that the row in line {rows[first].place.line} fits too"
            remedy = "narrow one of both, or write 'hit: first' or 'hit: collect'"
            self.complain(rows[second].place, message, remedy, "table-overlap")

    def _check_order(self, cover: Cover, rows: Sequence[Row]) -> None:
        for number, row in enumerate(rows):
            if cover.is_hidden(number):
                message = "never decides: the rows before it cover all that it fits"
                self.complain(row.place, message, "move it up, or remove it", "table-row")

    def _build(self, found: TableRules, cover: Cover, rows: Sequence[Row]) -> None:
        deciding = list(effective(rows, cover.overlap, self.section.hit == "first"))
        if self.section.gives == PERCENT:
            for text, row in zip(deciding, rows, strict=True):
                rule = self._rule(text, row.place, {})
                if rule is None or not row.percent:
                    continue
                for action in row.actions:
                    found.weights.setdefault(action, []).append((rule, row.percent))
            return
        for action in sorted({action for row in rows for action in row.actions}):
            own = [(text, row) for text, row in zip(deciding, rows, strict=True) if action in row.actions]
            source = " || ".join(f"({text})" for text, _ in own)
            rule = self._rule(source, own[0][1].place, {})
            if rule is not None:
                found.layers.setdefault(action, {}).setdefault(self.section.gives, []).append(rule)
                words = "; ".join(dict.fromkeys(row.because for _, row in own if row.because))
                found.because[action, source] = words or self.section.because or f"Table {self.name}"


def _said(point: Point) -> str:
    if point is MISSING:
        return "missing"
    if isinstance(point, bool):
        return "true" if point else "false"
    if isinstance(point, float):
        return f"{point:g}"
    return "of another text" if point == "\x00" else f"'{point}'"
