"""Typed sections of rules, and of what consists of rules: segments and decision tables."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictStr

from opportune.strategy.sections.base import Section, Text

__all__ = ["DecisionTable", "MandatoryRule", "RuleSource", "RuleText", "Rules", "Segment"]

RuleSource = Annotated[StrictStr, Field(min_length=1, max_length=5_000)]


def _one_rule(value: Any) -> Any:
    return {"rule": value} if isinstance(value, str) else value


def _rules(value: Any) -> Any:
    items = value if isinstance(value, list) else [value]
    return [_one_rule(item) for item in items]


def _mandatory(value: Any) -> Any:
    if isinstance(value, bool):
        return {"rule": "true"} if value else None
    return _one_rule(value)


class RuleText(Section):
    """A rule as written.

    Keys:
        rule: CEL that gives true or false. Required.
        because: what to tell people when the rule keeps an action out.
    """

    rule: RuleSource
    because: Text = ""


RuleInput = str | RuleText
Rules = Annotated[tuple[RuleText, ...], BeforeValidator(_rules, json_schema_input_type=RuleInput | list[RuleInput])]
MandatoryRule = Annotated[RuleText | None, BeforeValidator(_mandatory, json_schema_input_type=bool | RuleInput)]


class Segment(Section):
    """One segment in segments.yaml, written as its rule alone or as a map.

    Keys:
        rule: CEL, true for members. Required.
        title: for people.
    """

    rule: RuleSource
    title: Text = ""


class DecisionTable(Section):
    """One decision table in tables.yaml: a sheet whose rows become rules of the actions that they name.

    Keys:
        file: the sheet, tables/<name>.csv or tables/<name>.xlsx. Required.
        gives: what its rows give to actions: eligibility, applicability or suitability (a row that fits lets them
            pass), or percent (added to their context weight). Required.
        hit: which rows count where several fit: the "first", all of them ("collect"), or "unique", where no two rows
            may ever fit both. Required.
        gaps: "refuse" where values that no row fits are a problem, or "allow". Default refuse.
        because: what to tell people when the table keeps an action out. Default the name of the table.
    """

    file: Annotated[StrictStr, Field(max_length=120)]
    gives: Literal["eligibility", "applicability", "suitability", "percent"]
    hit: Literal["first", "unique", "collect"]
    gaps: Literal["refuse", "allow"] = "refuse"
    because: Text = ""
