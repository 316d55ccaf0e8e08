"""What the checks of one project share: its sections, its gaps, and the problems found so far."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from opportune.errors import InputError, Problem
from opportune.strategy.load import Gaps
from opportune.strategy.project import Project
from opportune.strategy.sections.base import Section
from opportune.strategy.source import Node, find
from opportune.strategy.wording import suggest, where_of

__all__ = ["Notes"]

Path = Sequence[str | int]
Read = TypeVar("Read")


class Notes:
    """Collects problems at their places."""

    def __init__(self, project: Project, gaps: Gaps) -> None:
        self.project = project
        self.gaps = gaps
        self.problems: list[Problem] = []

    def node(self, file: str, path: Path) -> Node:
        """Give the node at a place, or the nearest above it."""
        tree = self.project.trees.get(file)
        return find(tree, path)[0] if tree else Node(None, 0, 0, 0, 0)

    def report(
        self,
        file: str,
        path: Path,
        message: str,
        remedy: str,
        code: str,
        *,
        key: bool = False,
        where: Path | None = None,
    ) -> None:
        """Note a problem at a value, or with `key` at its key.

        Args:
            where: steps to name in place of `path`.
        """
        node = self.node(file, path)
        line, column = (node.key_line, node.key_column) if key else (node.line, node.column)
        words = where_of(path[:-1] if key and where is None else path if where is None else where)
        self.problems.append(Problem(file, line, column, words, message, remedy, code))

    def expect_name(
        self, name: str, known: Collection[str], source: str, noun: str, file: str, path: Path, *, key: bool = False
    ) -> bool:
        """Report a name that does not exist, unless its own file could not be read.

        Args:
            source: file that defines such names, or "actions".
            noun: what is named, such as "goal".
        """
        if name in known:
            return True
        if not self.gaps.may_hold(source, name):
            message = f"unknown {noun} '{name[:100]}'"
            remedy = suggest(name, known, f"known {noun}s") if known else f"declare it in {source}, or remove it"
            self.report(file, path, message, remedy, f"unknown-{noun}", key=key)
        return False

    def fitting(self, read: Callable[[], Read], file: str, path: Path) -> Read | None:
        """Read a value; report what is wrong with it and give None where it does not fit."""
        try:
            return read()
        except InputError as error:
            problem = error.problems[0]
            self.report(file, path, problem.message, problem.remedy or "change the value", problem.code)
            return None

    def doubt(self, file: str, name: str) -> None:
        """Remember that something is wrong, so that what follows from it is not reported too."""
        self.gaps.names.add((file, name))

    def expect_value(self, section: Section, file: str, name: str, key: str) -> bool:
        """Report a key that stands there with nothing behind it; say whether there is something."""
        if getattr(section, key) is not None:
            return True
        remedy = "write what it asks, or remove it"
        self.report(file, [name, key], f"nothing stands behind '{key}:'", remedy, "missing", key=True)
        return False

    def all_actions_known(self) -> bool:
        """Say whether every action could be read: only then can it be said that none does something."""
        return not any(file == "actions" for file, _ in self.gaps.names)

    def all_channels_known(self) -> bool:
        """Say the same of channels."""
        file = "channels.yaml"
        return file not in self.gaps.files and not any(one == file for one, _ in self.gaps.names)
