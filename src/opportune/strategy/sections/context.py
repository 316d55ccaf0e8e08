"""Typed section of what fills attributes of the context that a request does not say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictInt, StrictStr

from opportune.strategy.sections.base import Name, Section, Text

__all__ = ["ContextSource", "SourceKind"]

SourceKind = Literal["holidays", "anniversary", "places", "weather", "calendar", "device", "http"]
Fact = Annotated[StrictStr, Field(max_length=120)]
Heading = Annotated[StrictStr, Field(min_length=1, max_length=100)]
Texts = Annotated[tuple[StrictStr, ...], Field(min_length=1, max_length=1_000)]
Pointer = Annotated[StrictStr, Field(max_length=200)]
Code = Annotated[StrictStr, Field(min_length=1, max_length=120)]


class ContextSource(Section):
    """One source in sources.yaml; attributes of the context name it as `source: NAME.WHAT`.

    Keys:
        kind: holidays, anniversary, places, weather, calendar, device or http. Required.
        title: for people.
        file: of places, weather and calendar: the sheet, sources/<name>.csv; of calendar also sources/<name>.ics.
        of: of anniversary: the attribute with the date; of device: the one with the user agent.
        country: of holidays: code of ISO 3166 such as PL, or the attribute with the code.
        subdivision: of holidays: code of a part of the country, or the attribute with the code. Default: what holds in
            the whole country.
        language: of holidays: of the names, such as en_US. Default the country's own.
        position: of places and calendar: pairs of attributes, latitude and longitude; the first pair that is known
            counts. Default latitude and longitude of the context, then of the customer, as far as they are declared.
        place: of places: the attribute with the name of the place that is meant, in place of the nearest; of weather:
            the attribute with the name of the place.
        where: of places and calendar: column -> the texts that count.
        within_km: of places: how far `is_within` reaches; of calendar: how far an event may be. Above 0, at most 20100.
        time_zone: of weather and calendar: IANA zone of what the file says without offset. Default the project's.
        url: of http: the address; {context.city} stands for the attribute's value.
        values: of http: name of a value -> JSON pointer to it in the answer.
        discloses: of http: the personal attributes that the address may hold.
        decimals: of http: digits after the point of numbers in the address, 0..6. Default 2.
        timeout_ms: of http: how long one call may take, in milliseconds, 1..60000.
        fresh_minutes: of http: how old an answer may be, in minutes, 1..10080. Default 60.
        calls_at_once: of http: how many calls may be under way, 1..64. Default 4.
    """

    kind: SourceKind
    title: Text = ""
    file: Annotated[StrictStr, Field(max_length=120)] | None = None
    of: Fact | None = None
    country: Code | None = None
    subdivision: Code | None = None
    language: Annotated[StrictStr, Field(max_length=10)] | None = None
    position: Annotated[tuple[tuple[Fact, Fact], ...], Field(min_length=1, max_length=10)] | None = None
    place: Fact | None = None
    where: Annotated[dict[Heading, Texts], Field(min_length=1, max_length=20)] | None = None
    within_km: Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=20_100)] | None = None
    time_zone: StrictStr | None = None
    url: Annotated[StrictStr, Field(min_length=1, max_length=1_000)] | None = None
    values: Annotated[dict[Name, Pointer], Field(min_length=1, max_length=100)] | None = None
    discloses: Annotated[tuple[Fact, ...], Field(max_length=100)] = ()
    decimals: Annotated[StrictInt, Field(ge=0, le=6)] = 2
    timeout_ms: Annotated[StrictInt, Field(ge=1, le=60_000)] | None = None
    fresh_minutes: Annotated[StrictInt, Field(ge=1, le=10_080)] = 60
    calls_at_once: Annotated[StrictInt, Field(ge=1, le=64)] = 4
