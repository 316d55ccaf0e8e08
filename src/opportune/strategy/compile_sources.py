"""Compile the sources of the context, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from opportune.customers.attributes import Attribute as Registered
from opportune.customers.context import (
    NO_SOURCES,
    Anniversary,
    ChannelName,
    Clock,
    Code,
    Device,
    Holidays,
    Remote,
    Service,
    Source,
    Sources,
    Step,
    Target,
    address_of,
)
from opportune.customers.context.positions import Pairs
from opportune.customers.context.public_holidays import countries, years_of
from opportune.records import ValueType
from opportune.strategy.named import Named, named
from opportune.strategy.project import Project
from opportune.strategy.registries import registry
from opportune.strategy.sections.attributes import Attribute, ContextAttribute, EventAttribute
from opportune.strategy.sections.context import ContextSource
from opportune.strategy.source_data import calendar_of, places_of, recorded_of
from opportune.strategy.source_kinds import BUILT_IN, FILED, gives

__all__ = [
    "Ask",
    "asked_of",
    "attribute_at",
    "compile_sources",
    "in_order",
    "is_personal",
    "pairs_of",
    "reads_of",
    "zone_of",
]

DEFAULT_PAIRS = (("context.latitude", "context.longitude"), ("customer.latitude", "customer.longitude"))


@dataclass(frozen=True, slots=True)
class Ask:
    """What attributes ask of one source.

    Args:
        source: its name.
        whats: attribute → what of the source fills it, in the order of context.yaml.
    """

    source: str
    whats: Mapping[str, str]


def split_name(source: str) -> tuple[str, str]:
    """Split NAME.WHAT; what a file calls a column may hold further points."""
    name, _, what = source.partition(".")
    return name, what


def asked_of(project: Project) -> list[Ask]:
    """List which attributes ask which sources, the sources in the order in which context.yaml names them first."""
    found: dict[str, dict[str, str]] = {}
    for name, attribute in project.context.items():
        if attribute.source is not None:
            source, what = split_name(attribute.source)
            found.setdefault(source, {})[name] = what
    return [Ask(source, whats) for source, whats in found.items()]


def attribute_at(project: Project, key: str) -> Named | None:
    """Give what is declared of a fact key such as customer.city; None where nothing is."""
    return named(project).get(key)


def is_personal(project: Project, key: str) -> bool:
    """Say whether a fact says something about the person; features and levels always do."""
    attribute = attribute_at(project, key)
    return attribute.personal if isinstance(attribute, Attribute | ContextAttribute) else attribute is not None


def pairs_of(project: Project, section: ContextSource) -> Pairs:
    """Give the attributes that say where a contact is: those that a source names, or the usual ones."""
    if section.position is not None:
        return section.position
    return [pair for pair in DEFAULT_PAIRS if all(attribute_at(project, key) is not None for key in pair)]


def reads_of(project: Project, section: ContextSource) -> list[str]:
    """List the fact keys that a source reads."""
    keys = [key for key in (section.of, section.place) if key is not None]
    keys += [code for code in (section.country, section.subdivision) if code is not None and "." in code]
    if section.kind in ("places", "calendar"):
        keys += [key for pair in pairs_of(project, section) for key in pair]
    if section.url is not None:
        keys += address_of(section.url, section.decimals).keys
    return keys


def in_order(project: Project, asks: Sequence[Ask]) -> tuple[list[Ask], list[str]]:
    """Order sources so that each comes after those that fill what it reads.

    Returns:
        the order, and the names of sources that wait for each other in a circle.
    """
    filled_by = {f"context.{name}": ask.source for ask in asks for name in ask.whats}
    waits = {
        ask.source: {
            filled_by[key]
            for key in (reads_of(project, project.sources[ask.source]) if ask.source in project.sources else ())
            if key in filled_by
        }
        for ask in asks
    }
    ordered: list[Ask] = []
    rest = list(asks)
    while ready := next((ask for ask in rest if not waits[ask.source] & {one.source for one in rest}), None):
        ordered.append(ready)
        rest.remove(ready)
    return ordered, [ask.source for ask in rest]


def zone_of(project: Project, section: ContextSource) -> ZoneInfo:
    """Give the zone of what a file says without offset."""
    return ZoneInfo(section.time_zone or project.settings.time_zone)


def compile_sources(project: Project) -> Sources:
    """Compile what was checked."""
    ordered, _ = in_order(project, asked_of(project))
    if not ordered:
        return NO_SOURCES
    registered = registry(project.context, "context.").attributes
    return Sources([_step(project, ask, registered) for ask in ordered], project.settings.time_zone)


def _step(project: Project, ask: Ask, registered: Mapping[str, Registered]) -> Step:
    section = project.sources.get(ask.source)
    kind = ask.source if section is None else section.kind
    wanted = {what: registered[name] for name, what in ask.whats.items()}
    source = _source(project, ask.source, kind, section, wanted)
    return Step(source, tuple(_target(project, kind, section, name, what) for name, what in ask.whats.items()))


def _target(project: Project, kind: str, section: ContextSource | None, name: str, what: str) -> Target:
    """Say how a value gets to its attribute; it is examined only where nothing proves that it fits."""
    attribute = project.context[name]
    registered = registry({name: attribute}, "context.").attributes[name]
    given = gives(project, kind, section).get(what)
    is_proven = given is not None and given.type is not None and _is_proven(attribute, given.texts, given.range)
    is_read = kind in FILED and (given is None or given.type is None)
    is_number = attribute.type is ValueType.NUMBER
    is_computed = kind != "http" and attribute.keeps is None
    return Target(name, None if is_proven or is_read else registered, is_number, is_computed)


def _is_proven(attribute: EventAttribute, texts: Sequence[str] | None, bounds: tuple[float, float] | None) -> bool:
    if attribute.type is ValueType.TEXT:
        return texts is not None
    return attribute.range is None or bounds is not None


Maker = Callable[[Project, str, ContextSource, Mapping[str, Registered]], Source]


def _source(
    project: Project, name: str, kind: str, section: ContextSource | None, wanted: Mapping[str, Registered]
) -> Source:
    if kind in BUILT_IN or section is None:
        if kind == "time":
            return Clock(tuple(wanted))
        return ChannelName({one: channel.direction for one, channel in project.channels.items()}, tuple(wanted))
    return _MAKERS[kind](project, name, section, wanted)


def _holidays(project: Project, name: str, section: ContextSource, wanted: Mapping[str, Registered]) -> Source:
    country = _code(section.country or "")
    # The library and what it knows of countries are read now and not with the first contact.
    for code in countries().keys() & set(_likely(project, section)):
        years_of(code)
    return Holidays(
        country, _code(section.subdivision) if section.subdivision else None, section.language or "", tuple(wanted)
    )


def _likely(project: Project, section: ContextSource) -> list[str]:
    """List the countries that contacts will be in."""
    country = section.country or ""
    if "." not in country:
        return [country]
    attribute = attribute_at(project, country)
    return list(attribute.values or ()) if attribute else []


def _code(text: str) -> Code:
    return Code(key=text) if "." in text else Code(fixed=text)


def _anniversary(project: Project, name: str, section: ContextSource, wanted: Mapping[str, Registered]) -> Source:
    return Anniversary(section.of or "", tuple(wanted))


def _device(project: Project, name: str, section: ContextSource, wanted: Mapping[str, Registered]) -> Source:
    return Device(section.of or "", tuple(wanted))


def _places(project: Project, name: str, section: ContextSource, wanted: Mapping[str, Registered]) -> Source:
    made = places_of(section, project.files[section.file or ""], pairs_of(project, section), wanted, _no_faults)
    assert made is not None
    return made


def _weather(project: Project, name: str, section: ContextSource, wanted: Mapping[str, Registered]) -> Source:
    text = project.files[section.file or ""]
    return recorded_of(section, text, zone_of(project, section), wanted, _no_faults)


def _calendar(project: Project, name: str, section: ContextSource, wanted: Mapping[str, Registered]) -> Source:
    text, pairs = project.files[section.file or ""], pairs_of(project, section)
    return calendar_of(section, text, pairs, zone_of(project, section), wanted, _no_faults)


def _no_faults(line: int, message: str, remedy: str) -> None:
    raise AssertionError(f"line {line}: {message}")


def _http(project: Project, name: str, section: ContextSource, wanted: Mapping[str, Registered]) -> Source:
    values = section.values or {}
    service = Service(
        name=name,
        pointers=tuple(values.values()),
        timeout_seconds=(section.timeout_ms or 0) / 1_000,
        fresh_seconds=section.fresh_minutes * 60.0,
        calls_at_once=section.calls_at_once,
    )
    names = list(values)
    return Remote(
        service,
        address_of(section.url or "", section.decimals),
        [names.index(what) for what in wanted],
        [attribute.type for attribute in wanted.values()],
    )


_MAKERS: Mapping[str, Maker] = {
    "holidays": _holidays,
    "anniversary": _anniversary,
    "places": _places,
    "weather": _weather,
    "calendar": _calendar,
    "device": _device,
    "http": _http,
}
