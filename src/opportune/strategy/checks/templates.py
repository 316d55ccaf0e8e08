"""Do templates name declared attributes alone, say what stands for missing values, and stay within bounds?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from liquid.exceptions import LiquidError, ResourceLimitError

from opportune.decide.content import Template, is_template, template_of, written
from opportune.decide.liquid import FILTERS
from opportune.decide.liquid_bounds import CHARACTERS_MAX, STEPS_MAX
from opportune.errors import Problem
from opportune.records import Value, ValueType
from opportune.strategy.checks.notes import Notes
from opportune.strategy.feature_types import per_action
from opportune.strategy.named import files
from opportune.strategy.sections.attributes import EventAttribute, MissingText
from opportune.strategy.source import place_in_text
from opportune.strategy.templates import attribute_of, keys_of, missing_text
from opportune.strategy.wording import suggest, where_of

__all__ = ["check_templates"]

_FILES = {"customer": "attributes.yaml", "context": "context.yaml"}
_MOMENT = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)


def check_templates(notes: Notes) -> None:
    """Check every text that holds something of a template."""
    _check_missing_texts(notes)
    for name, action in notes.project.actions.items():
        for channel, treatments in action.treatments.items():
            for treatment, section in treatments.items():
                for language, texts in section.content.items():
                    for part, text in texts.items():
                        if is_template(text):
                            path = ["treatments", channel, treatment, "content", language, part]
                            _Text(notes, notes.project.action_file(name), path, text, language).check()


def _check_missing_texts(notes: Notes) -> None:
    """Report languages that `if_missing` lacks or invents."""
    if notes.gaps.may_hold("project.yaml", "languages"):
        return
    languages = notes.project.settings.languages
    declared: list[tuple[str, list[str | int], MissingText]] = []
    for file, sections in (("attributes.yaml", notes.project.attributes), ("context.yaml", notes.project.context)):
        declared += [(file, [name], section.if_missing) for name, section in sections.items()]
    declared += [("features.yaml", [name], feature.if_missing) for name, feature in notes.project.features.items()]
    for level, unit in notes.project.levels.items():
        declared += [
            ("levels.yaml", [level, "attributes", name], one.if_missing) for name, one in unit.attributes.items()
        ]
    for file, path, missing in declared:
        if isinstance(missing, dict):
            for language in languages:
                if language not in missing:
                    message = f"no text for language '{language}'"
                    remedy = f"add '{language}:', or one text for all languages"
                    notes.report(file, [*path, "if_missing"], message, remedy, "missing-language")
            for language in missing:
                if language not in languages:
                    message = f"language '{language[:40]}' is not one of the project"
                    remedy = suggest(language, languages, "languages")
                    place = [*path, "if_missing", language]
                    notes.report(file, place, message, remedy, "unknown-language", key=True)


class _Text:
    """Checks one template."""

    def __init__(self, notes: Notes, file: str, path: list[str], text: str, language: str) -> None:
        self.notes = notes
        self.file = file
        self.path = path
        self.text = text
        self.language = language

    def check(self) -> None:
        """Check names first; a template that names what there is not cannot be tried."""
        try:
            bare = template_of(self.path[-1], self.text, self.language, {})
            named = keys_of(bare)
        except LiquidError as fault:
            self._report_fault(fault)
            return
        sound = [self._is_known(key, offset) for key, offset in named.items()]
        filters = bare.compiled.analyze(include_partials=False).filters
        sound += [self._has_filter(name, spans[0].index) for name, spans in filters.items()]
        if all(sound):
            missing = {key: missing_text(self.notes.project, key, self.language) for key in named}
            self._try(template_of(self.path[-1], self.text, self.language, missing))

    def _is_known(self, key: str, offset: int) -> bool:
        source, _, name = key.partition(".")
        if source == "feature" or source in self.notes.project.levels:
            return self._is_other(key, offset, files(self.notes.project)[source])
        if source not in _FILES or not name:
            remedy = "write customer.NAME or context.NAME, of a declared attribute"
            self._report(offset, f"unknown name '{key[:100]}'", remedy, "unknown-attribute")
            return False
        if self.notes.gaps.may_hold(_FILES[source], name):
            return False
        attribute = attribute_of(self.notes.project, key)
        if attribute is None:
            known = self.notes.project.attributes if source == "customer" else self.notes.project.context
            remedy = suggest(name, known, "known attributes").replace("mean '", f"mean '{source}.")
            self._report(offset, f"unknown attribute '{key[:100]}'", remedy, "unknown-attribute")
            return False
        if attribute.if_missing is None:
            message = f"nothing is declared for where {key} is missing"
            remedy = f"add 'if_missing:' to {name} in {_FILES[source]}; it may be empty"
            self._report(offset, message, remedy, "template-missing")
            return False
        return True

    def _is_other(self, key: str, offset: int, file: str) -> bool:
        """Judge a feature, or an attribute of a level."""
        project = self.notes.project
        if any(self.notes.gaps.may_hold(file, part) for part in key.split(".")):
            return False
        attribute = attribute_of(project, key)
        if key in per_action(project):
            message = f"{key} has a value for each action, and texts see none of them"
            self._report(offset, message, "name a feature per person", "per-action")
        elif attribute is None:
            known = {*project.unit_attributes, *(f"feature.{name}" for name in project.features)}
            remedy = suggest(key, known, "known attributes")
            self._report(offset, f"unknown attribute '{key[:100]}'", remedy, "unknown-attribute")
        elif attribute.if_missing is None:
            message = f"nothing is declared for where {key} is missing"
            remedy = f"add 'if_missing:' to it in {file}; it may be empty"
            self._report(offset, message, remedy, "template-missing")
        return attribute is not None and attribute.if_missing is not None

    def _has_filter(self, name: str, offset: int) -> bool:
        if name in FILTERS:
            return True
        self._report(offset, f"unknown filter '{name[:40]}'", suggest(name, FILTERS, "filters"), "template-filter")
        return False

    def _try(self, template: Template) -> None:
        """Write it with extreme values, and with none."""
        for facts in _trials(self.notes, template.missing):
            try:
                written(template, facts)
            except LiquidError as fault:
                self._report_fault(fault)
                return

    def _report_fault(self, fault: LiquidError) -> None:
        token = fault.token
        offset = 0 if token is None else max(token.start_index, 0)
        if isinstance(fault, ResourceLimitError):
            message = f"it may grow beyond {CHARACTERS_MAX} bytes or {STEPS_MAX} rounds of its loops"
            self._report(offset, message, "shorten it, or loop over fewer values", "template-size")
            return
        message = f"not a template: {str(fault.message or fault).rstrip('.')}"
        self._report(offset, message, "write values as {{ customer.name }}; see the guide on content", "template")

    def _report(self, offset: int, message: str, remedy: str, code: str) -> None:
        before = self.text[:offset]
        node = self.notes.node(self.file, self.path)
        text = self.notes.project.files[self.file]
        line, column = place_in_text(text, node, before.count("\n") + 1, offset - before.rfind("\n"))
        self.notes.problems.append(Problem(self.file, line, column, where_of(self.path), message, remedy, code))


def _trials(notes: Notes, keys: Mapping[str, str]) -> Iterator[dict[str, Value]]:
    """Give facts to try: none, the least, the greatest, and both with booleans the other way round."""
    yield {}
    sections = {key: section for key in keys if (section := attribute_of(notes.project, key)) is not None}
    for greatest in (False, True):
        for truth in (False, True):
            yield {key: _extreme(section, greatest, truth) for key, section in sections.items()}


def _extreme(section: EventAttribute, greatest: bool, truth: bool) -> Value:
    texts = sorted(section.values or ("", "x" * section.max_length), key=len)
    match section.type:
        case ValueType.BOOLEAN:
            return truth
        case ValueType.TEXT:
            return texts[-1] if greatest else texts[0]
        case ValueType.TEXTS:
            return [texts[-1]] * section.max_items if greatest else []
        case ValueType.TIMESTAMP:
            return _MOMENT
    low, high = section.range or (None, None)
    number = (1e12 if high is None else high) if greatest else (-1e12 if low is None else low)
    return int(number) if section.type is ValueType.INTEGER else float(number)
