"""The nearest place of a file, or one that is named, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opportune.customers.context.base import Contact, Doubt, Given, text_at
from opportune.customers.context.cells import CellIndex
from opportune.customers.context.positions import Pairs, position_of
from opportune.records import Value

__all__ = ["PLACE", "Places"]

PLACE = ("name", "km", "is_within")
"""What the source gives beside the columns of its file."""


class Places:
    """A source of kind places.

    Args:
        names, latitudes, longitudes: of the places, in the order of the file.
        columns: wanted column → its values; None where a cell is empty.
        pairs: where the contact is.
        place: fact key of the name of the place that is meant; "" for the nearest.
        within_km: how far `is_within` reaches.
        wanted: names of `PLACE` and of columns.
    """

    def __init__(
        self,
        names: Sequence[str],
        latitudes: Sequence[float],
        longitudes: Sequence[float],
        columns: Mapping[str, Sequence[Value | None]],
        pairs: Pairs,
        place: str,
        within_km: float,
        wanted: Sequence[str],
    ) -> None:
        self._index = CellIndex(latitudes, longitudes)
        self._columns: dict[str, Sequence[Value | None]] = {**columns, "name": names}
        self._numbers: dict[str, int] = {}
        for number, name in enumerate(names):
            self._numbers.setdefault(name, number)
        self._pairs, self._place, self._within_km = pairs, place, within_km
        self._wanted = tuple(wanted)

    def values(self, contact: Contact) -> Sequence[Given]:
        """Find the place. A place that is named has its columns also where nobody knows where the contact is."""
        position = position_of(contact, self._pairs)
        if self._place:
            name = text_at(contact.facts, self._place)
            number = None if name is None else self._numbers.get(name, -1)
            if number is None or number < 0:
                return [None if number is None else Doubt.NO_DATA] * len(self._wanted)
            km = self._index.distance(number, *position) if isinstance(position, tuple) else position
        elif isinstance(position, tuple):
            number, km = self._index.nearest(*position)
        else:
            return [position] * len(self._wanted)
        return [self._value(name, number, km) for name in self._wanted]

    def _value(self, name: str, number: int, km: float | Doubt | None) -> Given:
        if name == "km":
            return km
        if name == "is_within":
            return km <= self._within_km if isinstance(km, float) else km
        return self._columns[name][number]
