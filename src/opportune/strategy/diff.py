"""What is different between two strategies, in words; every difference of content is named, in a stable order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from opportune.strategy.files import is_source_file, is_table_file
from opportune.strategy.project import Project
from opportune.strategy.sections.actions import Action, Validity
from opportune.strategy.sections.limits import QuietHours
from opportune.strategy.sections.outcomes import Amount
from opportune.strategy.sections.rules import RuleText, Segment
from opportune.strategy.sections.times import Duration
from opportune.strategy.source_events import is_event_file, read_events
from opportune.strategy.source_rows import Row, RowsError
from opportune.strategy.tables.changes import row_changes, sheet_changes

__all__ = ["differences"]

VALUE_MAX = 120
"""Characters of one old or new value that are shown."""
CHANGES_MAX = 1_000
"""Differences that are listed; the rest is counted."""

_PARTS = (
    ("attribute", "attributes"),
    ("context attribute", "context"),
    ("event type", "events"),
    ("outcome", "outcomes"),
    ("channel", "channels"),
    ("goal", "goals"),
    ("segment", "segments"),
    ("control group", "control_groups"),
    ("model", "models"),
    ("purpose", "purposes"),
    ("contact policy", "contact_policies"),
    ("stock", "stocks"),
    ("rule of slates", "slates"),
    ("rule of data quality", "quality"),
    ("table", "tables"),
    ("source", "sources"),
    ("reading of texts", "texts"),
    ("feature", "features"),
    ("kind of identifier", "identifiers"),
    ("level", "levels"),
    ("comparison of duplicates", "duplicates"),
    ("group", "groups"),
    ("action", "actions"),
)
"""Noun and member of a project, in the order in which differences are told."""
RENAMED = ("model", "group", "action")
"""Nouns whose sections may say what they were called before."""
UNORDERED = (
    "purpose",
    "contact policy",
    "stock",
    "level",
    "comparison of duplicates",
    "reading of texts",
    "rule of data quality",
)
"""Other nouns whose order means nothing."""


def differences(before: Project, after: Project) -> tuple[str, ...]:
    """List what changed; where only comments or layout did, the files are named."""
    found = list(_all(before, after)) or list(_files(before, after))
    rest = len(found) - CHANGES_MAX
    return (*found[:CHANGES_MAX], f"and {rest} more differences") if rest > 0 else tuple(found)


def _all(before: Project, after: Project) -> Iterator[str]:
    yield from _sections("project", before.settings, after.settings)
    for noun, member in _PARTS:
        old, new = getattr(before, member), getattr(after, member)
        if noun in RENAMED:
            renamed = _renamed(old, new)
            yield from (f"{noun} '{former}' renamed to '{name}'" for name, former in renamed.items())
            old = {next((name for name, was in renamed.items() if was == key), key): one for key, one in old.items()}
            # That is told; what stays is compared without it.
            old, new = ({key: _unnamed(one, key, renamed) for key, one in side.items()} for side in (old, new))
        if noun == "action":
            yield from _moved(before, after, old)
        yield from _maps(noun, old, new, is_ordered=noun not in (*RENAMED, *UNORDERED))
    yield from _sheets(before, after)
    yield from _maps("test", _tests(before), _tests(after), is_ordered=False)


def _sheets(before: Project, after: Project) -> Iterator[str]:
    """Tell which rows of sheets changed; sheets that come or go are told by their tables."""
    for path, text in after.files.items():
        is_sheet = is_table_file(path) or is_source_file(path)
        if not is_sheet or before.files.get(path, text) == text:
            continue
        if is_event_file(path):
            yield from _event_changes(path, before, after)
        else:
            yield from sheet_changes(path, before.files[path], text)


def _event_changes(path: str, before: Project, after: Project) -> Iterator[str]:
    """Tell which events of a calendar changed, as the rows that they are read as."""
    try:
        old, new = (_events(path, project) for project in (before, after))
    except RowsError:
        yield f"{path}: changed"
        return
    yield from row_changes(path, old, new)


def _events(path: str, project: Project) -> list[tuple[str, ...]]:
    zone = next((section.time_zone for section in project.sources.values() if section.file == path), None)
    rows = read_events(project.files[path], ZoneInfo(zone or project.settings.time_zone))
    return [_event(rows.headings, list(times)) for _, times in groupby(rows.rows, key=attrgetter("label"))]


def _event(headings: Sequence[str], times: Sequence[Row]) -> tuple[str, ...]:
    """Give an event by its first time; of one that recurs, how often and up to when."""
    first = tuple(times[0].cells[heading] for heading in headings)
    return first if len(times) == 1 else (*first, f"{len(times)} times, up to {times[-1].cells['begin']}")


def _renamed(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    """Give new name → former name of what was renamed, or renamed back."""
    found = {}
    for name, section in new.items():
        formers = [former for former in section.renamed_from if former in old and former not in new]
        formers += [former for former, one in old.items() if name in one.renamed_from and former not in new]
        if name not in old and formers:
            found[name] = formers[0]
    return found


def _unnamed(section: Any, name: str, renamed: Mapping[str, str]) -> Any:
    return section.model_copy(update={"renamed_from": ()}) if name in renamed else section


def _moved(before: Project, after: Project, old: Mapping[str, Any]) -> Iterator[str]:
    for name in after.actions:
        was, now = before.group_of.get(name), after.group_of[name]
        if name in old and was is not None and was != now and now not in _renamed(before.groups, after.groups):
            yield f"action '{name}' moved from group '{was}' to '{now}'"


def _tests(project: Project) -> dict[str, BaseModel]:
    return {persona.name: persona for persona in project.personas}


def _maps(noun: str, old: Mapping[str, Any], new: Mapping[str, Any], is_ordered: bool) -> Iterator[str]:
    """Tell what a map of sections lost, gained and changed; `is_ordered` where their order means something."""
    yield from (f"{noun} '{name}' removed" for name in old if name not in new)
    yield from (f"{noun} '{name}' added" for name in new if name not in old)
    for name, section in new.items():
        if name in old:
            yield from _sections(f"{noun} '{name}'", old[name], section)
    kept = [name for name in new if name in old]
    if is_ordered and kept != [name for name in old if name in new]:
        yield f"{noun}s stand in another order"


def _sections(where: str, old: Any, new: Any) -> Iterator[str]:
    """Tell what differs inside of one section, key by key, as deep as both sides have the same keys."""
    if old == new:
        return
    old_map, new_map = _as_map(old), _as_map(new)
    if old_map is None or new_map is None:
        yield f"{where}: {_value(old)} → {_value(new)}"
        return
    for key in dict.fromkeys((*old_map, *new_map)):
        if key not in old_map:
            yield f"{where}, {key}: {_value(new_map[key])} added"
        elif key not in new_map:
            yield f"{where}, {key}: {_value(old_map[key])} removed"
        else:
            yield from _sections(f"{where}, {key}", old_map[key], new_map[key])


def _as_map(value: Any) -> Mapping[Any, Any] | None:
    """Give the keys of a section or map; None for what is told as one value."""
    if isinstance(value, Amount | Duration | QuietHours | RuleText | Validity):
        return None
    if isinstance(value, BaseModel):
        return {_key(value, name): getattr(value, name) for name in type(value).model_fields}
    return value if isinstance(value, Mapping) else None


def _key(section: BaseModel, name: str) -> str:
    alias = type(section).model_fields[name].alias
    return alias or name


def _value(value: Any) -> str:
    """Write a value as people read it."""
    text = _text(value)
    return text if len(text) <= VALUE_MAX else f"{text[: VALUE_MAX - 1]}…"


def _text(value: Any) -> str:
    match value:
        case None:
            return "none"
        case RuleText():
            return f"`{value.rule}`" + (f" because '{value.because}'" if value.because else "")
        case Amount(reported=True):
            return "amount"
        case Amount():
            return f"{value.number:.{value.decimals}f} {value.currency}" if value.currency else _number(value.number)
        case Validity():
            return f"from {value.begin or 'ever'} until {value.until or 'ever'}"
        case Duration():
            return " ".join(f"{size} {unit}" for unit, size in value.model_dump(exclude_defaults=True).items())
        case QuietHours():
            hours = f"{value.begin // 60:02}:{value.begin % 60:02} to {value.until // 60:02}:{value.until % 60:02}"
            return f"{hours} on {', '.join(value.days)}"
        case Segment():
            return f"`{value.rule}`"
        case Action():
            return f"'{value.title}'"
        case BaseModel():
            return ", ".join(f"{key}: {_text(one)}" for key, one in value.model_dump(exclude_defaults=True).items())
        case Mapping():
            return ", ".join(f"{key}: {_text(one)}" for key, one in value.items()) or "nothing"
        case tuple() | list():
            return "[" + ", ".join(map(_text, value)) + "]"
        case bool():
            return "true" if value else "false"
        case float():
            return _number(value)
        case str():
            return f"'{value}'"
    return str(value)


def _number(value: float) -> str:
    """Write a number with all of its digits: two that differ must not look alike."""
    return repr(value).removesuffix(".0")


def _files(before: Project, after: Project) -> Iterator[str]:
    """Name the files of which only comments or layout changed."""
    for path in sorted({*before.files, *after.files}):
        if before.files.get(path) != after.files.get(path):
            yield f"{path}: layout or comments"
