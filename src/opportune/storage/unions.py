"""Who is one person by the merges that stand, and what is known of it: pure.

Every identifier has a person of its own, with a profile of its own. Merges that stand link these; whoever is linked,
over however many steps, is one person. So a merge that is undone leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

__all__ = ["Link", "Marks", "OwnProfile", "marked", "parts_of", "read_marks", "united"]


class Link(NamedTuple):
    """A merge: the columns of its table.

    Args:
        sequence: of the merge's entry; 0 for those of before schema 2.
        one: person of the identifier on the kept side, `other` that of the other identifier.
        undone: sequence of the split's entry; 0 where it stands.
    """

    sequence: int
    one: str
    other: str
    undone: int

    def proved(self) -> tuple[Any, ...]:
        """The row as the journal proves it."""
        return self if self.sequence else (self.other, self.one)


class Marks(msgspec.Struct, array_like=True, frozen=True):
    """When attributes of a person's own profile were set.

    Args:
        sequence, at: entry and moment of all attributes that `own` does not name; the moment is None where it is not
            known.
        cleared: entry that replaced the whole profile while the person was one with others; 0 for none.
        own: attribute → entry and moment.
        removed: attribute → entry that removed it while the person was one with others.
    """

    sequence: int
    at: int | None
    cleared: int = 0
    own: dict[str, tuple[int, int | None]] = {}
    removed: dict[str, int] = {}

    def of(self, name: str) -> tuple[int, int | None]:
        """Entry and moment of an attribute."""
        return self.own.get(name) or (self.sequence, self.at)

    def times(self, names: Iterable[str]) -> dict[str, int]:
        """Moments of all attributes, as far as they are known."""
        if not self.own:
            return {} if self.at is None else dict.fromkeys(names, self.at)
        return {name: at for name in names if (at := self.of(name)[1]) is not None}


_decode_marks = msgspec.msgpack.Decoder(Marks).decode


def read_marks(content: bytes, sequence: int) -> Marks:
    """Read the marks of a profile that was last changed by an entry; profiles of earlier versions have none."""
    return _decode_marks(content) if content else Marks(sequence, None)


def marked(
    old: Marks | None,
    attributes: dict[str, Any],
    written: Iterable[str],
    removed: Iterable[str],
    now: tuple[int, int],
    *,
    replaced: bool,
    united: bool,
) -> Marks:
    """Marks of a profile after a write.

    Args:
        old: those before; None where there was no profile.
        attributes: all that the profile holds after the write.
        written, removed: names that the write sets and removes.
        now: entry and moment of the write.
        replaced: the write replaced the profile.
        united: the person is one with others, whose attributes the write outdoes.
    """
    sequence, at = now
    names = set(written)
    cleared = 0 if old is None else old.cleared
    if replaced:
        return Marks(sequence, at, sequence if united else cleared)
    gone = {} if old is None else {name: then for name, then in old.removed.items() if name not in names}
    if united:
        gone |= dict.fromkeys(removed, sequence)
    if old is None or len(names) == len(attributes):
        return Marks(sequence, at, cleared, {}, gone)
    own = {name: mark for name, mark in old.own.items() if name in attributes}
    return Marks(old.sequence, old.at, cleared, own | dict.fromkeys(names, now), gone)


class OwnProfile(NamedTuple):
    """What one person's own profile holds."""

    person: str
    attributes: dict[str, Any]
    marks: Marks


_Known = dict[str, tuple[Any, int | None]]
"""Attribute → value and moment."""


def united(profiles: Sequence[OwnProfile], links: Iterable[Link]) -> _Known:
    """What is known of a person whom several own profiles are of, attribute → value and moment.

    As if all had been written and merged one after another: the later write wins; at a merge the kept side's value
    does. The last write of every own profile is enough for that, since what it outdid would be outdone here too.
    """
    steps: list[tuple[int, int, Any]] = [(link.sequence, 0, link) for link in links if not link.undone]
    for profile in profiles:
        marks = profile.marks
        if marks.cleared:
            steps.append((marks.cleared, 1, (profile.person, None, None, None)))
        for name, value in profile.attributes.items():
            sequence, at = marks.of(name)
            steps.append((sequence, 2, (profile.person, name, value, at)))
        for name, sequence in marks.removed.items():
            steps.append((sequence, 3, (profile.person, name, None, None)))
    groups = _Groups()
    known: dict[str, _Known] = {}
    for _, what, step in sorted(steps, key=lambda one: one[:2]):
        if what == 0:
            kept, absorbed = groups.link(step)
            if kept != absorbed:
                known[kept] = known.pop(absorbed, {}) | known.get(kept, {})
            continue
        person, name, value, at = step
        held = known.setdefault(groups.root(person), {})
        if what == 1:
            held.clear()
        elif what == 2:
            held[name] = value, at
        else:
            held.pop(name, None)
    return known.get(groups.root(profiles[0].person), {}) if profiles else {}


class _Groups:
    """Who is one person, as merges come one after another."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def root(self, person: str) -> str:
        while (above := self._above.get(person)) is not None:
            person = above
        return person

    def link(self, link: Link) -> tuple[str, str]:
        """Let a merge take place; give who is kept and who absorbed, the same where they were one before."""
        kept, absorbed = self.root(link.one), self.root(link.other)
        if kept != absorbed:
            self._above[absorbed] = kept
        return kept, absorbed


def parts_of(persons: Sequence[str], links: Iterable[Link]) -> dict[str, str]:
    """Person → who stands for it, by the merges that stand."""
    groups = _Groups()
    for link in sorted(links):
        if not link.undone:
            groups.link(link)
    return {person: groups.root(person) for person in persons}
