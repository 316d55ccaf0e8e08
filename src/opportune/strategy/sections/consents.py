"""Typed section of purposes: what persons are asked about before it is done."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictStr

from opportune.strategy.sections.base import Section, Text
from opportune.strategy.sections.limits import Kind, Names

__all__ = ["Purpose"]

Version = Annotated[StrictStr, Field(min_length=1, max_length=100)]


class Purpose(Section):
    """One purpose in consents.yaml: what may be done only with, or not against, what the person says of it.

    Keys:
        title: for people.
        basis: what silence means: "consent" is no until the person agrees, "objection" is yes until the person
            objects. Required.
        kinds: kinds of action that it covers: offer, service or transactional. Default all, where groups or actions
            are named.
        groups, actions: what it covers, what either names. Default all, where kinds are named.
        profiling: true makes it the use of what is known of the person: without it the answer depends on nothing of
            that. It covers no action of its own then. Default false.
        channels: in which it is asked about. Default all.
        texts: version -> what persons were told; what is recorded names one of them. Default: versions are free.
        because: what to tell people when it keeps an action out.
    """

    title: Text = ""
    basis: Literal["consent", "objection"]
    kinds: Annotated[tuple[Kind, ...] | None, Field(min_length=1)] = None
    groups: Names | None = None
    actions: Names | None = None
    profiling: StrictBool = False
    channels: Names | None = None
    texts: Annotated[dict[Version, Text], Field(min_length=1)] = {}  # noqa: RUF012
    because: Text = ""
