"""What is wrong with a mapping: all of it, each with its place and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from opportune.errors import InputError, Problem, suggest

__all__ = ["Notes", "Path"]

Path = tuple[str, ...]
"""Keys that lead to a value of the mapping file; () is the whole."""


class Notes:
    """Collects problems.

    Args:
        file: the mapping file; "" where there is none.
        place: gives line and column of a path, both from 1.
    """

    def __init__(self, file: str = "", place: Callable[[Path], tuple[int, int]] = lambda path: (0, 0)) -> None:
        self.file = file
        self.place = place
        self.problems: list[Problem] = []

    def add(self, path: Path, message: str, remedy: str = "", where: str = "") -> None:
        """Note what is wrong with a value.

        Args:
            where: what is concerned; the path itself if left out.
        """
        line, column = self.place(path) if self.file else (0, 0)
        where = where or ".".join(path) or "mapping"
        self.problems.append(Problem(self.file, line, column, where, message, remedy, "invalid-mapping"))

    def check_names(self, content: Mapping[str, Any], known: Iterable[str], path: Path) -> None:
        """Note keys that mean nothing."""
        names = list(known)
        for key in content:
            if key not in names:
                remedy = suggest(str(key), names, f"expected one of {', '.join(names)}")
                self.add((*path, str(key)), "there is no such setting", remedy)

    def settle(self) -> None:
        """Refuse the mapping if anything is wrong with it.

        Raises:
            InputError: with everything.
        """
        if self.problems:
            raise InputError(sorted(self.problems), "invalid-mapping")
