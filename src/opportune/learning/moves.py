"""Where learned state goes when the names of a catalogue change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from opportune.learning.base import CandidateKey
from opportune.records import Renamed

__all__ = ["Moves"]

Path = tuple[str, ...]


class Moves:
    """Leads from the names of one revision to those of the next.

    A name of an action is unique in a strategy, so an action that stands in another group takes its state along.

    Args:
        catalogue: candidates of the next revision.
        renamed: names that became others.
    """

    def __init__(self, catalogue: Sequence[CandidateKey], renamed: Iterable[Renamed] = ()) -> None:
        self._group_of = {key.action: key.group for key in catalogue}
        self._groups: dict[str, str] = {}
        self._actions: dict[str, str] = {}
        self._models: dict[str, str] = {}
        self._treatments: dict[tuple[str, str, str], str] = {}
        for one in renamed:
            match one.kind:
                case "group":
                    self._groups[one.old] = one.new
                case "action":
                    self._actions[one.old] = one.new
                case "model":
                    self._models[one.old] = one.new
                case _:
                    self._treatments[one.channel, one.action, one.old] = one.new

    def place(self, path: Path) -> Path:
        """Give the new place of a node of the tree: (), (group), (group, action) or the four names of a candidate."""
        if not path:
            return path
        group = self._groups.get(path[0], path[0])
        if len(path) == 1:
            return (group,)
        action = self.action(path[1])
        group = self._group_of.get(action, group)
        if len(path) == 2:
            return group, action
        _, _, channel, treatment = path
        return group, action, channel, self._treatments.get((channel, action, treatment), treatment)

    def action(self, name: str) -> str:
        """Give the new name of an action."""
        return self._actions.get(name, name)

    def model(self, name: str) -> str:
        """Give the new name of a model."""
        return self._models.get(name, name)
