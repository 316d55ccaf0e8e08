"""Where imported customers go: into a store, or to the service that holds it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx
import msgspec

from opportune.cli.output import FOUND, Failure
from opportune.cli.releases import opened
from opportune.customers.identity import CUSTOMER, Identifier
from opportune.customers.importing import Row
from opportune.errors import InputError, Problem
from opportune.records import Origin
from opportune.storage import SaveProfile, SqliteStorage, Storage

__all__ = ["Target", "Written", "target_of", "write_id"]

STORE_ROWS = 20_000
"""Rows of one transaction: names in no order reach every page of an index, so the fewer transactions the better."""
SHARED_ROWS = 2_000
"""The same where others write too: they wait meanwhile, and the server ends whoever keeps them waiting for long."""
SERVICE_ROWS = 500
"""Rows of one request: decisions wait for it while it is written."""
_TRIES = 5
_TOO_LARGE = 413
_SECONDS = 60.0


class Written(NamedTuple):
    """What became of one row.

    Args:
        sequence: of its entry in the journal; 0 where it was refused.
        new: a customer whom nobody knew before.
    """

    sequence: int
    new: bool = False
    problems: tuple[Problem, ...] = ()


class Target(ABC):
    """Takes rows.

    Attributes:
        rows: how many it is given at a time.
    """

    rows: int

    @abstractmethod
    def write(self, run: str, first: int, rows: Sequence[Row], replace: bool) -> list[Written]:
        """Write rows; the same ones of the same run again have no second effect.

        Args:
            run: of which their ids are made.
            first: number of the first row of the batch that they are of.
        """

    def has(self, sequence: int, id: str) -> bool:
        """Whether an entry that was written before is there, as far as that can be told."""
        return True


class StoreTarget(Target):
    """A store that no other process writes to."""

    rows = STORE_ROWS

    def __init__(self, storage: Storage, kind: str = CUSTOMER) -> None:
        self._storage = storage
        self._kind = kind

    def write(self, run: str, first: int, rows: Sequence[Row], replace: bool) -> list[Written]:
        results = self._storage.write(
            [
                SaveProfile(
                    id=write_id(run, row.number),
                    identifier=row.identifier,
                    identifier_kind=self._kind,
                    attributes=row.attributes,
                    replace=replace,
                    origin=Origin.IMPORT,
                )
                for row in rows
            ]
        )
        return [
            Written(0, problems=tuple(result.problems))
            if isinstance(result, InputError)
            else Written(result.sequence, result.version == 1)
            for result in results
        ]

    def has(self, sequence: int, id: str) -> bool:
        found = self._storage.journal(after=sequence - 1, limit=1)
        if found and found[0].sequence == sequence:
            return found[0].id == id
        anchor = self._storage.anchor()
        return anchor is not None and anchor.sequence >= sequence


class SharedTarget(StoreTarget):
    """A store that others write to as well."""

    rows = SHARED_ROWS


class ServiceTarget(Target):
    """A running service."""

    rows = SERVICE_ROWS

    def __init__(self, url: str, kind: str = CUSTOMER) -> None:
        self._url = url
        self._kind = kind
        self._http = httpx.Client(base_url=url, timeout=_SECONDS)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def write(self, run: str, first: int, rows: Sequence[Row], replace: bool) -> list[Written]:
        named = ((str(Identifier(self._kind, row.identifier)), row) for row in rows)
        body = b"\n".join(msgspec.json.encode({"id": name, "attributes": row.attributes}) for name, row in named)
        response = self._send(body, f"import-{run}-{first:012d}", "replace" if replace else "merge")
        if response.status_code == _TOO_LARGE:
            return self._write_halves(run, first, rows, replace)
        try:
            answer = msgspec.json.decode(response.content, type=_Answer)
        except msgspec.MsgspecError:
            raise Failure(f"--url {self._url}: expected an Opportune service, found another", 2) from None
        return [
            Written(item.sequence, problems=tuple(_problem(one) for one in item.problems) or _REFUSED)
            if item.status == "refused"
            else Written(item.sequence)
            for item in answer.items
        ]

    def _write_halves(self, run: str, first: int, rows: Sequence[Row], replace: bool) -> list[Written]:
        if len(rows) == 1:
            return [
                Written(0, problems=(Problem("", 0, 0, "row", "it is larger than the service takes", "", "too-large"),))
            ]
        middle = len(rows) // 2
        # The numbers of rows tell the parts apart from the whole, and are the same when it is done once more.
        return [
            one
            for part in (rows[:middle], rows[middle:])
            for one in self.write(f"{run}-{len(part)}", part[0].number, part, replace)
        ]

    def _send(self, body: bytes, key: str, mode: str) -> httpx.Response:
        """Send, and again while the service is away or has too much to do."""
        headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": key}
        for number in range(_TRIES):
            time.sleep(number * number * 0.2)
            try:
                response = self._http.post("/v1/customers", params={"mode": mode}, content=body, headers=headers)
            except httpx.TransportError:
                continue
            if response.status_code in (200, 207, _TOO_LARGE):
                return response
            if response.status_code not in (429, 502, 503, 504):
                raise Failure(f"--url {self._url}: the service refused with status {response.status_code}", FOUND)
        raise Failure(f"--url {self._url}: no service answers; start it, and run the same command again to go on", 2)


class _Item(msgspec.Struct):
    """What the service says of one row."""

    status: str
    sequence: int = 0
    problems: list[dict[str, Any]] = []


class _Answer(msgspec.Struct):
    """What it says of a request."""

    items: list[_Item]


_REFUSED = (Problem("", 0, 0, "row", "the service refused it", "", "refused"),)


def _problem(told: dict[str, Any]) -> Problem:
    return Problem("", 0, 0, str(told.get("where", "")), str(told.get("message", "")), str(told.get("remedy", "")))


def write_id(run: str, number: int) -> str:
    """Give the id of a row's write; the digits make ids stand in the order of rows."""
    return f"import-{run}-{number:012d}"


@contextmanager
def target_of(store: str, url: str, kind: str = CUSTOMER) -> Iterator[Target]:
    """Open the store or reach the service.

    Args:
        kind: of the rows' identifiers.
    """
    if url:
        target = ServiceTarget(url, kind)
        try:
            yield target
        finally:
            target.close()
    else:
        with opened(store, made=True) as storage:
            yield StoreTarget(storage, kind) if isinstance(storage, SqliteStorage) else SharedTarget(storage, kind)
