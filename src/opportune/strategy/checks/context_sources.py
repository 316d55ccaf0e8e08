"""Can every source of the context be asked, and does what it gives fit the attribute that takes it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from opportune.customers.attributes import Attribute
from opportune.errors import Problem
from opportune.records import ValueType
from opportune.strategy.checks.addresses import check_address
from opportune.strategy.checks.holidays import check_holidays
from opportune.strategy.checks.notes import Notes, Path
from opportune.strategy.codes import zones
from opportune.strategy.compile_sources import Ask, asked_of, attribute_at, in_order, is_personal, pairs_of, reads_of
from opportune.strategy.feature_types import per_action
from opportune.strategy.files import is_source_file
from opportune.strategy.named import files, named
from opportune.strategy.registries import registry
from opportune.strategy.sections.attributes import ContextAttribute
from opportune.strategy.sections.context import ContextSource
from opportune.strategy.source_data import calendar_of, has_positions, places_of, recorded_of
from opportune.strategy.source_events import is_event_file
from opportune.strategy.source_kinds import BUILT_IN, FILED, KEYS, REQUIRED, SHARED_KEYS, What, gives
from opportune.strategy.source_rows import RowsError
from opportune.strategy.wording import suggest

__all__ = ["check_context_sources"]

FILE = "sources.yaml"
CONTEXT = "context.yaml"
FAULTS_MAX = 20
"""Faults of one file that are listed."""
NUMBERS = (ValueType.NUMBER, ValueType.INTEGER)
READABLE = (ValueType.BOOLEAN, ValueType.INTEGER, ValueType.NUMBER, ValueType.TEXT)
"""Types that a cell, or a value of a service, can be read as."""


def check_context_sources(notes: Notes) -> None:
    """Check sources.yaml, the files that it names, and the attributes that take from sources."""
    project = notes.project
    checked = {name: _Section(notes, name, section) for name, section in project.sources.items()}
    sound = {name for name, one in checked.items() if one.is_sound}
    asks = {ask.source: ask for ask in asked_of(project)}
    fitting = {name: _fitting(notes, ask, sound) for name, ask in asks.items()}
    for name, section in project.sources.items():
        if name not in asks:
            _report_unused(notes, name)
        if checked[name].is_whole and section.kind in FILED:
            _File(notes, name, section, fitting.get(name)).check()
    known = [ask for name, ask in asks.items() if name in BUILT_IN or name in sound]
    _check_circles(notes, known)
    _check_personal(notes, known)
    _refuse_strays(notes)


def _report_unused(notes: Notes, name: str) -> None:
    if CONTEXT in notes.gaps.files or any(file == CONTEXT for file, _ in notes.gaps.names):
        return
    remedy = f"write 'source: {name}.WHAT' at an attribute in {CONTEXT}, or remove the source"
    message = "no attribute takes anything from this source"
    notes.report(FILE, [name], message, remedy, "unused-source", key=True, where=[name])


class _Section:
    """Checks the keys of one source, and reports what is wrong.

    Attributes:
        is_whole: whether its keys are those of its kind.
        is_sound: whether nothing is wrong with them.
    """

    def __init__(self, notes: Notes, name: str, section: ContextSource) -> None:
        self.notes, self.name, self.section = notes, name, section
        before = len(notes.problems)
        if name in BUILT_IN:
            self._report([], f"'{name}' is a source that is always there", "choose another name", "name", key=True)
        self._check_names()
        self.is_whole = len(notes.problems) == before
        if self.is_whole:
            self._check_keys()
        self.is_sound = len(notes.problems) == before

    def _report(self, path: Path, message: str, remedy: str, code: str, *, key: bool = False) -> None:
        self.notes.report(FILE, [self.name, *path], message, remedy, code, key=key, where=[self.name, *path])

    def _check_names(self) -> None:
        """Report keys that are not those of the kind, and those that it lacks."""
        kind, given = self.section.kind, self.section.model_fields_set
        for key in sorted(given - KEYS[kind] - SHARED_KEYS):
            known = ", ".join(sorted(KEYS[kind]))
            self._report([key], f"'{key}' means nothing for kind {kind}", f"its keys: {known}", "unfit-key", key=True)
        for key in REQUIRED[kind]:
            if not getattr(self.section, key):
                remedy = "a source that may take for ever cannot be asked; add 'timeout_ms:'"
                remedy = remedy if key == "timeout_ms" else f"add '{key}:'"
                self._report([], f"kind {kind} needs the key '{key}'", remedy, "missing", key=True)

    def _check_keys(self) -> None:
        section = self.section
        if section.of is not None:
            dated = (ValueType.TEXT, ValueType.TIMESTAMP)
            self._expect(section.of, dated if section.kind == "anniversary" else (ValueType.TEXT,), ["of"])
        if section.place is not None:
            self._expect(section.place, (ValueType.TEXT,), ["place"])
        for index, pair in enumerate(section.position or ()):
            for side, key in enumerate(pair):
                self._expect(key, NUMBERS, ["position", index, side])
        if section.time_zone is not None and section.time_zone not in zones():
            message = f"unknown time zone '{section.time_zone[:60]}'"
            self._report(
                ["time_zone"], message, suggest(section.time_zone, zones(), "such as Europe/Warsaw"), "unknown-zone"
            )
        if section.kind == "holidays":
            check_holidays(self.notes, self.name, section, self._expect)
        if section.kind == "http":
            check_address(self.notes, self.name, section, self._expect)

    def _expect(self, key: str, types: Sequence[ValueType], path: Path) -> bool:
        """Report a fact key that is not declared, or not of one of some types."""
        return expect_attribute(self.notes, key, types, [self.name, *path])


def expect_attribute(notes: Notes, key: str, types: Sequence[ValueType], path: Path) -> bool:
    """Report a fact key in sources.yaml that is not declared or not of one of some types; say whether it is fine."""
    scope, _, name = key.partition(".")
    file = files(notes.project).get(scope)
    attribute = attribute_at(notes.project, key)
    if attribute is None:
        if file is None or not notes.gaps.may_hold(file, name):
            remedy = suggest(key, list(named(notes.project)), "known attributes")
            notes.report(FILE, path, f"unknown attribute '{key[:100]}'", remedy, "unknown-attribute")
        return False
    if key in per_action(notes.project):
        message = f"'{key}' has a value for each action, and a source is asked once for all"
        notes.report(FILE, path, message, "name another one", "per-action")
        return False
    if attribute.type not in types:
        words = " or ".join(kind.value for kind in types)
        message = f"expected an attribute of type {words}, found '{key}' of type {attribute.type.value}"
        notes.report(FILE, path, message, "name another one", "wrong-type")
        return False
    return True


def _fitting(notes: Notes, ask: Ask, sound: set[str]) -> dict[str, str]:
    """Check the attributes that take from one source; give those that fit: attribute → what.

    Columns of files are examined with the file.
    """
    project = notes.project
    section = project.sources.get(ask.source)
    if section is None and ask.source not in BUILT_IN:
        known = [*BUILT_IN, *project.sources]
        for name in ask.whats:
            if not notes.gaps.may_hold(FILE, ask.source):
                message, remedy = f"unknown source '{ask.source[:100]}'", suggest(ask.source, known, "known sources")
                notes.report(CONTEXT, [name, "source"], message, remedy, "unknown-source")
        return {}
    kind = ask.source if section is None else section.kind
    known_whats = gives(project, kind, section)
    found: dict[str, str] = {}
    for name, what in ask.whats.items():
        if what in found.values():
            other = next(one for one, taken in found.items() if taken == what)
            notes.report(CONTEXT, [name, "source"], f"'{other}' takes the same", "remove one of both", "duplicate")
        elif what in known_whats:
            if _fits(notes, name, project.context[name], known_whats[what], f"{ask.source}.{what}"):
                found[name] = what
        elif kind in FILED and what:
            if _is_readable(notes, name, project.context[name]):
                found[name] = what
        elif section is None or ask.source in sound:
            message = f"source '{ask.source}' gives no '{what[:100]}'"
            notes.report(CONTEXT, [name, "source"], message, suggest(what, known_whats, "it gives"), "unknown-value")
    if section is not None and section.kind == "places" and section.within_km is None and "is_within" in found.values():
        message = "'is_within' is asked for and nothing says how far that is"
        notes.report(FILE, [ask.source], message, "add 'within_km:'", "missing", key=True, where=[ask.source])
    return found


def _is_readable(notes: Notes, name: str, attribute: ContextAttribute) -> bool:
    if attribute.type in READABLE:
        return True
    words = ", ".join(kind.value for kind in READABLE)
    message = f"a source gives {words}, but the type is {attribute.type.value}"
    notes.report(CONTEXT, [name, "type"], message, "change the type", "wrong-type")
    return False


def _fits(notes: Notes, name: str, attribute: ContextAttribute, what: What, source: str) -> bool:
    """Report where an attribute does not take all that comes."""
    if what.type is None:
        return _is_readable(notes, name, attribute)
    is_number = attribute.type is ValueType.NUMBER and what.type is ValueType.INTEGER
    if attribute.type is not what.type and not is_number:
        message = f"'{source}' is of type {what.type.value}, but the attribute is of type {attribute.type.value}"
        notes.report(CONTEXT, [name, "type"], message, f"write '{what.type.value}'", "wrong-type")
        return False
    lacking = [text for text in what.texts or () if attribute.values is not None and text not in attribute.values]
    if lacking:
        message = f"'{source}' gives '{lacking[0]}' too, which is not among the values"
        notes.report(CONTEXT, [name, "values"], message, f"list {', '.join(what.texts or ())}", "impossible-value")
        return False
    if what.range is not None and attribute.range is not None:
        low, high = attribute.range
        if (low is not None and low > what.range[0]) or (high is not None and high < what.range[1]):
            least, most = what.range
            message = f"'{source}' gives {least:g} to {most:g}, which the range does not hold"
            notes.report(CONTEXT, [name, "range"], message, f"write [{least:g}, {most:g}]", "impossible-value")
            return False
    return True


class _File:
    """Checks the file of one source, as far as attributes take from it.

    Args:
        asked: attribute → what it takes; None where nothing does, and the file need only be there.
    """

    def __init__(self, notes: Notes, name: str, section: ContextSource, asked: Mapping[str, str] | None) -> None:
        self.notes, self.name, self.section = notes, name, section
        registered = registry(notes.project.context, "context.").attributes
        self.wanted: dict[str, Attribute] = {what: registered[name] for name, what in (asked or {}).items()}
        self.is_used = asked is not None
        self.found = 0
        self.told: set[tuple[int, str]] = set()

    def check(self) -> None:
        """Report what is wrong with it."""
        path = self.section.file or ""
        text = self.notes.project.files.get(path)
        if text is None or not is_source_file(path):
            known = [one for one in self.notes.project.files if is_source_file(one)]
            if not self.notes.gaps.may_hold(path, ""):
                remedy = suggest(path, known, "sheets in the folder sources")
                self.notes.report(FILE, [self.name, "file"], f"no sheet '{path[:100]}'", remedy, "unknown-file")
            return
        if is_event_file(path) and self.section.kind != "calendar":
            message = f"kind {self.section.kind} reads a sheet, and this is iCalendar"
            self.notes.report(FILE, [self.name, "file"], message, "name a file sources/NAME.csv", "unfit-file")
            return
        if not self.is_used:
            return
        try:
            self._read(text)
        except RowsError as fault:
            self._report(fault.line, fault.message, fault.remedy)

    def _read(self, text: str) -> None:
        section, kind = self.section, self.section.kind
        zone = self._zone()
        if kind == "weather":
            recorded_of(section, text, zone, self.wanted, self._report)
            return
        pairs = pairs_of(self.notes.project, section)
        is_placed = kind == "places" or has_positions(section, text, zone)
        if kind == "calendar" and not is_placed:
            self._refuse_unplaced()
        if kind == "calendar" and is_placed and section.within_km is None:
            self._complain("the file says where events are, and nothing how far they count", "add 'within_km:'")
        if is_placed and not pairs:
            remedy = "declare context.latitude and context.longitude, or name attributes: 'position:'"
            self._complain("nothing says where the contact is", remedy)
        if kind == "places":
            places_of(section, text, pairs, self.wanted, self._report)
        else:
            calendar_of(section, text, pairs, zone, self.wanted, self._report)

    def _refuse_unplaced(self) -> None:
        for key in ("position", "within_km"):
            if key in self.section.model_fields_set:
                lacks, remedy = "the file has no columns latitude and longitude", "remove it, or add the columns"
                if is_event_file(self.section.file or ""):
                    lacks, remedy = "no event of the file has a GEO", "remove it, or add where events are"
                message = f"'{key}' means nothing: {lacks}"
                self.notes.report(FILE, [self.name, key], message, remedy, "unfit-key", key=True)

    def _zone(self) -> ZoneInfo:
        zone = self.section.time_zone or self.notes.project.settings.time_zone
        return ZoneInfo(zone if zone in zones() else "UTC")

    def _complain(self, message: str, remedy: str) -> None:
        self.notes.report(FILE, [self.name], message, remedy, "missing", key=True, where=[self.name])

    def _report(self, line: int, message: str, remedy: str) -> None:
        # An event that recurs is many rows, all with its faults.
        if (line, message) in self.told:
            return
        self.told.add((line, message))
        self.found += 1
        if self.found > FAULTS_MAX + 1:
            return
        if self.found == FAULTS_MAX + 1:
            message, remedy = "more faults of this file are not listed", "correct those above first"
        problem = Problem(self.section.file or "", line, 1, f"source {self.name}", message, remedy, "source-file")
        self.notes.problems.append(problem)


def _check_circles(notes: Notes, asks: Sequence[Ask]) -> None:
    _, circle = in_order(notes.project, asks)
    if circle:
        words = ", ".join(f"'{name}'" for name in circle)
        message = f"sources that read what they fill themselves, or wait for each other: {words}"
        notes.report(FILE, [circle[0]], message, "let one of them read something else", "circle", key=True)


def _check_personal(notes: Notes, asks: Sequence[Ask]) -> None:
    """Expect that what is made of something personal is called personal: else an objection would not reach it."""
    project = notes.project
    for ask in asks:
        reads = reads_of(project, project.sources[ask.source]) if ask.source in project.sources else []
        made_of = next((key for key in reads if is_personal(project, key)), None)
        for name in ask.whats if made_of is not None else ():
            if not project.context[name].personal:
                message = f"it is made of '{made_of}', which says something about the person"
                notes.report(CONTEXT, [name, "source"], message, "add 'personal: true'", "personal-attribute")


def _refuse_strays(notes: Notes) -> None:
    """Report sheets that no source reads."""
    used = {section.file for section in notes.project.sources.values()}
    for path in notes.project.files:
        if is_source_file(path) and path not in used and FILE not in notes.gaps.files and not _may_be_used(notes):
            remedy = f"name it in {FILE}, or remove it"
            notes.problems.append(Problem(path, 0, 0, "", "no source reads this sheet", remedy, "unknown-file"))


def _may_be_used(notes: Notes) -> bool:
    return any(file == FILE for file, _ in notes.gaps.names)
