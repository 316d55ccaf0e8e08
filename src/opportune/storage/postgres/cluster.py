"""How processes that share a PostgreSQL store find, hear and relieve one another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from opportune.errors import StoreError
from opportune.storage.cluster import REPORT_SECONDS, Cluster, LiveModel, Notice, ProcessReport
from opportune.storage.entries import from_microseconds
from opportune.storage.postgres.address import ANSWER_SECONDS, Address
from opportune.storage.postgres.faults import store_error
from opportune.storage.postgres.leadership import PostgresLeadership
from opportune.storage.postgres.link import Link, LinkError, Row, Statement, Step
from opportune.storage.postgres.notices import channel_of, tell
from opportune.storage.postgres.watch import PostgresWatch

__all__ = ["PostgresCluster"]

_POST = Statement(
    "insert into live_models values ($1, $2, $3, $4, $5) on conflict (name) do update set"
    " (revision, position, hash, state) = (excluded.revision, excluded.position, excluded.hash, excluded.state)",
    ("text", "text", "int8", "text", "bytea"),
)
_LIVE = Statement("select name, revision, position, hash, state from live_models where name = $1", ("text",))
_REPORT = Statement(
    "insert into processes values ($1, $2, now()) on conflict (id) do update set (report, seen_at) = ($2, now())",
    ("text", "bytea"),
)
_FORGET_SILENT = Statement("delete from processes where seen_at < now() - interval '1 hour'")
_WITHDRAW = Statement("delete from processes where id = $1", ("text",))
_PROCESSES = Statement(
    "select report, (extract(epoch from seen_at) * 1000000)::int8 from processes"
    " where seen_at > now() - make_interval(secs => $1::int8)",
    ("int8",),
)


class PostgresCluster(Cluster):
    """Notices by LISTEN and NOTIFY, roles by advisory locks, the rest in tables that no crash needs to preserve.

    Args:
        address: of the store.
    """

    shared = True

    def __init__(self, address: Address) -> None:
        self._address = address
        self._channel = channel_of(address.schema)
        self._guard = threading.Lock()
        self._link: Link | None = None
        self._closed = False

    def watch(self, on_notice: Callable[[Notice], None]) -> PostgresWatch:
        return PostgresWatch(self._address, on_notice)

    def lead(self, role: str) -> PostgresLeadership | None:
        with self._translated():
            return PostgresLeadership.take(self._address, role)

    def post(self, model: LiveModel) -> None:
        row = (model.name, model.revision, model.position, model.hash, model.state)
        self._run([(_POST, row), tell(self._channel, Notice(model=model.position))])

    def live(self, name: str) -> LiveModel | None:
        (rows,) = self._run([(_LIVE, (name,))])
        if not rows:
            return None
        name, revision, position, hash_, state = rows[0]
        return LiveModel(name=name, revision=revision, position=position, hash=hash_, state=state)

    def report(self, process: ProcessReport) -> None:
        self._run([(_REPORT, (process.id, msgspec.msgpack.encode(process))), (_FORGET_SILENT, ())])

    def withdraw(self, process_id: str) -> None:
        self._run([(_WITHDRAW, (process_id,))])

    def processes(self) -> list[ProcessReport]:
        (rows,) = self._run([(_PROCESSES, (REPORT_SECONDS,))])
        reports = [_report(content, seen_at) for content, seen_at in rows]
        return sorted(reports, key=lambda process: (process.host, process.pid))

    def close(self) -> None:
        """End the connection; watches and roles end by themselves."""
        self._closed = True
        with self._guard:
            if self._link is not None:
                self._link.close()
                self._link = None

    def _run(self, steps: Sequence[Step]) -> list[list[Row]]:
        """Do steps that may be done twice, once more where the link broke while nobody used it."""
        with self._guard, self._translated():
            while True:
                link, used = self._link, True
                if link is None:
                    if self._closed:
                        raise StoreError(f"{self._address.place}: it is closed")
                    link, used = Link(self._address.session(), ANSWER_SECONDS), False
                    self._link = link
                try:
                    return link.run(steps)
                except LinkError as error:
                    if link.lost:
                        self._link = None
                    if not (used and link.lost) or error.hung:
                        raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except LinkError as error:
            raise store_error(self._address.place, error) from error


def _report(content: bytes, seen_at: int) -> ProcessReport:
    process = msgspec.msgpack.decode(content, type=ProcessReport)
    return msgspec.structs.replace(process, seen_at=from_microseconds(seen_at))
