"""Typed sections of what links the actions of one answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictInt, StrictStr

from opportune.strategy.sections.base import Name, Section, Text
from opportune.strategy.sections.limits import Kind, Names
from opportune.strategy.sections.rules import RuleSource

__all__ = ["Selection", "SlateRule"]

Count = Annotated[StrictInt, Field(ge=1, le=100)]
Part = Annotated[StrictStr, Field(pattern=r"^(group:)?[a-z][a-z0-9_]*$", max_length=110)]


class Selection(Section):
    """Which actions a rule of slates counts: what either key names.

    Keys:
        groups: all actions of these groups.
        actions: these.
        kinds: all actions of these kinds: offer, service or transactional.
    """

    groups: Names | None = None
    actions: Names | None = None
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] | None = None


class SlateRule(Section):
    """One rule in slates.yaml, of one of four forms: at_most, at_least, not_together or only_together.

    Keys:
        at_most: how many of some may stand in one answer or placement, 1..100.
        at_least: how many of some have to stand there, as far as that many may be shown, 1..100.
        of: of at_most and at_least: which actions are counted.
        per: of at_most, in the place of `of`: "group" counts the actions of every group for themselves.
        when: of at_least: CEL; where it is not true, nothing is asked. Default always.
        not_together: actions, or "group:<name>"; what stands in one of these parts keeps the other parts out.
        only_together: actions that are shown all together in one placement, or not at all.
        in: whether the whole "answer" counts, or every "placement" for itself. Default answer.
        because: what to tell people when the rule keeps an action out.
    """

    at_most: Count | None = None
    at_least: Count | None = None
    of: Selection | None = None
    per: Literal["group"] | None = None
    when: RuleSource | None = None
    not_together: Annotated[tuple[Part, ...], Field(min_length=2, max_length=1_000)] | None = None
    only_together: Annotated[tuple[Name, ...], Field(min_length=2, max_length=100)] | None = None
    scope: Annotated[Literal["answer", "placement"], Field(alias="in")] = "answer"
    because: Text = ""
