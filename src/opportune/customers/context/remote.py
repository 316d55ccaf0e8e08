"""What a service answers over HTTP, from answers at hand: a decision never waits for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from opportune.customers.context.base import Call, Contact, Doubt, Given, Service, as_number
from opportune.records import Facts, Value, ValueType

__all__ = ["Address", "Remote", "address_of", "fitted", "host_of"]

_STEPS = frozenset({"", ".", ".."})
"""What a path does not take for a name: it would lead to another address of the service."""

_TYPES: dict[ValueType, type | tuple[type, ...]] = {
    ValueType.BOOLEAN: bool,
    ValueType.INTEGER: int,
    ValueType.NUMBER: (int, float),
    ValueType.TEXT: str,
}


@dataclass(frozen=True, slots=True)
class Address:
    """A URL in parts: between texts stand the values of attributes.

    Args:
        texts: one more than keys.
        keys: fact keys of the attributes.
        decimals: digits after the point of numbers.
    """

    texts: tuple[str, ...]
    keys: tuple[str, ...]
    decimals: int

    def of(self, facts: Facts) -> str | None:
        """Write the URL; None where an attribute is missing, or its text is no name in a path."""
        parts = [self.texts[0]]
        for key, text in zip(self.keys, self.texts[1:], strict=True):
            value = facts.get(key)
            if value is None or isinstance(value, list | tuple):
                return None
            written = _written(value, self.decimals)
            if written in _STEPS:
                return None
            parts += (quote(written, safe="", errors="replace"), text)
        return "".join(parts)


def address_of(url: str, decimals: int) -> Address:
    """Split a URL such as https://weather.example/{context.city}.

    Raises:
        ValueError: a brace is not closed or stands alone.
    """
    texts, keys = [], []
    rest = url
    while "{" in rest:
        text, _, after = rest.partition("{")
        key, closed, rest = after.partition("}")
        if not closed or "{" in key or "}" in text:
            raise ValueError("a brace that has no other")
        texts.append(text)
        keys.append(key.strip())
    if "}" in rest:
        raise ValueError("a brace that has no other")
    return Address((*texts, rest), tuple(keys), decimals)


def _written(value: object, decimals: int) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        # Adding zero makes 0 of -0, which is the same place.
        return f"{round(value, decimals) + 0.0:.{decimals}f}"
    return str(value)


class Remote:
    """A source of kind http.

    Args:
        types: of the wanted values; what the service answers otherwise is unreadable.
        wanted: positions among the service's pointers.
    """

    def __init__(self, service: Service, address: Address, wanted: Sequence[int], types: Sequence[ValueType]) -> None:
        self._service, self._address = service, address
        self._wanted = tuple(zip(wanted, types, strict=True))

    def values(self, contact: Contact) -> Sequence[Given]:
        """Give what the service answered lately; late where it has not yet."""
        url = self._address.of(contact.facts)
        if url is None:
            return [None] * len(self._wanted)
        answered = contact.answers.answer(Call(self._service, url))
        if answered is None:
            return [Doubt.LATE] * len(self._wanted)
        return [fitted(answered[at], kind) for at, kind in self._wanted]


def fitted(value: Value | None, kind: ValueType) -> Given:
    """Give a value of a JSON text, number or truth value as an attribute of a type has it."""
    if value is None:
        return Doubt.NO_DATA
    if isinstance(value, bool) != (kind is ValueType.BOOLEAN) or not isinstance(value, _TYPES[kind]):
        return Doubt.UNREADABLE
    return as_number(value) if kind is ValueType.NUMBER and isinstance(value, int) else value


def host_of(url: str) -> str:
    """Give host and port as they stand in a URL, in small letters; "" where there is none."""
    _, _, rest = url.partition("://")
    authority = rest.split("/", 1)[0].split("?", 1)[0].split("#", 1)[0]
    return "" if "@" in authority or "\\" in authority else authority.lower()
