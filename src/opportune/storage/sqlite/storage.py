"""Storage in one SQLite file: one process writes, any number read.

WAL with synchronous=FULL: a commit is on the disk when it returns. secure_delete overwrites what is erased.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

import apsw

from opportune.errors import DamageError, StoreBusyError, StoreError
from opportune.storage.anchor import Anchor
from opportune.storage.base import Storage
from opportune.storage.changes import Changes, ConsentFound, Found, ReservationFound, SwitchFound, Wanted
from opportune.storage.entries import StoredRow, lasting_row, stored_row
from opportune.storage.hooks import PersonRows, ProfileRow
from opportune.storage.kinds import INDEXED_KINDS, Kind
from opportune.storage.reads import damage
from opportune.storage.sqlite.applying import apply
from opportune.storage.sqlite.checkpoints import Checkpointer
from opportune.storage.sqlite.file import (
    cannot_open,
    check_file,
    check_library,
    connect,
    flush_folder,
    lock,
    look,
)
from opportune.storage.sqlite.finding import find
from opportune.storage.sqlite.reading import (
    ABOUT,
    CONSENTS,
    CONTACTS,
    DUE_LEASES,
    HAPPENED,
    LOST,
    MEMBERS,
    OLDEST_OPEN,
    PERSON,
    RESERVATIONS,
    UNITED,
    UNITS,
    of_kind,
)
from opportune.storage.sqlite.retention import drop
from opportune.storage.sqlite.schema import check_ours, migrate
from opportune.storage.sqlite.wal import PAGE_BYTES, index_fault, lost_frame
from opportune.storage.statements import IDENTIFIED, JOURNAL_ROWS, PROVED, TODAY, TURNS
from opportune.storage.tables import TABLES
from opportune.storage.unions import Link

__all__ = ["SqliteStorage"]


class SqliteStorage(Storage):
    """A store in one SQLite file and its `-wal`, `-shm` and `.lock` companions.

    Args:
        path: the file; made if missing, with its tables, unless `read_only`.
        read_only: do not write; works beside a process that does.
        for_copy: an interrupted copy into it is welcome.
        frozen: read the state of now for ever; only with `read_only`.

    Raises:
        StoreBusyError: another process writes to the file.
        DamageError: the file is no database or contradicts itself.
        StoreError: the file is not ours, or newer than this program, or cannot be opened.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        read_only: bool = False,
        for_copy: bool = False,
        frozen: bool = False,
        **ports: Any,
    ) -> None:
        self._path = Path(path).absolute()
        self._wal = self._path.with_name(self._path.name + "-wal")
        super().__init__(str(self._path), **ports)
        check_library(apsw.sqlite_lib_version())
        self._writing = threading.Lock()
        self._passing = threading.Lock()
        self._reading = threading.Lock()
        self._lock_file: IO[bytes] | None = None
        self._writer: apsw.Connection | None = None
        self._reader: apsw.Connection | None = None
        self._checkpointer: Checkpointer | None = None
        self._closed = False
        self._frozen = frozen
        check_file(self._path, read_only)
        try:
            with self._translated():
                if not read_only:
                    self._lock_file = lock(self._path)
                    if missed := index_fault(self._wal):
                        raise self._wal_fault(missed)
                    is_left = self._has_wal()
                    self._writer = self._open_writer()
                    self._checkpointer = Checkpointer(
                        lambda: connect(self._path, apsw.SQLITE_OPEN_READWRITE), self._writing, self._passing
                    )
                    if is_left:
                        # A process that died may have owed this to somebody forgotten. Where somebody reads, nobody
                        # waits for it.
                        self._checkpointer.owe()
                self._reader = self._open_reader()
                if frozen:
                    # The state is that of the first read.
                    self._reader.execute("begin")
                if not for_copy:
                    self._check_complete()
                    self._check_tail()
        except BaseException:
            self.close()
            raise

    # Opening and closing

    def _open_writer(self) -> apsw.Connection:
        fresh = not self._path.exists()
        connection = connect(self._path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
        self._check_wal(connection, fresh=True)
        for pragma in (
            f"page_size={PAGE_BYTES}",
            "journal_mode=wal",
            "synchronous=full",
            "secure_delete=on",
            "wal_autocheckpoint=0",
        ):
            connection.execute(f"pragma {pragma}")
        self.migrated = migrate(connection, self._clock)
        if fresh:
            flush_folder(self._path.parent)
        connection.set_wal_hook(self._note_wal)
        return connection

    def _open_reader(self) -> apsw.Connection:
        connection = look(self._path)
        if self._writer is None and not self._frozen:
            self._check_wal(connection, fresh=False)
        else:
            check_ours(connection, self.place, fresh=False)
        return connection

    def _check_wal(self, connection: apsw.Connection, *, fresh: bool) -> None:
        """Refuse a file that is not ours, or whose WAL lacks what was acknowledged.

        Until that is known, nothing of the WAL may go, which closing the connection would do.
        """
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        if self._has_wal():
            taken = "pragma wal_checkpoint(noop)"
            alone = self._lock_file is not None
            first = lost_frame(self._wal, lambda: int(connection.execute(taken).get[1]), alone=alone)
            if first:
                raise self._wal_fault(f"damaged at page {first}, and what stands behind was acknowledged")
        check_ours(connection, self.place, fresh=fresh)
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)

    def _wal_fault(self, fault: str) -> DamageError:
        return DamageError(
            f"{self._wal}: {fault}; put back what there was or restore a backup, or go on with what is left by:"
            f" sqlite3 '{self._path}' 'pragma wal_checkpoint(truncate)'"
        )

    def _note_wal(self, connection: apsw.Connection, name: str, pages: int) -> int:
        if self._checkpointer is not None:
            self._checkpointer.note(pages)
        return int(apsw.SQLITE_OK)

    def snapshot(self) -> Storage:
        return SqliteStorage(self._path, read_only=True, frozen=True, clock=self._clock)

    def close(self) -> None:
        """Release the file; pages of the WAL move into it."""
        self._closed = True
        if self._checkpointer is not None:
            self._checkpointer.close()
            self._checkpointer = None
        with self._writing, self._reading:
            for connection in (self._reader, self._writer):
                if connection is not None:
                    connection.close()
            self._reader = self._writer = None
            if self._lock_file is not None:
                self._lock_file.close()
                self._lock_file = None

    # Writing

    def _transact(self, wanted: Wanted, plan: Callable[[Found], Changes]) -> None:
        with self._writing, self._translated():
            connection = self._usable_writer()
            try:
                connection.execute("begin immediate")
                changes = plan(find(connection, wanted))
                if changes.counters or changes.keys:
                    apply(connection, changes)
                connection.execute("commit")
            except BaseException as error:
                self._give_up(connection, error)
                raise
            if changes.erasures or changes.forgotten:
                self._empty_wal(connection)

    def _usable_writer(self) -> apsw.Connection:
        if self._closed or self._lock_file is None:
            raise StoreError(f"{self.place}: it is closed or was opened for reading only")
        if self._writer is None:
            self._writer = self._open_writer()
            # What a failed flush left in the WAL may be on the disk or not. Moving it into the file with a flush
            # of its own settles it before anything is acknowledged on top of it.
            if not self._truncate_wal(self._writer):
                self._writer.close(True)
                self._writer = None
                raise StoreBusyError(f"{self.place}: a reader holds up the recovery after a failed flush; try again")
        return self._writer

    def _give_up(self, connection: apsw.Connection, error: BaseException) -> None:
        """Roll back; after a failure of the device the connection is lost, since its caches may claim too much."""
        if isinstance(error, apsw.IOError | apsw.CorruptError | apsw.NotADBError | apsw.CantOpenError):
            self._writer = None
            connection.close(True)
        elif connection.in_transaction:
            connection.execute("rollback")

    def _empty_wal(self, connection: apsw.Connection) -> bool:
        """Leave nothing in the WAL; false where that is put off until no reader holds it up."""
        is_empty = False
        try:
            is_empty = self._truncate_wal(connection)
        finally:
            if not is_empty and self._checkpointer is not None:
                self._checkpointer.owe()
        return is_empty

    def _has_wal(self) -> bool:
        return self._wal.exists() and self._wal.stat().st_size > 0

    def _truncate_wal(self, connection: apsw.Connection) -> bool:
        """Move all pages of the WAL into the file and leave nothing behind; after an erasure, no old copy either.

        False where a reader holds it up for too long.
        """
        try:
            with self._passing:
                busy = connection.execute("pragma wal_checkpoint(truncate)").get[0]
        except apsw.IOError as error:
            self._give_up(connection, error)
            raise
        return not busy

    # Reading

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn SQLite's errors into ours."""
        try:
            yield
        except (apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError) as error:
            # The text of a decoding error repeats what was read, and that may be private.
            fault = "a text is not in valid Unicode" if isinstance(error, UnicodeDecodeError) else str(error)
            raise damage(self, f"damaged ({fault})") from None
        except apsw.FullError as error:
            raise StoreError(f"{self.place}: no space left on the device; free some, no restart is needed") from error
        except (apsw.CantOpenError, apsw.ReadOnlyError) as error:
            raise StoreError(f"{self.place}: {cannot_open(self._path)}") from error
        except apsw.IOError as error:
            raise StoreError(
                f"{self.place}: the device does not read or write ({error}); look at its state, and at quotas and"
                " limits of the size of files, no restart is needed"
            ) from error
        except apsw.BusyError as error:
            raise StoreBusyError(f"{self.place}: another program holds the file; try again") from error
        except apsw.Error as error:
            raise StoreError(f"{self.place}: {error}") from error

    def _read(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._reading, self._translated():
            if self._reader is None:
                raise StoreError(f"{self.place}: it is closed")
            return self._reader.execute(sql, values).fetchall()

    def _one(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """First column of the first row, or None."""
        rows = self._read(sql, values)
        return rows[0][0] if rows else None

    def _look_up(self, wanted: Wanted) -> Found:
        with self._reading, self._translated():
            if self._reader is None:
                raise StoreError(f"{self.place}: it is closed")
            return find(self._reader, wanted)

    def _person(self, identifier_kind: str, identifier: str) -> str | None:
        person: str | None = self._one(
            f"select {TODAY} {IDENTIFIED} where i.kind = ? and i.value = ?", (identifier_kind, identifier)
        )
        return person

    def _persons(self, identifier_kind: str, identifier: str) -> list[str]:
        kept = self._person(identifier_kind, identifier)
        if kept is None:
            return []
        return [kept, *(row[0] for row in self._read("select absorbed from merges where kept = ?", (kept,)))]

    def _identifiers(self, persons: Sequence[str]) -> list[tuple[str, str]]:
        sql = "select kind, value from identifiers where person in (select value from json_each(?))"
        return [(kind, value) for kind, value in self._read(sql, (json.dumps([*persons]),))]

    def _merges(self, persons: Sequence[str]) -> list[Link]:
        found = "select value from json_each(?1)"
        sql = f"select sequence, one, other, undone from links where one in ({found}) or other in ({found})"  # noqa: S608
        return [Link(*row) for row in self._read(sql, (json.dumps([*persons]),))]

    def _history(self, persons: Sequence[str], before: int, limit: int) -> list[StoredRow]:
        # One look-up per person: over several at once, SQLite would sort all of their entries.
        sql = f"{JOURNAL_ROWS} where j.person = ? and j.sequence < ? order by j.sequence desc limit ?"
        found = [stored_row(row) for person in persons for row in self._read(sql, (person, before, limit))]
        return sorted(found, key=lambda row: -row.entry.sequence)[:limit]

    def _profiles(self, identifier_kind: str, identifier: str) -> PersonRows | None:
        rows = self._read(PERSON, (identifier_kind, identifier))
        if not rows:
            return None
        root, has_others, *profile = rows[0]
        if not has_others:
            return PersonRows(root, [] if profile[0] is None else [ProfileRow(*profile)], [])
        found = self._read(UNITED, (identifier_kind, identifier))
        return PersonRows(
            found[0][0] if found else root,
            [ProfileRow(*row[1:]) for row in found if row[2]],
            [Link(sequence, one, other.decode(), 0) for _, one, version, sequence, other, *_ in found if not version],
        )

    def _consents(self, identifier_kind: str, identifier: str) -> list[ConsentFound]:
        return [ConsentFound(*row) for row in self._read(CONSENTS, (identifier_kind, identifier))]

    def _units(self, identifier_kind: str, identifier: str) -> list[tuple[str, str | None, int, str | None]]:
        return [(level, unit, at, value) for level, unit, at, value in self._read(UNITS, (identifier_kind, identifier))]

    def _members(self, level: str, unit: str) -> list[tuple[str, str, int, bool | None]]:
        return [(root, person, at, is_of) for root, person, at, is_of in self._read(MEMBERS, (level, unit, level))]

    def _happened(
        self, identifier_kind: str, identifier: str, others: Sequence[str], before: int, limit: int
    ) -> list[tuple[Any, ...]]:
        return self._read(HAPPENED, (identifier_kind, identifier, before, limit, json.dumps([*others])))

    def _session(self, session: str, before: int, limit: int) -> list[StoredRow]:
        sql = f"{JOURNAL_ROWS} where j.session = ? and j.sequence < ? order by j.sequence desc limit ?"
        return [stored_row(row) for row in self._read(sql, (session, before, limit))]

    def _turns(self, session: str, said: bytes, limit: int, among: int) -> list[StoredRow]:
        sql = f"{JOURNAL_ROWS} where j.sequence in ({TURNS.format('?1', '?2', 'instr(body, ?3)')})"
        rows = self._read(f"{sql} order by j.sequence desc limit ?4", (session, among, said, limit))
        return [stored_row(row) for row in rows]

    def _decision_sequence(self, decision_id: str) -> int | None:
        sequence: int | None = self._one("select sequence from decisions where id = ?", (decision_id,))
        return sequence

    def _key_sequence(self, kind: Kind, caller_id: str) -> int | None:
        sequence: int | None = self._one("select sequence from keys where kind = ? and id = ?", (kind.value, caller_id))
        return sequence

    def _outcome_sequences(self, decision_id: str) -> list[int]:
        return [
            row[0]
            for row in self._read("select sequence from outcomes where decision = ? order by sequence", (decision_id,))
        ]

    def _checkpoint(self, position: int) -> int | None:
        found: int | None = self._one("select max(position) from models where position <= ?", (position,))
        return found

    def _lost(self, after: int, until: int) -> bool:
        return bool(self._read(LOST, (after, until)))

    def _due_windows(self, now: int, limit: int) -> list[tuple[str, str, str, str, int]]:
        return [
            (decision, action, treatment, outcome, due_at)
            for decision, action, treatment, outcome, due_at in self._read(
                "select decision, action, treatment, outcome, due_at from windows where due_at <= ?"
                " order by due_at limit ?",
                (now, limit),
            )
        ]

    def _rows(self, after: int, limit: int, kinds: Collection[Kind]) -> list[StoredRow]:
        if kinds and INDEXED_KINDS.issuperset(kinds):
            return self._rows_of_few(after, limit, kinds)
        chosen = " and j.kind in (select value from json_each(?))" if kinds else ""
        values = (after, json.dumps([kind.value for kind in kinds]), limit) if kinds else (after, limit)
        sql = f"{JOURNAL_ROWS} where j.sequence > ?{chosen} order by j.sequence limit ?"
        return [stored_row(row) for row in self._read(sql, values)]

    def _rows_of_few(self, after: int, limit: int, kinds: Collection[Kind]) -> list[StoredRow]:
        each = " union all ".join(of_kind(kind) for kind in sorted(set(kinds)))
        sql = f"{JOURNAL_ROWS} where j.sequence in ({each} order by sequence limit ?2) order by j.sequence"
        return [stored_row(row) for row in self._read(sql, (after, limit))]

    def _about(self, decision_ids: Collection[str]) -> list[StoredRow]:
        rows = self._read(
            f"{JOURNAL_ROWS} where j.sequence in ({ABOUT}) order by j.sequence", (json.dumps([*decision_ids]),)
        )
        return [stored_row(row) for row in rows]

    def _row(self, sequence: int) -> StoredRow | None:
        rows = self._read(f"{JOURNAL_ROWS} where j.sequence = ?", (sequence,))
        return stored_row(rows[0]) if rows else None

    def _last_sequence(self) -> int:
        return self._one("select max(sequence) from journal") or 0

    def _counters(self) -> dict[str, int]:
        return dict(self._read("select name, value from counters"))

    def _revision(self, key: int | str | None) -> tuple[int, str, int, bytes, bytes] | None:
        chosen = {int: "r.number = ?1", str: "r.hash = ?1"}.get(type(key), "?1 is null")
        sql = "select r.number, r.hash, r.sequence, b.body, b.digest from revisions r join bundles b using (hash)"
        rows = self._read(f"{sql} where {chosen} order by r.number desc limit 1", (key,))
        if not rows:
            return None
        number, name, sequence, bundle, digest = rows[0]
        return number, name, sequence, bundle, digest

    def _revision_entry(self, sequence: int) -> StoredRow | None:
        rows = self._read("select * from revision_entries where sequence = ?", (sequence,))
        return lasting_row(rows[0]) if rows else None

    def _models(self, name: str, limit: int) -> list[tuple[int, int, str, bytes, bytes]]:
        return [
            (sequence, position, hash_, state, digest)
            for sequence, position, hash_, state, digest in self._read(
                "select sequence, position, hash, state, digest from models where name = ?"
                " order by sequence desc limit ?",
                (name, limit),
            )
        ]

    def _change_state(self, sequence: int) -> tuple[bytes, bytes] | None:
        rows = self._read("select state, digest from change_states where sequence = ?", (sequence,))
        return (rows[0][0], rows[0][1]) if rows else None

    def _anchor(self) -> Anchor | None:
        rows = self._read("select sequence, digest, recorded_at, learnable_from, summary, seal from anchor")
        return Anchor(*rows[0]) if rows else None

    def _oldest_open(self) -> int | None:
        # A connection of its own, as for a table: there may be a million windows.
        with self._translated(), closing(self._open_reader()) as connection:
            oldest: int | None = connection.execute(OLDEST_OPEN).get
        return oldest

    def _contacts(self, identifier_kind: str, identifier: str, before: int, limit: int) -> list[tuple[Any, ...]]:
        return self._read(CONTACTS, (identifier_kind, identifier, before, limit))

    def _due_leases(self, now: int, limit: int) -> list[ReservationFound]:
        return [ReservationFound(*row) for row in self._read(DUE_LEASES, (now, limit))]

    def _switches(self) -> list[SwitchFound]:
        return [SwitchFound(*row) for row in self._read(f"{PROVED['switches']} order by target")]

    def _reservations(self, stock: str, before: int, limit: int) -> list[ReservationFound]:
        return [ReservationFound(*row) for row in self._read(RESERVATIONS, (stock, before, limit))]

    def _states(self) -> list[tuple[int, str, int, str]]:
        return [
            (sequence, name, position, hash_)
            for sequence, name, position, hash_ in self._read(
                "select sequence, name, position, hash from models order by sequence"
            )
        ]

    def _last_answers(self, after: int, until: int) -> list[tuple[int, int]]:
        return [
            (decision, outcome)
            for decision, outcome in self._read(
                "select j.sequence, max(o.sequence) from journal j join outcomes o on o.decision = j.decision"
                " where j.sequence > ? and j.sequence <= ? and j.kind = 'decision' group by j.sequence",
                (after, until),
            )
        ]

    def _drop(self, anchor: Anchor, previous: int, seen: int) -> bool:
        with self._changing() as connection:
            return drop(connection, anchor, previous, seen)

    @contextmanager
    def _changing(self) -> Iterator[apsw.Connection]:
        """Do something in one transaction of the writer."""
        with self._writing, self._translated():
            connection = self._usable_writer()
            try:
                connection.execute("begin immediate")
                yield connection
                connection.execute("commit")
            except BaseException as error:
                self._give_up(connection, error)
                raise

    def _secret(self, name: str, value: bytes) -> bytes:
        found = self._one("select value from secrets where name = ?", (name,))
        if found is None:
            with self._changing() as connection:
                connection.execute("insert or ignore into secrets values (?, ?)", (name, value))
            found = self._one("select value from secrets where name = ?", (name,))
        return bytes(found)

    def _adopt_secret(self, name: str, value: bytes) -> None:
        with self._changing() as connection:
            connection.execute("insert or replace into secrets values (?, ?)", (name, value))

    def _settle(self) -> None:
        with self._writing, self._translated():
            self._empty_wal(self._usable_writer())

    def _compact(self) -> tuple[str, ...]:
        with self._writing, self._translated():
            connection = self._usable_writer()
            connection.execute("vacuum")
            if not self._empty_wal(connection):
                raise StoreBusyError(f"{self.place}: a reader holds old pages; try again when it is done")
        return ()

    def _integrity(self) -> list[str]:
        return [row[0] for row in self._read("pragma integrity_check") if row[0] != "ok"]

    def _table(self, name: str) -> Iterator[tuple[Any, ...]]:
        yield from self._scan(PROVED[name])

    def _scan(self, sql: str) -> Iterator[tuple[Any, ...]]:
        with self._translated():
            if self._frozen and self._reader is not None:
                yield from self._reader.execute(sql)
                return
            # A connection of its own: a long scan must not hold the one that the service reads through.
            with closing(self._open_reader()) as connection:
                yield from connection.execute(sql)

    def _copies(self) -> list[str]:
        return [row[0] for row in self._read("select source from copies")]

    def _everything(self, table: str) -> Iterator[tuple[Any, ...]]:
        # Names of our own only; rows come in the order of the primary key, which SQLite walks.
        yield from self._scan(f"select {', '.join(TABLES[table])} from {table}")  # noqa: S608

    def _begin_copy(self, source: str) -> None:
        with self._changing() as connection:
            for table in (*TABLES, "copies"):
                connection.execute(f"delete from {table}")  # noqa: S608
            connection.execute("insert into copies values (?, ?)", (source, self._clock().isoformat()))

    def _take(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        names = TABLES[table]
        sql = f"insert into {table} ({', '.join(names)}) values ({', '.join('?' * len(names))})"  # noqa: S608
        with self._changing() as connection:
            connection.executemany(sql, rows)

    def _end_copy(self) -> None:
        with self._changing() as connection:
            connection.execute("delete from copies")
