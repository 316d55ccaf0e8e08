"""Storage in PostgreSQL: any number of processes on any number of hosts write and read.

All writers take turns at the row `head` and read the end of the journal then: sequences have no gaps, their order is
the order of the commits, and the chain of digests is one. A group of writes takes two exchanges with the server: lock
the head and look up; apply, tell the others and commit.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from opportune.errors import StoreError
from opportune.storage.anchor import Anchor
from opportune.storage.base import Storage
from opportune.storage.changes import Changes, ConsentFound, Found, ReservationFound, SwitchFound, Wanted
from opportune.storage.entries import StoredRow, lasting_row, stored_row, to_microseconds
from opportune.storage.hooks import PersonRows, ProfileRow
from opportune.storage.kinds import INDEXED_KINDS, Kind
from opportune.storage.postgres import copying, retention
from opportune.storage.postgres.address import ANSWER_SECONDS, Address
from opportune.storage.postgres.applying import apply
from opportune.storage.postgres.cluster import PostgresCluster
from opportune.storage.postgres.compacting import compact
from opportune.storage.postgres.faults import store_error
from opportune.storage.postgres.finding import BEGIN, COMMIT, FROZEN, ROLLBACK, SNAPSHOT, find
from opportune.storage.postgres.integrity import faults_of
from opportune.storage.postgres.link import Link, LinkError, Row, Statement
from opportune.storage.postgres.links import Links
from opportune.storage.postgres.notices import channel_of, tell, told
from opportune.storage.postgres.partitions import begin_partition
from opportune.storage.postgres.reading import Reads, rows_of_kinds
from opportune.storage.postgres.schema import check_schema, migrate
from opportune.storage.postgres.server import check_server
from opportune.storage.reads import damage
from opportune.storage.statements import PROVED
from opportune.storage.unions import Link as Merge

__all__ = ["PostgresStorage"]

_SCAN_SECONDS = 3_600
"""Longest wait for one step of a scan or a migration."""
_PAGE = 250
"""Rows of a scan that are in memory at a time: they may have a megabyte each."""
_BEGIN_SNAPSHOT = Statement("begin isolation level repeatable read read only")
_KEEP_SECRET = Statement("insert into secrets values ($1, $2) on conflict (name) do nothing", ("text", "bytea"))
_ADOPT_SECRET = Statement(
    "insert into secrets values ($1, $2) on conflict (name) do update set value = excluded.value", ("text", "bytea")
)
_ROOM_LEAST = 1 << 15
"""Entries that must fit into the last partition before the next one is begun by a process that has time for it."""


class PostgresStorage(Storage):
    """A store in a schema of its own in a PostgreSQL database.

    Args:
        url: "postgresql://USER@HOST:PORT/DATABASE", with options as libpq takes them. The schema is `opportune`, or
            the search_path among the options.
        read_only: do not write, and do not make tables.
        for_copy: an interrupted copy into it is welcome.
        snapshot: exported name of a state to read for ever, and the link that holds it, which is closed at the end.

    Raises:
        StoreBusyError: the server is starting, or has no connection left.
        StoreError: the server cannot be reached, is too old, does not flush, or holds no store of ours.
        DamageError: the end of the journal contradicts itself.
    """

    def __init__(
        self,
        url: str,
        *,
        read_only: bool = False,
        for_copy: bool = False,
        snapshot: tuple[str, Link] | None = None,
        **ports: Any,
    ) -> None:
        self._url = url
        self._snapshot = snapshot
        self._address = Address.of(url)
        super().__init__(self._address.place, **ports)
        self._read_only = read_only
        self._channel = channel_of(self._address.schema)
        self._writing = threading.Lock()
        self._writer: Link | None = None
        self._closed = False
        self._readers = Links(lambda: self._connect(default_transaction_read_only="on"))
        self._cluster = PostgresCluster(self._address)
        self.cluster = self._cluster
        try:
            with self._translated():
                self._prepare()
            if not for_copy:
                self._check_complete()
                self._check_tail()
        except BaseException:
            self.close()
            raise

    # Opening and closing

    def _connect(self, seconds: float | None = None, **settings: str) -> Link:
        if self._closed:
            raise StoreError(f"{self.place}: it is closed")
        if self._snapshot is None:
            return Link(self._address.session(**settings), seconds or ANSWER_SECONDS)
        settings["idle_in_transaction_session_timeout"] = "0"
        link = Link(self._address.session(**settings), seconds or ANSWER_SECONDS)
        link.run([(_BEGIN_SNAPSHOT, ()), (Statement(f"set transaction snapshot '{self._snapshot[0]}'"), ())])
        return link

    def _connect_for_long(self) -> Link:
        """Connect for what reads or changes whole tables."""
        return self._connect(
            _SCAN_SECONDS, statement_timeout="0", idle_in_transaction_session_timeout="0", enable_seqscan="on",
            enable_hashjoin="on", plan_cache_mode="auto",
        )  # fmt: skip

    def _prepare(self) -> None:
        """Check the server and bring the tables to this program's schema."""
        with closing(self._connect()) as link:
            for warning in check_server(link, self.place, self._read_only):
                warnings.warn(f"{self.place}: {warning}", RuntimeWarning, stacklevel=4)
            if check_schema(link, self.place, self._address.schema):
                return
        if self._read_only:
            raise StoreError(
                f"{self.place}: expected the tables of this version, found none or older ones;"
                " run 'opportune migrate' on it, or open it for writing"
            )
        with closing(self._connect_for_long()) as link:
            self.migrated = migrate(link, self.place, self._address.schema, self._clock)

    def snapshot(self) -> Storage:
        holder = self._connect_for_long()
        try:
            holder.run([(_BEGIN_SNAPSHOT, ())])
            ((name,),) = holder.one(Statement("select pg_export_snapshot()"))
            return PostgresStorage(self._url, read_only=True, snapshot=(name, holder), clock=self._clock)
        except BaseException:
            holder.close()
            raise

    def close(self) -> None:
        """End all connections."""
        self._closed = True
        if self._snapshot is not None:
            self._snapshot[1].close()
        self._cluster.close()
        self._readers.close()
        with self._writing:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    # Writing

    def _transact(self, wanted: Wanted, plan: Callable[[Found], Changes]) -> None:
        with self._writing, self._translated():
            link, found, room = self._begin(wanted)
            try:
                last = found.last
                changes = plan(found)
                if changes.entries and changes.entries[-1].sequence >= room:
                    now = to_microseconds(self._clock())
                    begin_partition(link, room, last, now, len(changes.entries))
                notice = told(changes, found.last)
                telling = [] if notice is None else [tell(self._channel, notice)]
                self._commit(link, [*apply(changes), *telling])
            except BaseException:
                self._give_up(link)
                raise

    def _begin(self, wanted: Wanted) -> tuple[Link, Found, int]:
        """Lock the head and look up what is wanted, once more where the link broke while nobody used it."""
        if self._read_only:
            raise StoreError(f"{self.place}: it was opened for reading only")
        while True:
            link, used = self._writer, True
            if link is None:
                link, used = self._connect_to_write(), False
                self._writer = link
            try:
                return link, *find(link, BEGIN, wanted)
            except BaseException as error:
                self._give_up(link)
                if not (used and link.lost and isinstance(error, LinkError)) or error.hung:
                    raise

    def _connect_to_write(self) -> Link:
        link = self._connect()
        try:
            # It may be another server than before, or have other settings.
            check_server(link, self.place, self._read_only)
        except BaseException:
            link.close()
            raise
        return link

    def _commit(self, link: Link, steps: Sequence[Any]) -> None:
        try:
            link.run([*steps, COMMIT])
        except LinkError as error:
            if not link.lost:
                raise
            raise StoreError(
                f"{self.place}: the connection broke off during a commit ({error.message}); whether the writes were"
                " taken is not known; send them again with the same ids"
            ) from error

    def _give_up(self, link: Link) -> None:
        """Roll back; a link that cannot is left, and the server rolls back by itself."""
        try:
            if not link.lost:
                link.run([ROLLBACK])
        except LinkError:
            link.close()
        if link.lost:
            self._writer = None

    def prepare(self) -> None:
        """Begin the next partition before a write has to wait for it."""
        with self._writing, self._translated():
            link, found, room = self._begin(Wanted())
            try:
                if room - found.last <= _ROOM_LEAST:
                    begin_partition(link, room, found.last, to_microseconds(self._clock()))
                self._commit(link, ())
            except BaseException:
                self._give_up(link)
                raise

    def _drop(self, anchor: Anchor, previous: int, seen: int) -> bool:
        with self._changing() as (link, _):
            return retention.drop(link, anchor, previous, seen)

    @contextmanager
    def _changing(self) -> Iterator[tuple[Link, int]]:
        """Do something in one transaction that holds the head; gives the head's room too."""
        with self._writing, self._translated():
            link, _, room = self._begin(Wanted())
            try:
                yield link, room
                self._commit(link, ())
            except BaseException:
                self._give_up(link)
                raise

    def _secret(self, name: str, value: bytes) -> bytes:
        found = self._one(Reads.SECRET, name)
        if found is None:
            with self._changing() as (link, _):
                link.one(_KEEP_SECRET, name, value)
            found = self._one(Reads.SECRET, name)
        return bytes(found)

    def _adopt_secret(self, name: str, value: bytes) -> None:
        with self._changing() as (link, _):
            link.one(_ADOPT_SECRET, name, value)

    def _compact(self) -> tuple[str, ...]:
        with self._scanning() as link:
            return compact(link)

    def _settle(self) -> None:
        # Partitions that went gave their room back; of the other tables, and of old copies, this takes care.
        with self._scanning() as link:
            link.script(f"vacuum {', '.join(retention.TABLES)}")

    # Reading

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn PostgreSQL's refusals into our errors."""
        try:
            yield
        except LinkError as error:
            raise store_error(self.place, error) from error
        except UnicodeDecodeError:
            # The text of a decoding error repeats what was read, and that may be private.
            raise damage(self, "damaged (a text is not in valid Unicode)") from None

    def _read(self, statement: Statement, *values: Any) -> list[Row]:
        with self._translated():
            return self._readers.read(statement, *values)

    def _one(self, statement: Statement, *values: Any) -> Any:
        """First column of the first row, or None."""
        rows = self._read(statement, *values)
        return rows[0][0] if rows else None

    def _look_up(self, wanted: Wanted) -> Found:
        def look(link: Link) -> Found:
            found, _ = find(link, SNAPSHOT if self._snapshot is None else FROZEN, wanted)
            if self._snapshot is None:
                link.run([COMMIT])
            return found

        with self._translated():
            return self._readers.use(look)

    def _person(self, identifier_kind: str, identifier: str) -> str | None:
        person: str | None = self._one(Reads.PERSON, identifier_kind, identifier)
        return person

    def _persons(self, identifier_kind: str, identifier: str) -> list[str]:
        kept = self._person(identifier_kind, identifier)
        if kept is None:
            return []
        return [kept, *(absorbed for (absorbed,) in self._read(Reads.ABSORBED, kept))]

    def _identifiers(self, persons: Sequence[str]) -> list[tuple[str, str]]:
        return [(kind, value) for kind, value in self._read(Reads.IDENTIFIERS, [*persons])]

    def _merges(self, persons: Sequence[str]) -> list[Merge]:
        return [Merge(*row) for row in self._read(Reads.MERGES, [*persons])]

    def _history(self, persons: Sequence[str], before: int, limit: int) -> list[StoredRow]:
        found = [stored_row(row) for person in persons for row in self._read(Reads.HISTORY, person, before, limit)]
        return sorted(found, key=lambda row: -row.entry.sequence)[:limit]

    def _profiles(self, identifier_kind: str, identifier: str) -> PersonRows | None:
        rows = self._read(Reads.PROFILE, identifier_kind, identifier)
        if not rows:
            return None
        root, has_others, *profile = rows[0]
        if not has_others:
            return PersonRows(root, [] if profile[0] is None else [ProfileRow(*profile)], [])
        found = self._read(Reads.UNITED, identifier_kind, identifier)
        return PersonRows(
            found[0][0] if found else root,
            [ProfileRow(*row[1:-1]) for row in found if row[2]],
            [Merge(sequence, one, other, 0) for _, one, version, sequence, *_, other in found if not version],
        )

    def _consents(self, identifier_kind: str, identifier: str) -> list[ConsentFound]:
        return [ConsentFound(*row) for row in self._read(Reads.CONSENTS, identifier_kind, identifier)]

    def _units(self, identifier_kind: str, identifier: str) -> list[tuple[str, str | None, int, str | None]]:
        rows = self._read(Reads.UNITS, identifier_kind, identifier)
        return [(level, unit, at, value) for level, unit, at, value in rows]

    def _members(self, level: str, unit: str) -> list[tuple[str, str, int, bool | None]]:
        rows = self._read(Reads.MEMBERS, level, unit, level)
        return [(root, person, at, is_of) for root, person, at, is_of in rows]

    def _happened(
        self, identifier_kind: str, identifier: str, others: Sequence[str], before: int, limit: int
    ) -> list[tuple[Any, ...]]:
        return self._read(Reads.HAPPENED, identifier_kind, identifier, before, limit, others)

    def _session(self, session: str, before: int, limit: int) -> list[StoredRow]:
        return [stored_row(row) for row in self._read(Reads.SESSION, session, before, limit)]

    def _turns(self, session: str, said: bytes, limit: int, among: int) -> list[StoredRow]:
        return [stored_row(row) for row in self._read(Reads.TURNS, session, among, said, limit)]

    def _decision_sequence(self, decision_id: str) -> int | None:
        sequence: int | None = self._one(Reads.DECISION, decision_id)
        return sequence

    def _key_sequence(self, kind: Kind, caller_id: str) -> int | None:
        sequence: int | None = self._one(Reads.KEY, kind.value, caller_id)
        return sequence

    def _outcome_sequences(self, decision_id: str) -> list[int]:
        return [sequence for (sequence,) in self._read(Reads.OUTCOMES, decision_id)]

    def _checkpoint(self, position: int) -> int | None:
        found: int | None = self._one(Reads.CHECKPOINT, position)
        return found

    def _lost(self, after: int, until: int) -> bool:
        return bool(self._read(Reads.LOST, after, until))

    def _due_windows(self, now: int, limit: int) -> list[tuple[str, str, str, str, int]]:
        return [
            (decision, action, treatment, outcome, due_at)
            for decision, action, treatment, outcome, due_at in self._read(Reads.DUE, now, limit)
        ]

    def _rows(self, after: int, limit: int, kinds: Collection[Kind]) -> list[StoredRow]:
        if kinds and INDEXED_KINDS.issuperset(kinds):
            rows = self._read(rows_of_kinds(kinds), after, limit)
        elif kinds:
            rows = self._read(Reads.ROWS_OF_KINDS, after, limit, [kind.value for kind in kinds])
        else:
            rows = self._read(Reads.ROWS, after, limit)
        return [stored_row(row) for row in rows]

    def _about(self, decision_ids: Collection[str]) -> list[StoredRow]:
        return [stored_row(row) for row in self._read(Reads.ABOUT, list(decision_ids))]

    def _row(self, sequence: int) -> StoredRow | None:
        rows = self._read(Reads.ROW, sequence)
        return stored_row(rows[0]) if rows else None

    def _last_sequence(self) -> int:
        sequence: int | None = self._one(Reads.LAST)
        if sequence is None:
            raise damage(self, "the row of the journal's end is missing")
        return sequence

    def _counters(self) -> dict[str, int]:
        return {name: value for name, value in self._read(Reads.COUNTERS)}  # noqa: C416

    def _revision(self, key: int | str | None) -> tuple[int, str, int, bytes, bytes] | None:
        match key:
            case None:
                rows = self._read(Reads.CURRENT)
            case int():
                rows = self._read(Reads.NUMBERED, key)
            case str():
                rows = self._read(Reads.HASHED, key)
        if not rows:
            return None
        number, name, sequence, bundle, digest = rows[0]
        return number, name, sequence, bundle, digest

    def _revision_entry(self, sequence: int) -> StoredRow | None:
        rows = self._read(Reads.REVISION_ENTRY, sequence)
        return lasting_row(rows[0]) if rows else None

    def _models(self, name: str, limit: int) -> list[tuple[int, int, str, bytes, bytes]]:
        return [
            (sequence, position, hash_, state, digest)
            for sequence, position, hash_, state, digest in self._read(Reads.MODELS, name, limit)
        ]

    def _change_state(self, sequence: int) -> tuple[bytes, bytes] | None:
        rows = self._read(Reads.CHANGE_STATE, sequence)
        return (rows[0][0], rows[0][1]) if rows else None

    def _anchor(self) -> Anchor | None:
        rows = self._read(retention.ANCHOR)
        return Anchor(*rows[0]) if rows else None

    def _states(self) -> list[tuple[int, str, int, str]]:
        return [(sequence, name, position, hash_) for sequence, name, position, hash_ in self._read(Reads.STATES)]

    def _last_answers(self, after: int, until: int) -> list[tuple[int, int]]:
        return [(decision, outcome) for decision, outcome in self._read(Reads.LAST_ANSWERS, after, until)]

    def _oldest_open(self) -> int | None:
        with self._scanning() as link:
            oldest: int | None = link.one(Reads.OLDEST_OPEN)[0][0]
        return oldest

    def _contacts(self, identifier_kind: str, identifier: str, before: int, limit: int) -> list[tuple[Any, ...]]:
        return self._read(Reads.CONTACTS, identifier_kind, identifier, before, limit)

    def _due_leases(self, now: int, limit: int) -> list[ReservationFound]:
        return [ReservationFound(*row) for row in self._read(Reads.DUE_LEASES, now, limit)]

    def _switches(self) -> list[SwitchFound]:
        return [SwitchFound(*row) for row in self._read(Reads.SWITCHES)]

    def _reservations(self, stock: str, before: int, limit: int) -> list[ReservationFound]:
        return [ReservationFound(*row) for row in self._read(Reads.RESERVATIONS, stock, before, limit)]

    def _integrity(self) -> list[str]:
        with self._scanning() as link:
            return faults_of(link)

    def _table(self, name: str) -> Iterator[tuple[Any, ...]]:
        yield from self._scan(PROVED[name])

    def _scan(self, sql: str) -> Iterator[tuple[Any, ...]]:
        with self._scanning() as link:
            if self._snapshot is None:
                link.run([(_BEGIN_SNAPSHOT, ())])
            link.run([(Statement(f"declare rows no scroll cursor for {sql}"), ())])
            while rows := link.one(Statement(f"fetch {_PAGE} from rows")):
                yield from rows

    def _copies(self) -> list[str]:
        return [source for (source,) in self._read(Statement("select source from copies"))]

    def _everything(self, table: str) -> Iterator[tuple[Any, ...]]:
        yield from self._scan(copying.select(table))

    def _begin_copy(self, source: str) -> None:
        with self._changing() as (link, _):
            copying.begin(link, source, self._clock().isoformat())

    def _take(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        with self._changing() as (link, room):
            copying.take(link, table, rows, room)

    def _end_copy(self) -> None:
        with self._changing() as (link, _):
            link.one(Statement("delete from copies"))

    @contextmanager
    def _scanning(self) -> Iterator[Link]:
        """Give a link of its own: a long scan must not hold one that the service reads through."""
        with self._translated():
            link = self._connect_for_long()
            try:
                yield link
            finally:
                link.close()
