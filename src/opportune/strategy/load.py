"""Loading a project: every file into typed sections, all problems at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import TypeVar

from pydantic import BaseModel

from opportune.errors import Problem, ProjectError
from opportune.strategy.files import (
    FILE_BYTES_MAX,
    FILES_MAX,
    TOTAL_BYTES_MAX,
    is_packed_file,
    is_source_file,
    is_table_file,
    read_texts,
    size_max,
)
from opportune.strategy.project import Project
from opportune.strategy.read import read_rest, read_section
from opportune.strategy.sections.actions import Action, Group
from opportune.strategy.sections.attributes import Attribute, ContextAttribute, EventType
from opportune.strategy.sections.channels import Channel
from opportune.strategy.sections.consents import Purpose
from opportune.strategy.sections.context import ContextSource
from opportune.strategy.sections.control_groups import ControlGroup
from opportune.strategy.sections.features import Feature
from opportune.strategy.sections.goals import Goal
from opportune.strategy.sections.identity import Comparison, IdentifierKind, Level
from opportune.strategy.sections.limits import ContactPolicy, Stock
from opportune.strategy.sections.models import Model
from opportune.strategy.sections.outcomes import OutcomeType
from opportune.strategy.sections.personas import Persona
from opportune.strategy.sections.quality import QualityRule
from opportune.strategy.sections.rules import DecisionTable, Segment
from opportune.strategy.sections.settings import Settings
from opportune.strategy.sections.slates import SlateRule
from opportune.strategy.sections.texts import TextReading
from opportune.strategy.source import Node, SourceError, describe, parse, plain
from opportune.strategy.wording import suggest

__all__ = ["MAP_FILES", "SETTINGS_FILE", "Gaps", "Reading", "load", "load_files", "read_directory", "read_files"]

SETTINGS_FILE = "project.yaml"
MAP_FILES: Mapping[str, type[BaseModel]] = {
    "attributes.yaml": Attribute,
    "context.yaml": ContextAttribute,
    "events.yaml": EventType,
    "outcomes.yaml": OutcomeType,
    "channels.yaml": Channel,
    "goals.yaml": Goal,
    "segments.yaml": Segment,
    "control_groups.yaml": ControlGroup,
    "models.yaml": Model,
    "consents.yaml": Purpose,
    "contact_policies.yaml": ContactPolicy,
    "stocks.yaml": Stock,
    "slates.yaml": SlateRule,
    "quality.yaml": QualityRule,
    "tables.yaml": DecisionTable,
    "identifiers.yaml": IdentifierKind,
    "levels.yaml": Level,
    "duplicates.yaml": Comparison,
    "sources.yaml": ContextSource,
    "texts.yaml": TextReading,
    "features.yaml": Feature,
}
"""Files that map names to sections of one class."""
REQUIRED_FILES = (SETTINGS_FILE, "outcomes.yaml", "channels.yaml", "goals.yaml")
NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")

STAND_INS = {
    "name": Node("unknown", 0, 0, 0, 0),
    "time_zone": Node("UTC", 0, 0, 0, 0),
    "languages": Node([Node("en", 0, 0, 0, 0)], 0, 0, 0, 0),
}
"""For what project.yaml needs, where that is wrong."""
PURPOSE_STAND_INS = {"basis": Node("consent", 0, 0, 0, 0)}
PERSONA_STAND_INS = {"at": Node("2026-01-01T00:00:00Z", 0, 0, 0, 0)}

M = TypeVar("M", bound=BaseModel)


@dataclass(slots=True)
class Gaps:
    """What could not be read, so that what refers to it is not reported a second time.

    Args:
        files: paths of files of which nothing is known.
        names: (file, name) of sections that exist but are wrong; for actions and groups, ("actions", name).
        purposes: what is sound of purposes that are wrong, so that the names in it are checked all the same.
    """

    files: set[str] = field(default_factory=set)
    names: set[tuple[str, str]] = field(default_factory=set)
    purposes: dict[str, Purpose] = field(default_factory=dict)

    def may_hold(self, file: str, name: str) -> bool:
        """Say whether a file may define a name although it was not read."""
        return file in self.files or (file, name) in self.names


@dataclass(slots=True)
class Reading:
    """A project as far as it could be read, with all problems of single files."""

    project: Project
    problems: list[Problem]
    gaps: Gaps


def load(directory: Path) -> Project:
    """Load a project from its folder.

    Raises:
        ProjectError: with every problem that single files have, in the order of files.
    """
    return _complete(read_directory(directory))


def load_files(files: Mapping[str, str]) -> Project:
    """Load a project from its texts by path, such as a kept revision.

    Raises:
        ProjectError: as `load`.
    """
    return _complete(read_files(files))


def _complete(reading: Reading) -> Project:
    if reading.problems:
        raise ProjectError(sorted(reading.problems))
    return reading.project


def read_directory(directory: Path) -> Reading:
    """Read a folder as far as possible.

    Raises:
        ProjectError: there is no such folder, no strategy in it, or it holds too much.
    """
    _expect_strategy(directory)
    texts, problems = read_texts(directory)
    reader = _Reader(dict(texts))
    reader.problems += problems
    reader.gaps.files.update(problem.file for problem in problems)
    return reader.reading()


def _expect_strategy(directory: Path) -> None:
    """Refuse a folder that cannot be meant, in one line; other YAML files would be a hundred problems."""
    if not directory.is_dir() or any((directory / name).exists() for name in REQUIRED_FILES):
        return
    near = sorted(file.parent.relative_to(directory).as_posix() for file in directory.glob(f"*/{SETTINGS_FILE}"))
    remedy = f"did you mean {' or '.join(near[:3])}?" if near else "start one with the command init"
    message = f"here is no strategy (no {SETTINGS_FILE})"
    raise ProjectError([Problem(directory.as_posix(), 0, 0, "", message, remedy, "no-project")])


def read_files(files: Mapping[str, str]) -> Reading:
    """Read texts by path as far as possible.

    Raises:
        ProjectError: they are too many or too large.
    """
    sizes = [len(text) for text in files.values()]
    is_too_large = any(len(text) > size_max(path) for path, text in files.items())
    if len(files) > FILES_MAX or sum(sizes) > TOTAL_BYTES_MAX or is_too_large:
        message = f"more than {FILES_MAX} files, {FILE_BYTES_MAX} characters in one or {TOTAL_BYTES_MAX} in all"
        raise ProjectError([Problem("", 0, 0, "", message, "split the project", "too-large")])
    return _Reader(dict(sorted(files.items()))).reading()


class _Reader:
    """Reads the files of one project and collects what is wrong with each."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files
        self.trees: dict[str, Node] = {}
        self.problems: list[Problem] = []
        self.gaps = Gaps()

    def reading(self) -> Reading:
        """Read everything."""
        if not self.files and not self.problems:
            remedy = "start one with the command init"
            raise ProjectError([Problem("", 0, 0, "", "no file of a strategy in this folder", remedy, "empty-project")])
        self._refuse_strangers()
        self.files = {path: text for path, text in self.files.items() if _belongs(path)}
        for path, text in self.files.items():
            if path.endswith(".yaml"):
                self._parse(path, text)
        self._require(REQUIRED_FILES)
        groups, actions, group_of = self._library()
        personas, places = self._personas()
        project = Project(
            settings=self._settings(),
            attributes=self._map("attributes.yaml", Attribute),
            context=self._map("context.yaml", ContextAttribute),
            events=self._map("events.yaml", EventType),
            outcomes=self._map("outcomes.yaml", OutcomeType),
            channels=self._map("channels.yaml", Channel),
            goals=self._map("goals.yaml", Goal),
            segments=self._segments(),
            control_groups=self._map("control_groups.yaml", ControlGroup),
            models=self._map("models.yaml", Model),
            purposes=self._purposes(),
            contact_policies=self._map("contact_policies.yaml", ContactPolicy),
            stocks=self._map("stocks.yaml", Stock),
            slates=self._map("slates.yaml", SlateRule),
            quality=self._map("quality.yaml", QualityRule),
            tables=self._map("tables.yaml", DecisionTable),
            identifiers=self._map("identifiers.yaml", IdentifierKind),
            levels=self._map("levels.yaml", Level),
            duplicates=self._map("duplicates.yaml", Comparison),
            sources=self._map("sources.yaml", ContextSource),
            texts=self._map("texts.yaml", TextReading),
            features=self._map("features.yaml", Feature),
            groups=groups,
            actions=actions,
            group_of=group_of,
            personas=personas,
            persona_places=places,
            files=self.files,
            trees=self.trees,
        )
        return Reading(project, sorted(self.problems), self.gaps)

    def _report(self, file: str, node: Node | None, where: str, message: str, remedy: str, code: str) -> None:
        line, column = (node.key_line, node.key_column) if node else (0, 0)
        self.problems.append(Problem(file, line, column, where, message, remedy, code))

    def _parse(self, path: str, text: str) -> None:
        try:
            self.trees[path] = parse(text)
        except SourceError as fault:
            self.gaps.files.add(path)
            problem = Problem(path, fault.line, fault.column, "", fault.message, fault.remedy, fault.code)
            self.problems.append(problem)

    def _refuse_strangers(self) -> None:
        """Report files that nothing reads: a misspelt name would silently drop a part of the strategy."""
        known = [SETTINGS_FILE, *MAP_FILES]
        for path in self.files:
            if _belongs(path):
                continue
            parts = PurePosixPath(path).parts
            folder = parts[0] if len(parts) > 1 else ""
            if path.endswith(".yml"):
                self._report(path, None, "", "unknown file", "rename it to end in .yaml", "unknown-file")
            elif not folder:
                self._report(path, None, "", "unknown file", _meant(path, known), "unknown-file")
            elif folder in ("actions", "tests"):
                remedy = "actions lie in actions/<group>/<action>.yaml, tests in tests/<name>.yaml"
                self._report(path, None, "", "unknown file", remedy, "unknown-file")
            elif get_close_matches(folder, ("actions", "tests"), cutoff=0.8):
                remedy = suggest(folder, ("actions", "tests"))
                self._report(path, None, "", f"unknown folder '{folder}'", remedy, "unknown-file")

    def _require(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.files and name not in self.gaps.files:
                self.gaps.files.add(name)
                self._report(name, None, "", "missing file", "create it", "missing-file")

    def _section(self, model: type[M], node: Node, file: str, above: tuple[str | int, ...] = ()) -> M | None:
        section, problems = read_section(model, node, file, above)
        self.problems += problems
        return section

    def _settings(self) -> Settings:
        """Read project.yaml; stand-ins take the place of what is wrong."""
        tree = self.trees.get(SETTINGS_FILE)
        section = self._section(Settings, _or_map(tree), SETTINGS_FILE) if tree else None
        if section is None and tree is not None:
            # What is sound of it can still be compared with the other files.
            section, wrong = read_rest(Settings, _or_map(tree), STAND_INS)
            self.gaps.names |= {(SETTINGS_FILE, key) for key in wrong}
        if section is None:
            self.gaps.files.add(SETTINGS_FILE)
            return Settings.model_validate({key: plain(node) for key, node in STAND_INS.items()})
        return section

    def _map(self, file: str, model: type[M]) -> dict[str, M]:
        sections: dict[str, M] = {}
        for name, node in self._entries(file):
            section = self._section(model, node, file, (name,))
            if section is None:
                self.gaps.names.add((file, name))
            else:
                sections[name] = section
        return sections

    def _purposes(self) -> dict[str, Purpose]:
        """Read consents.yaml, and what is sound of purposes that are wrong."""
        file = "consents.yaml"
        sections = self._map(file, Purpose)
        tree = self.trees.get(file)
        nodes = tree.value if tree is not None and isinstance(tree.value, dict) else {}
        for name, node in nodes.items():
            if name not in sections and NAME.fullmatch(name):
                rest, _ = read_rest(Purpose, node, PURPOSE_STAND_INS)
                if rest is not None:
                    self.gaps.purposes[name] = rest
        return sections

    def _entries(self, file: str) -> list[tuple[str, Node]]:
        """List names and nodes of a file that maps names, without those whose name is wrong."""
        tree = self.trees.get(file)
        if tree is None or tree.value is None:
            return []
        if not isinstance(tree.value, dict):
            self.gaps.files.add(file)
            message = f"expected a map from names, found {describe(tree)}"
            self._report(file, tree, "", message, "write 'name:' and its keys indented below", "dict-type")
            return []
        return [(name, node) for name, node in tree.value.items() if self._check_name(file, node, name)]

    def _check_name(self, file: str, node: Node | None, name: str) -> bool:
        if NAME.fullmatch(name):
            return True
        self.gaps.names.add((file, name))
        message = f"expected a name of a-z, 0-9 and _ that begins with a letter, found '{name[:100]}'"
        self._report(file, node, "", message, "rename it", "name")
        return False

    def _segments(self) -> dict[str, Segment]:
        """Read segments.yaml, where a rule may stand alone in place of a map."""
        file, sections = "segments.yaml", {}
        for name, node in self._entries(file):
            if isinstance(node.value, str):
                rule = Node({"rule": node}, node.line, node.column, node.key_line, node.key_column)
                section = self._section(Segment, rule, file, (name,))
            else:
                section = self._section(Segment, node, file, (name,))
            if section is None:
                self.gaps.names.add((file, name))
            else:
                sections[name] = section
        return sections

    def _library(self) -> tuple[dict[str, Group], dict[str, Action], dict[str, str]]:
        """Read groups and actions; the first of two actions with one name is kept."""
        groups: dict[str, Group] = {}
        actions: dict[str, Action] = {}
        group_of: dict[str, str] = {}
        for path in sorted(path for path in {*self.files, *self.gaps.files} if _is_library(path)):
            _, group, file = path.split("/")
            name = file.removesuffix(".yaml")
            if group not in groups:
                self._group(group, groups)
            if name == "group" or not self._check_name(path, None, name):
                continue
            if name in group_of:
                message = f"action '{name}' exists in group '{group_of[name]}' too"
                self._report(path, None, "", message, "rename one of both files", "duplicate-action")
                continue
            group_of[name] = group
            tree = self.trees.get(path)
            action = self._section(Action, _or_map(tree), path) if tree else None
            if action is None:
                self.gaps.names.add(("actions", name))
            else:
                actions[name] = action
        return groups, actions, {name: group for name, group in group_of.items() if name in actions}

    def _group(self, name: str, groups: dict[str, Group]) -> None:
        path = f"actions/{name}/group.yaml"
        self._check_name(path, None, name)
        tree = self.trees.get(path)
        if path not in self.files and path not in self.gaps.files:
            self._report(path, None, "", "missing file", "create it; it may be empty", "missing-file")
        section = self._section(Group, _or_map(tree), path) if tree else None
        if section is None:
            self.gaps.names.add(("actions", name))
            section = Group()
        groups[name] = section

    def _personas(self) -> tuple[tuple[Persona, ...], dict[str, tuple[str, int]]]:
        personas: list[Persona] = []
        places: dict[str, tuple[str, int]] = {}
        for path in sorted(path for path in self.trees if path.startswith("tests/")):
            tree = self.trees[path]
            if not isinstance(tree.value, list):
                message = f"expected a list of tests, found {describe(tree)}"
                self._report(path, tree, "", message, "begin each test with '- name:'", "list-type")
                continue
            for index, node in enumerate(tree.value):
                persona = self._section(Persona, node, path)
                if persona is None:
                    # What is sound of it can still be compared with the other files.
                    persona, _ = read_rest(Persona, node, PERSONA_STAND_INS)
                    if persona is None or persona.name in places:
                        continue
                    self.gaps.names.add((path, persona.name))
                if persona.name in places:
                    message = f"a test with this name exists in {places[persona.name][0]} too"
                    self._report(path, node, "name", message, "rename one of both", "duplicate-test")
                    continue
                places[persona.name] = path, index
                personas.append(persona)
        return tuple(personas), places


def _belongs(path: str) -> bool:
    """Say whether a path is one that a strategy has; other files of the folder are none of our business."""
    is_test = path.startswith("tests/") and path.count("/") == 1 and path.endswith(".yaml")
    is_sheet_or_model = is_packed_file(path) or is_table_file(path) or is_source_file(path)
    return path == SETTINGS_FILE or path in MAP_FILES or is_test or is_sheet_or_model or _is_library(path)


def _meant(path: str, known: Iterable[str]) -> str:
    """Say which file may have been meant; the ending, which all have, makes no two names alike."""
    close = get_close_matches(path.removesuffix(".yaml"), [name.removesuffix(".yaml") for name in known], n=1)
    if close:
        return f"did you mean '{close[0]}.yaml'?"
    return "move it into a folder, such as imports/; only the files of the strategy lie here"


def _is_library(path: str) -> bool:
    return path.startswith("actions/") and path.count("/") == 2 and path.endswith(".yaml")


def _or_map(tree: Node) -> Node:
    """Take an empty file as a map without keys."""
    return Node({}, 1, 1, 1, 1) if tree.value is None else tree
