"""Reading the fields of a message that others designed: what is wrong is collected, and no value is repeated."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from opportune.errors import InputError, Problem, UnknownError

__all__ = ["Fields", "declared_only"]

_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


class Fields:
    """A message's fields and all that is wrong with them."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._problems: list[Problem] = []

    def has(self, name: str) -> bool:
        """Whether a field says something."""
        return self._values.get(name) is not None

    def text(self, name: str, remedy: str = "") -> str:
        """A text that must be there; "" where it is wrong."""
        value = self._values.get(name)
        if isinstance(value, str) and value:
            return value
        found = "nothing" if value is None else "something else"
        self.refuse(name, f"expected a text, found {found}", remedy)
        return ""

    def optional_text(self, name: str) -> str | None:
        """A text, or None where there is none."""
        return self.text(name) if self.has(name) else None

    def moment(self, name: str) -> datetime | None:
        """A time with its offset, or None where there is none."""
        value = self._values.get(name)
        if value is None:
            return None
        try:
            # RFC 3339 allows small letters.
            read = datetime.fromisoformat(value[:40].upper()) if isinstance(value, str) else None
        except ValueError:
            read = None
        if read is None or read.tzinfo is None:
            self.refuse(name, "expected a time with its offset", "write it like 2026-05-04T18:00:00Z")
            return None
        return read

    def object(self, name: str) -> dict[str, Any]:
        """An object; empty where there is none."""
        value = self._values.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.refuse(name, "expected an object, found something else")
            return {}
        return value

    def refuse(self, name: str, message: str, remedy: str = "", code: str = "invalid-request") -> None:
        """Note what is wrong with a field."""
        self._problems.append(Problem("", 0, 0, name, message, remedy, code))

    def settle(self) -> None:
        """Refuse the message if anything is wrong with it.

        Raises:
            InputError: with everything.
        """
        if self._problems:
            codes = [problem.code for problem in self._problems if problem.code.startswith("unknown-")]
            if codes:
                raise UnknownError(self._problems, codes[0])
            raise InputError(self._problems, "invalid-request")


def declared_only(values: Mapping[str, Any], declared: Collection[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Keep what the strategy declares: under the same name, or under the same words joined by underscores.

    Returns:
        attribute → value, and the names of what was left out.
    """
    kept: dict[str, Any] = {}
    ignored: list[str] = []
    for name, value in values.items():
        own = name if name in declared else _WORD_ENDS.sub("_", name).strip("_").lower()
        if own not in declared or (own in kept and own != name):
            ignored.append(name)
        elif value is not None:
            kept[own] = value
    return kept, tuple(ignored)
