"""Typed sections of identifiers, levels such as households, and of the search for duplicates."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictStr

from opportune.strategy.sections.attributes import EventAttribute, MissingText
from opportune.strategy.sections.base import Name, Section, Text

__all__ = ["Comparison", "IdentifierKind", "Level", "UnitAttribute"]


class IdentifierKind(Section):
    """One kind of identifier in identifiers.yaml; the kind customer is always there, proven and as it is written.

    Keys:
        title: for people.
        trust: what such an identifier says of who it is: "anonymous" is a random value that stands for a browser or a
            device, "claimed" may be said by anybody, "proven" is known by a login or the like. Required.
        normalize: how it is written before it is compared: "none" as it came, "email" or "phone". Default none.
        region: of phone: two letters of the country of numbers without a country code, such as PL. Default: such
            numbers are refused.
        lower_case: of email: whether the part before the @ is written in small letters too. Default false.
    """

    title: Text = ""
    trust: Literal["anonymous", "claimed", "proven"]
    normalize: Literal["none", "email", "phone"] = "none"
    region: Annotated[StrictStr, Field(max_length=40)] | None = None
    lower_case: StrictBool = False


class UnitAttribute(EventAttribute):
    """One attribute of a level, such as the size of a household.

    Keys, beside those of an event's attribute:
        predictor: whether models may see it. Default true.
        if_missing: what texts of treatments say where it is missing: a text, or language -> text. Default: no text may
            name it.
    """

    predictor: StrictBool = True
    if_missing: MissingText = None


class Level(Section):
    """One level in levels.yaml: persons may belong together, such as in a household.

    Keys:
        title: for people.
        attributes: name -> what is known of a household, say; rules name it household.NAME.
    """

    title: Text = ""
    attributes: dict[Name, UnitAttribute] = {}  # noqa: RUF012  It is copied for every section.


class Comparison(Section):
    """How the search for duplicates compares one customer attribute, in duplicates.yaml.

    Keys:
        compare: "name" forgives one slip of the pen, "date" one wrong part, "text" capitals, accents and spaces;
            "email" and "phone" compare with identifiers of that normalisation too. Required.
        region: of phone: two letters of the country of numbers without a country code. Default: such numbers are
            passed over.
    """

    compare: Literal["name", "date", "text", "email", "phone"]
    region: Annotated[StrictStr, Field(max_length=40)] | None = None
