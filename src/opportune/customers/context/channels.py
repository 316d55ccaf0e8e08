"""The channel of the contact, as context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opportune.customers.context.base import Contact, Given

__all__ = ["ChannelName"]


class ChannelName:
    """The source `channel`.

    Args:
        directions: channel → "inbound" or "outbound".
        wanted: "name" or "direction".
    """

    def __init__(self, directions: Mapping[str, str], wanted: Sequence[str]) -> None:
        self._directions = dict(directions)
        self._wanted = tuple(wanted)

    def values(self, contact: Contact) -> Sequence[Given]:
        """Name the channel."""
        name = contact.request.channel
        return [name if one == "name" else self._directions.get(name) for one in self._wanted]
