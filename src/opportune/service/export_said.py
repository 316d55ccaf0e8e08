"""Names and values of a project as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from opportune.service.export_words import Words, plain
from opportune.strategy.project import Project

__all__ = ["Speaker"]


class Speaker:
    """Says names by the titles that the project gives them, and values without signs of any format.

    Args:
        project: the one in use; what it has no title for is said by its name.
    """

    def __init__(self, project: Project, words: Words) -> None:
        self._project, self._words = project, words
        self._inputs: dict[str, Any] = {
            **{f"customer.{name}": one for name, one in project.attributes.items()},
            **{f"context.{name}": one for name, one in project.context.items()},
            **{f"feature.{name}": one for name, one in project.features.items()},
            **project.unit_attributes,
        }

    def action(self, name: str) -> str:
        """Say an action."""
        return _title(self._project.actions, name)

    def channel(self, name: str) -> str:
        """Say a channel, or that it is all of them."""
        return self._words("everywhere") if name == "*" else _title(self._project.channels, name)

    def purpose(self, name: str) -> str:
        """Say a purpose."""
        return _title(self._project.purposes, name)

    def outcome(self, name: str) -> str:
        """Say an outcome."""
        return _title(self._project.outcomes, name)

    def event(self, name: str) -> str:
        """Say an event type."""
        if name not in self._project.events:
            return self._words.or_plain(f"event {name}", name)
        return _title(self._project.events, name)

    def level(self, name: str) -> str:
        """Say what people may belong to."""
        return _title(self._project.levels, name)

    def identifier(self, kind: str) -> str:
        """Say a kind of identifier."""
        return self._words("customer") if kind == "customer" else _title(self._project.identifiers, kind)

    def input(self, key: str) -> str:
        """Say an input by its key, such as "customer.age" or "feature.views_7d@roaming"."""
        name, _, action = key.partition("@")
        title = getattr(self._inputs.get(name), "title", "")
        said = title or self._words.or_plain(name, name.rpartition(".")[2])
        return f"{said}, {self.action(action)}" if action else said

    def inputs(self, values: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Say inputs and their values."""
        return [(self.input(key), self.value(value, key)) for key, value in sorted(values.items())]

    def pairs(self, values: Mapping[str, Any]) -> str:
        """Say inputs and their values on one line."""
        return "; ".join(f"{name}: {value}" for name, value in self.inputs(values))

    def value(self, value: Any, key: str = "") -> str:
        """Say a value; of an input with its unit."""
        if value is None:
            return self._words("missing")
        if isinstance(value, bool):
            return self._words("yes" if value else "no")
        if isinstance(value, Mapping):
            return "; ".join(f"{plain(str(name))}: {self.value(one)}" for name, one in value.items())
        if isinstance(value, Iterable) and not isinstance(value, str | bytes):
            names = self.action if key.startswith("session.") else self.value
            return ", ".join(names(one) for one in value)
        unit = getattr(self._inputs.get(key.partition("@")[0]), "unit", "")
        return f"{self._scalar(value)} {unit}".rstrip()

    def moment(self, at: datetime | None) -> str:
        """Say a moment; "" for none."""
        return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

    def _scalar(self, value: Any) -> str:
        if isinstance(value, datetime):
            return self.moment(value)
        if isinstance(value, float):
            said = f"{value:.4f}".rstrip("0").rstrip(".")
            return said.replace(".", ",") if self._words.language == "pl" else said
        return str(value)


def _title(sections: Mapping[str, Any], name: str) -> str:
    return getattr(sections.get(name), "title", "") or plain(name)
