"""Where imported events go: into a store, or to the service that holds it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from time import sleep
from typing import Any

import msgspec

from opportune.cli.events_sink import ServiceSink
from opportune.cli.import_targets import SERVICE_ROWS, SHARED_ROWS, STORE_ROWS, StoreTarget, Target, Written, write_id
from opportune.cli.output import Failure
from opportune.cli.releases import opened
from opportune.customers.identity import CUSTOMER
from opportune.customers.importing import Row
from opportune.customers.intake.event_rows import ID, MOMENT, SESSION, TYPE
from opportune.errors import InputError
from opportune.records import Origin
from opportune.storage import RecordEvent, SqliteStorage, Storage

__all__ = ["event_target"]

_TRIES = 5


class EventStore(StoreTarget):
    """A store; no service knows meanwhile what is written to it."""

    def __init__(self, storage: Storage, kind: str) -> None:
        super().__init__(storage)
        self._kind = kind
        self.rows = STORE_ROWS if isinstance(storage, SqliteStorage) else SHARED_ROWS

    def write(self, run: str, first: int, rows: Sequence[Row], replace: bool) -> list[Written]:
        results = self._storage.write([_event(run, row, self._kind) for row in rows])
        return [
            Written(0, problems=tuple(result.problems))
            if isinstance(result, InputError)
            else Written(result.sequence, not result.repeated)
            for result in results
        ]


class EventService(Target):
    """A running service."""

    rows = SERVICE_ROWS

    def __init__(self, url: str, kind: str) -> None:
        self._url = url
        self._kind = kind
        self._tries = 0
        self._sink = ServiceSink(url, lambda: None, self._pause)

    def close(self) -> None:
        """Close the connection."""
        self._sink.close()

    def _pause(self, seconds: float) -> bool:
        self._tries += 1
        if self._tries == _TRIES:
            raise Failure(
                f"--url {self._url}: no service answers; start it, and run the same command again to go on", 2
            )
        sleep(seconds)
        return False

    def write(self, run: str, first: int, rows: Sequence[Row], replace: bool) -> list[Written]:
        self._tries = 0
        said = self._sink.take([self._item(run, row) for row in rows])
        return [Written(0, problems=problems) if status == "refused" else Written(0) for status, problems in said]

    def _item(self, run: str, row: Row) -> dict[str, Any]:
        write = _event(run, row, self._kind)
        whose = (
            {"customer": row.identifier} if self._kind == CUSTOMER else {"identifiers": {self._kind: row.identifier}}
        )
        item = {"id": write.id, "type": write.type, "attributes": write.attributes, **whose}
        beside = {"session": write.session, "occurred_at": write.occurred_at}
        found: dict[str, Any] = msgspec.to_builtins({**item, **{k: v for k, v in beside.items() if v is not None}})
        return found


def _event(run: str, row: Row, kind: str) -> RecordEvent:
    values = row.attributes
    moment = values.pop(MOMENT, None)
    session, name = values.pop(SESSION, None), values.pop(ID, None)
    return RecordEvent(
        id=str(name) if name else write_id(run, row.number),
        type=str(values.pop(TYPE)),
        identifier=row.identifier,
        identifier_kind=kind,
        attributes=values,
        session=None if session is None else str(session),
        origin=Origin.IMPORT,
        occurred_at=moment if isinstance(moment, datetime) else None,
    )


@contextmanager
def event_target(store: str, url: str, kind: str) -> Iterator[Target]:
    """Open the store or reach the service."""
    if url:
        target = EventService(url, kind)
        try:
            yield target
        finally:
            target.close()
    else:
        with opened(store, made=True) as storage:
            yield EventStore(storage, kind)
