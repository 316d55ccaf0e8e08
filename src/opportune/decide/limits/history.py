"""A person's history, laid out for counting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter

from msgspec.structs import replace

from opportune.decide.limits.limits import Scope
from opportune.records import Contact

__all__ = ["SHOWN", "History"]

SHOWN = "shown"
"""What a contact says that stands for an action shown."""


class History:
    """Contacts by what they are, oldest first."""

    def __init__(self, contacts: Sequence[Contact], former: Mapping[str, str]) -> None:
        self._of: dict[str, list[Contact]] = {}
        for contact in sorted(contacts, key=_moment):
            if contact.action in former:
                contact = replace(contact, action=former[contact.action])
            self._of.setdefault(contact.what, []).append(contact)

    def newest(self, what: str, scope: Scope, known: Mapping[str, object], since: int) -> Iterator[Contact]:
        """Give the contacts of one kind that a scope counts and that came after `since`, newest first.

        Args:
            known: the actions that the strategy has.
        """
        actions, channels, strangers = scope.actions, scope.channels, scope.strangers
        for contact in reversed(self._of.get(what, ())):
            if contact.at <= since:
                return
            if (contact.action in actions or (strangers and contact.action not in known)) and (
                channels is None or contact.channel in channels
            ):
                yield contact


_moment = attrgetter("at")
