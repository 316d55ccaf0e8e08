"""Names of today for names of the past: what a decision of an earlier revision showed may be called otherwise now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from opportune.records import Renamed

__all__ = ["Names"]


@dataclass(frozen=True, slots=True)
class Names:
    """Former names and what they became; a fold of the renames of all revisions.

    Args:
        groups, actions, models: former name -> name of today.
        treatments: (channel, action of today, former name) -> name of today.
    """

    groups: Mapping[str, str] = field(default_factory=dict)
    actions: Mapping[str, str] = field(default_factory=dict)
    treatments: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)

    def after(self, renamed: Iterable[Renamed]) -> Names:
        """Give the names after one more revision."""
        groups, actions, treatments = dict(self.groups), dict(self.actions), dict(self.treatments)
        models = dict(self.models)
        for one in renamed:
            if one.kind == "group":
                _lead(groups, one.old, one.new)
            elif one.kind == "model":
                _lead(models, one.old, one.new)
            elif one.kind == "action":
                _lead(actions, one.old, one.new)
                treatments = {
                    (channel, one.new if action == one.old else action, former): name
                    for (channel, action, former), name in treatments.items()
                }
            else:
                own = {
                    former: name
                    for (channel, action, former), name in treatments.items()
                    if (channel, action) == (one.channel, one.action)
                }
                _lead(own, one.old, one.new)
                treatments = {key: name for key, name in treatments.items() if key[:2] != (one.channel, one.action)} | {
                    (one.channel, one.action, former): name for former, name in own.items()
                }
        return Names(groups, actions, treatments, models)

    def renamed(self) -> tuple[Renamed, ...]:
        """List them as one revision would that did all of it at once."""
        return (
            *(Renamed("group", old, new) for old, new in self.groups.items()),
            *(Renamed("action", old, new) for old, new in self.actions.items()),
            *(Renamed("model", old, new) for old, new in self.models.items()),
            *(Renamed("treatment", old, new, *place) for (*place, old), new in self.treatments.items()),
        )

    def today(self, channel: str, action: str, treatment: str) -> tuple[str, str, str]:
        """Give (channel, action, treatment) as they are called today."""
        action = self.actions.get(action, action)
        return channel, action, self.treatments.get((channel, action, treatment), treatment)


def _lead(names: dict[str, str], old: str, new: str) -> None:
    """Note that `old` became `new`, and so did all that had become `old`."""
    for former, name in names.items():
        if name == old:
            names[former] = new
    names[old] = new
    # A name that came back is its own again.
    names.pop(new, None)
