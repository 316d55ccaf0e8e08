"""Families of devices, told from user agents by few rules; the first rule that fits counts.

Browsers say less and less about themselves: an iPad with a desktop page calls itself a Macintosh.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from opportune.customers.context.base import Contact, Given, text_at

__all__ = ["FAMILIES", "SYSTEMS", "Device", "family_of", "system_of"]

_FAMILIES = (
    ("bot", re.compile(r"bot\b|crawl|spider|slurp|preview|headless|python-|curl/|wget/|httpclient", re.IGNORECASE)),
    ("tablet", re.compile(r"ipad|tablet|kindle|silk/|playbook", re.IGNORECASE)),
    ("mobile", re.compile(r"mobi|iphone|ipod|windows phone|opera mini", re.IGNORECASE)),
    # Android says "Mobile" on telephones alone.
    ("tablet", re.compile(r"android", re.IGNORECASE)),
    ("desktop", re.compile(r"windows nt|macintosh|x11|cros ", re.IGNORECASE)),
)
_SYSTEMS = (
    ("windows", re.compile(r"windows", re.IGNORECASE)),
    ("ios", re.compile(r"iphone|ipad|ipod", re.IGNORECASE)),
    ("macos", re.compile(r"macintosh", re.IGNORECASE)),
    ("android", re.compile(r"android", re.IGNORECASE)),
    ("chromeos", re.compile(r"cros ", re.IGNORECASE)),
    ("linux", re.compile(r"linux|x11", re.IGNORECASE)),
)
OTHER = "other"
FAMILIES = (*dict.fromkeys(name for name, _ in _FAMILIES), OTHER)
SYSTEMS = (*(name for name, _ in _SYSTEMS), OTHER)


@lru_cache(maxsize=4096)
def family_of(agent: str) -> str:
    """Give the family of the device that a user agent names."""
    return next((name for name, pattern in _FAMILIES if pattern.search(agent)), OTHER)


@lru_cache(maxsize=4096)
def system_of(agent: str) -> str:
    """Give the operating system that a user agent names."""
    return next((name for name, pattern in _SYSTEMS if pattern.search(agent)), OTHER)


class Device:
    """A source of kind device.

    Args:
        key: fact key of the user agent.
        wanted: "family" or "system".
    """

    def __init__(self, key: str, wanted: Sequence[str]) -> None:
        self._key = key
        self._parts = [{"family": family_of, "system": system_of}[name] for name in wanted]

    def values(self, contact: Contact) -> Sequence[Given]:
        """Tell the device."""
        agent = text_at(contact.facts, self._key)
        return [None if agent is None else part(agent) for part in self._parts]
