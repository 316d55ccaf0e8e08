"""Storage in one SQLite file: one process writes, any number read.

WAL with synchronous=FULL: a commit is on the disk when it returns. secure_delete overwrites what is erased.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import IO, Any

import apsw

from opportune.errors import DamageError, StoreBusyError, StoreError
from opportune.storage.base import MODELS_KEPT, Anchor, ProfileRow, Storage
from opportune.storage.changes import Changes, DecisionReference, Found, KeyFound, ProfileFound, Wanted
from opportune.storage.checkpoints import Checkpointer
from opportune.storage.entries import GENESIS, INDEXED_KINDS, EntryRow, Kind, StoredRow, lasting_row
from opportune.storage.tables import TABLES

__all__ = ["SqliteStorage"]

APPLICATION_ID = 0x4F505052
"""Marks our files among SQLite's: "OPPR"."""

_MAGIC = b"SQLite format 3\0"
"""How every file of SQLite begins."""

SQLITE_LEAST = "3.51.3"
"""Earlier releases may lose a reset of the WAL when several connections write."""

_CHECKPOINT_PAGES = 1_000
"""Pages that come to the WAL before they are moved into the file: SQLite's own default."""
_BUSY_SECONDS = 5
"""Only a backup tool or a shell can hold the file against us; longer than this is an error worth showing."""

_CACHE_KIB = 32_768
"""Page cache of a connection: holds the inner pages of the indexes of some ten million entries."""

_ENTRY = ", ".join(f"j.{column}" for column in EntryRow._fields)
# Names of our own columns only.
_ROWS = f"""
    select {_ENTRY},
        coalesce(
            (select digest from journal where sequence = j.sequence - 1),
            (select digest from anchor where sequence = j.sequence - 1)
        ),
        p.salt, p.body, e.sequence is not null
    from journal j
    left join payloads p on p.sequence = j.sequence
    left join erasures e on e.sequence = j.sequence
"""  # noqa: S608
_OF_KIND = (
    "select sequence from (select sequence from journal"
    " where kind in ('erasure', 'merge', 'model', 'outcome', 'revision') and kind = '{}' and sequence > ?1"
    " order by sequence limit ?2)"
)
"""The next entries of one kind; the condition on the kind is word for word that of its index."""
_ABOUT = """
    select sequence from decisions where id in (select value from json_each(?1))
    union all select sequence from outcomes where decision in (select value from json_each(?1))
"""
_TODAY = "coalesce(m.kept, i.person)"
_IDENTIFIED = "from identifiers i left join merges m on m.absorbed = i.person"
"""An identifier leads to the person it was given to, and on to the one who absorbed that person."""

_TABLES = {
    "keys": "select kind, id, k.sequence from keys k where request_digest is null",
    "decisions": "select id, sequence from decisions",
    "outcomes": "select decision, action, treatment, outcome, sequence, decision_sequence from outcomes",
    "windows": "select decision, action, treatment, outcome, due_at from windows",
    "erasures": "select sequence, erased_by from erasures",
    "revisions": "select number, hash, sequence from revisions",
    "revision_entries": "select * from revision_entries",
    "identifiers": "select kind, value, person, sequence, salt from identifiers",
    "merges": "select absorbed, kept from merges",
    "profiles": "select person, version, sequence, attributes, digest from profiles",
    "bundles": "select hash, body, digest from bundles",
    "models": "select name || ' adopted by entry ' || sequence, state, digest from models",
}


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
        super().__init__(str(self._path), **ports)
        _check_library(apsw.sqlite_lib_version())
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self._lock_file: IO[bytes] | None = None
        self._writer: apsw.Connection | None = None
        self._reader: apsw.Connection | None = None
        self._checkpointer: Checkpointer | None = None
        self._pages_moved = 0
        self._closed = False
        self._frozen = frozen
        _check_file(self._path, read_only)
        try:
            with self._translated():
                if not read_only:
                    self._lock_file = _lock(self._path)
                    self._writer = self._open_writer()
                    self._checkpointer = Checkpointer(
                        lambda: _connect(self._path, apsw.SQLITE_OPEN_READWRITE), self._writing
                    )
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
        connection = _connect(self._path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
        _check_ours(connection, self.place, fresh=True)
        for pragma in (
            "page_size=8192",
            "journal_mode=wal",
            "synchronous=full",
            "secure_delete=on",
            "wal_autocheckpoint=0",
        ):
            connection.execute(f"pragma {pragma}")
        self.migrated = _migrate(connection, self._clock)
        if fresh:
            _flush_folder(self._path.parent)
        connection.set_wal_hook(self._note_wal)
        return connection

    def _open_reader(self) -> apsw.Connection:
        connection = _connect(self._path, apsw.SQLITE_OPEN_READONLY)
        _check_ours(connection, self.place, fresh=False)
        return connection

    def _note_wal(self, connection: apsw.Connection, name: str, pages: int) -> int:
        if pages < self._pages_moved:
            self._pages_moved = 0
        if pages - self._pages_moved >= _CHECKPOINT_PAGES and self._checkpointer is not None:
            self._pages_moved = pages
            self._checkpointer.wake()
        return int(apsw.SQLITE_OK)

    def _check_tail(self) -> None:
        """Read the last entries: damage by a torn write would be there."""
        for row in self._rows(max(0, self._last_sequence() - 10), 10, ()):
            self._decode(row)

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
                changes = plan(_find(connection, wanted))
                if changes.counters or changes.keys:
                    _apply(connection, changes)
                connection.execute("commit")
            except BaseException as error:
                self._give_up(connection, error)
                raise
            if changes.erasures:
                self._truncate_wal(connection)

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

    def _truncate_wal(self, connection: apsw.Connection) -> bool:
        """Move all pages of the WAL into the file and leave nothing behind; after an erasure, no old copy either.

        False where a reader holds it up; the pages then go when the WAL begins anew, or at closing.
        """
        try:
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
            raise self._damage(f"damaged ({fault})") from None
        except apsw.FullError as error:
            raise StoreError(f"{self.place}: no space left on the device; free some, no restart is needed") from error
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
            return _find(self._reader, wanted)

    def _person(self, identifier_kind: str, identifier: str) -> str | None:
        person: str | None = self._one(
            f"select {_TODAY} {_IDENTIFIED} where i.kind = ? and i.value = ?", (identifier_kind, identifier)
        )
        return person

    def _persons(self, identifier_kind: str, identifier: str) -> list[str]:
        kept = self._person(identifier_kind, identifier)
        if kept is None:
            return []
        return [kept, *(row[0] for row in self._read("select absorbed from merges where kept = ?", (kept,)))]

    def _history(self, persons: Sequence[str], before: int, limit: int) -> list[StoredRow]:
        # One look-up per person: over several at once, SQLite would sort all of their entries.
        sql = f"{_ROWS} where j.person = ? and j.sequence < ? order by j.sequence desc limit ?"
        found = [_stored_row(row) for person in persons for row in self._read(sql, (person, before, limit))]
        return sorted(found, key=lambda row: -row.entry.sequence)[:limit]

    def _profile(self, identifier_kind: str, identifier: str) -> ProfileRow | None:
        rows = self._read(
            f"select p.person, p.version, p.sequence, p.attributes, p.digest {_IDENTIFIED}"
            f" join profiles p on p.person = {_TODAY} where i.kind = ? and i.value = ?",
            (identifier_kind, identifier),
        )
        return ProfileRow(*rows[0]) if rows else None

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

    def _checkpoint(self, model: str, position: int) -> int | None:
        found: int | None = self._one(
            "select max(position) from models where name = ? and position <= ?", (model, position)
        )
        return found

    def _lost(self, after: int, until: int) -> bool:
        return bool(
            self._read(
                "select 1 from erasures e join journal d on d.sequence = e.sequence and d.kind = 'decision'"
                " join outcomes o on o.decision = d.decision where o.sequence > ? and o.sequence <= ? limit 1",
                (after, until),
            )
        )

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
        sql = f"{_ROWS} where j.sequence > ?{chosen} order by j.sequence limit ?"
        return [_stored_row(row) for row in self._read(sql, values)]

    def _rows_of_few(self, after: int, limit: int, kinds: Collection[Kind]) -> list[StoredRow]:
        each = " union all ".join(_OF_KIND.format(kind.value) for kind in sorted(set(kinds)))
        sql = f"{_ROWS} where j.sequence in ({each} order by sequence limit ?2) order by j.sequence"
        return [_stored_row(row) for row in self._read(sql, (after, limit))]

    def _about(self, decision_ids: Collection[str]) -> list[StoredRow]:
        rows = self._read(f"{_ROWS} where j.sequence in ({_ABOUT}) order by j.sequence", (json.dumps([*decision_ids]),))
        return [_stored_row(row) for row in rows]

    def _row(self, sequence: int) -> StoredRow | None:
        rows = self._read(f"{_ROWS} where j.sequence = ?", (sequence,))
        return _stored_row(rows[0]) if rows else None

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

    def _anchor(self) -> Anchor | None:
        rows = self._read("select sequence, digest, recorded_at, learnable_from, summary, seal from anchor")
        return Anchor(*rows[0]) if rows else None

    def _oldest_open(self) -> int | None:
        # A connection of its own, as for a table: there may be a million windows.
        with self._translated(), closing(self._open_reader()) as connection:
            sql = "select min(d.sequence) from windows w join decisions d on d.id = w.decision"
            oldest: int | None = connection.execute(sql).get
        return oldest

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
            return _drop(connection, anchor, previous, seen)

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

    def _settle(self) -> None:
        with self._writing, self._translated():
            self._truncate_wal(self._usable_writer())

    def _integrity(self) -> list[str]:
        return [row[0] for row in self._read("pragma integrity_check") if row[0] != "ok"]

    def _table(self, name: str) -> Iterator[tuple[Any, ...]]:
        yield from self._scan(_TABLES[name])

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


def _stored_row(row: tuple[Any, ...]) -> StoredRow:
    *entry, previous, salt, payload, erased = row
    head = EntryRow(*entry)
    return StoredRow(
        entry=head,
        previous=GENESIS if head.sequence == 1 else previous,
        payload=None if salt is None else (salt, payload),
        erased=bool(erased),
    )


def _find(connection: apsw.Connection, wanted: Wanted) -> Found:
    """Look up what a batch needs; apsw runs a statement once per set of values."""
    many, one = connection.executemany, connection.execute
    tail = one("select sequence, digest from journal order by sequence desc limit 1").fetchone()
    found = Found(*(tail or (0, GENESIS)))
    if wanted.keys:
        for kind, id_, sequence, request_digest, salt in many(
            "select k.kind, k.id, k.sequence, coalesce(k.request_digest, j.request_digest),"
            " iif(k.request_digest is null and j.payload_digest is not null, p.salt, x'')"
            # A second id may be of a revision whose entry went.
            " from keys k left join journal j on j.sequence = k.sequence"
            " left join payloads p on p.sequence = k.sequence"
            " where k.kind = ? and k.id = ?",
            wanted.keys,
        ):
            found.keys[kind, id_] = KeyFound(sequence, request_digest, salt)
    for decision, *reference in many(
        "select d.id, d.sequence, coalesce(m.kept, j.person), j.session, j.zone, j.revision"
        " from decisions d join journal j on j.sequence = d.sequence left join merges m on m.absorbed = j.person"
        " where d.id = ?",
        [(decision,) for decision in wanted.decisions],
    ):
        found.decisions[decision] = DecisionReference(*reference)
    for *effect, sequence in many(
        "select decision, action, treatment, outcome, sequence from outcomes"
        " where decision = ? and action = ? and treatment = ? and outcome = ?",
        wanted.effects,
    ):
        found.effects[tuple(effect)] = sequence
    for decision, action, treatment in many(
        "select decision, action, treatment from windows where decision = ?",
        [(decision,) for decision in wanted.windows],
    ):
        found.windows.setdefault(decision, set()).add((action, treatment))
    for kind, value, person, version, attributes in many(
        f"select i.kind, i.value, {_TODAY}, p.version, p.attributes {_IDENTIFIED}"
        f" left join profiles p on p.person = {_TODAY} where i.kind = ? and i.value = ?",
        wanted.identifiers,
    ):
        found.persons[kind, value] = person
        if version is not None:
            found.profiles[person] = ProfileFound(version, attributes)
    for kept, absorbed in many(
        f"select k.kept, k.absorbed {_IDENTIFIED} join merges k on k.kept = {_TODAY} where i.kind = ? and i.value = ?",
        list(dict.fromkeys(wanted.merging)),
    ):
        others = found.absorbed.setdefault(kept, [])
        if absorbed not in others:
            others.append(absorbed)
    if wanted.revision:
        found.revision = (
            one("select number, hash, sequence from revisions order by number desc limit 1").fetchone()
            or found.revision
        )
    for (hash_,) in many("select hash from bundles where hash = ?", [(hash_,) for hash_ in wanted.bundles]):
        found.bundles.add(hash_)
    for (sequence,) in many(
        "select sequence from payloads where sequence = ?", [(sequence,) for sequence in wanted.payloads]
    ):
        found.payloads.add(sequence)
    return found


_INSERT_ENTRY = f"insert into journal values ({', '.join('?' * len(EntryRow._fields))})"  # noqa: S608


def _apply(connection: apsw.Connection, changes: Changes) -> None:
    many = connection.executemany
    statements: tuple[tuple[str, list[Any]], ...] = (
        (_INSERT_ENTRY, changes.entries),
        ("insert into payloads values (?, ?, ?)", changes.payloads),
        ("insert into keys values (?, ?, ?, ?)", changes.keys),
        ("insert into decisions values (?, ?)", changes.decisions),
        ("insert into outcomes values (?, ?, ?, ?, ?, ?)", changes.outcomes),
        ("insert into windows values (?, ?, ?, ?, ?)", changes.windows),
        ("delete from windows where decision = ? and action = ? and treatment = ?", changes.closed),
        ("insert into identifiers values (?, ?, ?, ?, ?)", changes.identifiers),
        ("insert or replace into merges values (?, ?)", list(changes.merges.items())),
        (
            "insert or replace into profiles values (?, ?, ?, ?, ?)",
            [(person, *row) for person, row in changes.profiles.items()],
        ),
        ("delete from profiles where person = ?", [(person,) for person in changes.united]),
        ("insert into bundles values (?, ?, ?)", changes.bundles),
        ("insert into revisions values (?, ?, ?)", changes.revisions),
        (_INSERT_ENTRY.replace("journal", "revision_entries").replace(")", ", ?)"), changes.revision_entries),
        ("insert into models values (?, ?, ?, ?, ?, ?)", changes.models),
        (
            "delete from models where name = ?1 and sequence not in"
            " (select sequence from models where name = ?1 order by sequence desc limit ?2)",
            [(name, MODELS_KEPT) for name in {model[1] for model in changes.models}],
        ),
        ("insert into erasures values (?, ?)", changes.erasures),
        ("delete from payloads where sequence = ?", [(sequence,) for sequence, _ in changes.erasures]),
        (
            "insert into counters values (?, ?) on conflict do update set value = value + excluded.value",
            [(name, count) for name, count in changes.counters.items() if count],
        ),
    )
    for sql, rows in statements:
        if rows:
            many(sql, rows)


# In this order: the first ones find their rows through the journal. Parameters: anchor, anchor before.
_DROP = """
    delete from keys where (kind, id) in (select kind, id from journal where sequence > :before and sequence <= :upto);
    delete from keys where request_digest is not null and sequence <= :upto;
    delete from decisions where id in
        (select decision from journal where sequence > :before and sequence <= :upto and kind = 'decision');
    delete from outcomes where decision_sequence <= :upto and decision in
        (select decision from journal where sequence > :before and sequence <= :upto and kind = 'decision');
    delete from erasures where sequence <= :upto;
    delete from payloads where sequence <= :upto;
    delete from journal where sequence <= :upto;
"""


def _drop(connection: apsw.Connection, anchor: Anchor, previous: int, seen: int) -> bool:
    if (connection.execute("select sequence from anchor").get or 0) != previous:
        return False
    answered = connection.execute(
        "select 1 from journal j join outcomes o on o.decision = j.decision"
        " where j.sequence > ? and j.kind = 'outcome' and o.decision_sequence <= ? limit 1",
        (seen, anchor.sequence),
    ).get
    if answered is not None:
        return False
    connection.execute(_DROP, {"before": previous, "upto": anchor.sequence})
    connection.execute("insert or replace into anchor values (1, ?, ?, ?, ?, ?, ?)", anchor)
    return True


def _connect(path: Path, flags: int) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=flags)
    connection.set_busy_timeout(_BUSY_SECONDS * 1_000)
    # Stable plans: without this, SQLite prepares a query anew for every set of values, at five times its cost.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.execute(f"pragma cache_size = -{_CACHE_KIB}")
    return connection


def _flush_folder(folder: Path) -> None:
    """Put the names of new files on the disk; SQLite does so for its WAL only."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_library(version: str) -> None:
    if tuple(map(int, version.split("."))) < tuple(map(int, SQLITE_LEAST.split("."))):
        raise StoreError(f"SQLite: expected {SQLITE_LEAST} or later, found {version}; upgrade the package apsw")


def _lock(path: Path) -> IO[bytes]:
    """Take the right to write; it ends with the process, however that ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock_file = path.with_name(path.name + ".lock").open("ab")
    except OSError as error:
        raise StoreError(f"{path}: expected a place to write to, found: {error.strerror}") from error
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock_file.close()
        raise StoreBusyError(
            f"{path}: another process writes to this store; stop it, or send it the request over HTTP"
        ) from error
    return lock_file


def _check_file(path: Path, read_only: bool) -> None:
    """Refuse what cannot be a store before SQLite is asked, whose words for it say little."""
    expected = f"{path}: expected a store of Opportune, found"
    if path.is_dir():
        raise StoreError(f"{expected} a folder; give the path of a file in it")
    if not path.exists():
        if read_only:
            raise StoreError(f"{expected} nothing; serve a strategy or import customers first, or give another path")
        return
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except OSError:
        return  # SQLite says why
    if start and start != _MAGIC:
        raise DamageError(
            f"{expected} another file, or a store whose beginning is damaged; give the path of a store, or of a backup"
        )


def _check_ours(connection: apsw.Connection, place: str, fresh: bool) -> None:
    """Refuse files of somebody else and of a newer program.

    Args:
        fresh: an empty file is welcome.
    """
    application = connection.pragma("application_id")
    tables = connection.execute("select count(*) from sqlite_schema").get
    if tables == 0 and application == 0 and fresh:
        return
    if application != APPLICATION_ID:
        raise StoreError(f"{place}: expected a store of Opportune, found another file; give the path of a store")
    newest = _migrations()[-1][0]
    schema = connection.pragma("user_version")
    if schema < newest and not fresh:
        raise StoreError(
            f"{place}: expected schema {newest}, found {schema} of an earlier version;"
            " run 'opportune migrate' on it, or open it for writing"
        )
    if schema > newest:
        raise StoreError(
            f"{place}: expected schema {newest} or earlier, found {schema} of a newer version; upgrade Opportune"
        )


def _migrations() -> list[tuple[int, str, str]]:
    """(number, name, SQL) of every migration, in order."""
    folder = resources.files("opportune.storage") / "migrations" / "sqlite"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return [(int(file.name[:4]), file.name.removesuffix(".sql"), file.read_text("utf-8")) for file in files]


def _migrate(connection: apsw.Connection, clock: Callable[[], datetime]) -> tuple[str, ...]:
    """Apply what is not applied yet, all in one transaction; give the names."""
    migrations = _migrations()
    if connection.pragma("user_version") == migrations[-1][0]:
        return ()
    with connection:
        connection.execute(
            "create table if not exists migrations (number integer primary key, name text not null,"
            " applied_at text not null) strict"
        )
        applied = {number for (number,) in connection.execute("select number from migrations")}
        for number, name, sql in migrations:
            if number not in applied:
                connection.execute(sql)
                connection.execute("insert into migrations values (?, ?, ?)", (number, name, clock().isoformat()))
        connection.execute(f"pragma application_id = {APPLICATION_ID}")
        connection.execute(f"pragma user_version = {migrations[-1][0]}")
    return tuple(name for number, name, _ in migrations if number not in applied)
