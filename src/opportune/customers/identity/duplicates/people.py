"""Persons laid out for the search: numbers in memory, their texts in a file that has no name and ends with the search.

Notation: N persons, F fields that have one value, V values of e-mails or phones, K keys of names.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from opportune.customers.identity import normal
from opportune.customers.identity.duplicates.fold import date_of, folded, name_key

__all__ = ["SHARED", "Compared", "People", "Person", "Values"]

Hashes = npt.NDArray[np.int64]
Shared = Literal["email", "phone"]
SHARED: tuple[Shared, ...] = ("email", "phone")
"""What one person may have several of, also as identifiers."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One attribute that is compared; `region` is that of phone numbers without a country code."""

    name: str
    compare: Literal["name", "date", "text", "email", "phone"]
    region: str | None = None


class Person(NamedTuple):
    """One person of the store.

    Args:
        id: names it in proposals.
        written: normalisation and value of its identifiers that are e-mails or phones.
    """

    id: str
    attributes: Mapping[str, Any]
    written: tuple[tuple[str, str], ...] = ()


class Values(NamedTuple):
    """Values that several persons may have: who has which."""

    owner: Hashes
    value: Hashes


class People:
    """All persons.

    Args:
        persons: each once.
    """

    def __init__(self, compared: Iterable[Compared], persons: Iterable[Person]) -> None:
        chosen = list(compared)
        self.fields = [one for one in chosen if one.compare not in SHARED]
        self._shared = [one for one in chosen if one.compare in SHARED]
        self._file = TemporaryFile("w+b")  # noqa: SIM115  `close` ends it.
        self._ends = array("q", [0])
        columns = [array("q") for _ in self.fields]
        owned = {kind: (array("q"), array("q")) for kind in (*SHARED, "name")}
        encode = msgspec.msgpack.encode
        for number, person in enumerate(persons):
            texts = [_field_text(field, person.attributes.get(field.name)) for field in self.fields]
            for column, text in zip(columns, texts, strict=True):
                column.append(0 if text is None else hash(text) or 1)
            for kind, value in self._several(person, texts):
                owners, values = owned[kind]
                owners.append(number)
                values.append(hash(value) or 1)
            self._ends.append(self._ends[-1] + self._file.write(encode((person.id, texts))))
        self.columns = [np.frombuffer(column, dtype=np.int64) if column else _none() for column in columns]
        """F times hashes [N]; 0 where nothing is known."""
        self.several = {
            kind: Values(*(np.frombuffer(part, dtype=np.int64) if part else _none() for part in parts))
            for kind, parts in owned.items()
        }
        """"email", "phone" and "name" → who has which value, or which word of a name by its key."""

    def __len__(self) -> int:
        return len(self._ends) - 1

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def texts(self, number: int) -> tuple[str, list[str | None]]:
        """Give id and texts of a person; the file is read, so that memory does not grow with names."""
        begin = self._ends[number]
        self._file.seek(begin)
        content: tuple[str, list[str | None]] = msgspec.msgpack.decode(
            self._file.read(self._ends[number + 1] - begin), type=tuple[str, list[str | None]]
        )
        return content

    def _several(self, person: Person, texts: list[str | None]) -> set[tuple[str, str]]:
        found = {(kind, value.lower()) for kind, value in person.written}
        for one in self._shared:
            value = person.attributes.get(one.name)
            if isinstance(value, str):
                try:
                    found.add((one.compare, _shared_text(one, value)))
                except ValueError:
                    continue
        for field, text in zip(self.fields, texts, strict=True):
            if field.compare == "name" and text is not None:
                found.update(("name", name_key(word)) for word in text.split())
        return found


def _none() -> Hashes:
    return np.zeros(0, dtype=np.int64)


def _shared_text(one: Compared, value: str) -> str:
    return normal.phone(value, one.region) if one.compare == "phone" else normal.email(value, lower_case=True)


def _field_text(field: Compared, value: object) -> str | None:
    if field.compare == "date":
        return date_of(value)
    return (folded(value) or None) if isinstance(value, str) else None
