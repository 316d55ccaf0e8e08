"""What a store should know of persons who are merged, split and forgotten: told once more from the beginning each time.

The model keeps a log of what was written and works out every answer from all of it, with the merges that stand alone,
as if those that were undone had never been.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

__all__ = ["PersonsModel", "Told"]


@dataclass(frozen=True)
class Told:
    """One thing that was written, under which identifiers; `stands` is false for a merge that was undone."""

    what: str
    name: str
    about: tuple[str, ...]
    values: Any = None
    stands: bool = True


@dataclass
class PersonsModel:
    """The log, and what follows from it."""

    log: list[Told] = field(default_factory=list)
    taken: int = 0
    """Units of the stock that were reserved, by whomever."""

    def tell(self, what: str, name: str, *about: str, values: Any = None) -> None:
        self.log.append(Told(what, name, about, values))

    def known(self) -> set[str]:
        """Identifiers that lead to somebody."""
        return {one for told in self.log for one in told.about}

    def undo(self, merge: str) -> bool:
        """Undo a merge; false where there is none that stands."""
        for place, told in enumerate(self.log):
            if told.what == "merge" and told.name == merge and told.stands:
                self.log[place] = replace(told, stands=False)
                return True
        return False

    def forget(self, identifier: str) -> None:
        """Take out all that was written of a person."""
        known, gone = self.known(), self.union(identifier)
        kept = []
        for told in self.log:
            if told.what == "merge" and gone.intersection(told.about):
                # One that was undone, with somebody who stays: it is told no more, but it happened.
                if told.about[0] not in gone:
                    kept.append(Told("trace", told.name, told.about[:1]))
            elif told.about[0] not in gone:
                kept.append(told)
        self.log = kept
        for one in sorted(known - gone - self.known()):
            self.tell("known", "", one)

    def union(self, identifier: str) -> set[str]:
        """All identifiers that lead to the same person."""
        return self._groups(self.log)[identifier]

    def profile(self, identifier: str) -> dict[str, Any] | None:
        """Attributes; None where no profile was ever written."""
        groups: dict[str, set[str]] = {}
        values: dict[frozenset[str], dict[str, Any]] = {}
        for told in self.log:
            for one in told.about:
                groups.setdefault(one, {one})
            if told.what == "merge" and told.stands:
                kept, absorbed = groups[told.about[0]], groups[told.about[1]]
                if kept is absorbed:
                    continue
                sides = [values.pop(frozenset(group), None) for group in (absorbed, kept)]
                both = kept | absorbed
                groups |= dict.fromkeys(both, both)
                if any(side is not None for side in sides):
                    values[frozenset(both)] = {name: side[name] for side in sides if side for name in side}
            elif told.what == "profile":
                attributes, removed, is_whole = told.values
                key = frozenset(groups[told.about[0]])
                held = {} if is_whole else values.get(key, {})
                held = {**held, **attributes}
                values[key] = {name: value for name, value in held.items() if name not in removed}
        return values.get(frozenset(groups.get(identifier, ())))

    def history(self, identifier: str) -> list[str]:
        """Names of entries, the newest first."""
        union = self.union(identifier)
        mine = ("profile", "event", "consent", "join", "decision", "outcome", "merge", "trace")
        return [told.name for told in reversed(self.log) if told.what in mine and told.about[0] in union]

    def of(self, identifier: str, *kinds: str) -> Iterator[Told]:
        union = self.union(identifier)
        return (told for told in self.log if told.what in kinds and told.about[0] in union)

    def events(self, identifier: str) -> list[str]:
        return [told.name for told in self.of(identifier, "event")]

    def contacts(self, identifier: str) -> int:
        return sum(1 for _ in self.of(identifier, "decision", "outcome"))

    def consent(self, identifier: str) -> bool | None:
        """What was said last; of words of one moment, the refusal."""
        said = [told.values for told in self.of(identifier, "consent")]
        return not max((at, not given) for at, given in said)[1] if said else None

    def unit(self, identifier: str) -> str | None:
        said = [told.values for told in self.of(identifier, "join")]
        return said[-1] if said else None

    def customers(self) -> int:
        """Persons with a profile."""
        written = {told.about[0] for told in self.log if told.what == "profile"}
        return len({frozenset(self.union(one)) for one in written})

    @staticmethod
    def _groups(log: list[Told]) -> dict[str, set[str]]:
        groups: dict[str, set[str]] = {}
        for told in log:
            for one in told.about:
                groups.setdefault(one, {one})
            if told.what == "merge" and told.stands:
                both = groups[told.about[0]] | groups[told.about[1]]
                groups |= dict.fromkeys(both, both)
        return groups
