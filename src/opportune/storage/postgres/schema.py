"""Make and renew the tables of a store: numbered files, all that are missing in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from importlib import resources

from opportune.errors import StoreError
from opportune.storage.postgres.link import Link, Statement

__all__ = ["check_schema", "lock_key", "migrate", "migrations"]

_IS_OURS = Statement("select to_regclass('migrations') is not null")
_EXISTS = Statement(
    "select exists (select from pg_namespace where nspname = $1), coalesce(has_schema_privilege("
    "(select oid from pg_namespace where nspname = $1), 'usage'), true)",
    ("text",),
)
_IS_EMPTY = Statement(
    "select not exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'm'))",
    ("text",),
)
_APPLIED = Statement("select number::int8 from migrations order by number")
_LOCK = Statement("select pg_advisory_xact_lock($1)", ("int8",))
_RECORD = Statement("insert into migrations values ($1::int8, $2, $3)", ("int8", "text", "text"))


def lock_key(schema: str, what: str) -> int:
    """Key of an advisory lock: one per store and purpose in a database."""
    digest = blake2b(f"opportune\0{schema}\0{what}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def migrations() -> list[tuple[int, str, str]]:
    """(number, name, SQL) of every migration, in order."""
    folder = resources.files("opportune.storage") / "migrations" / "postgresql"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return [(int(file.name[:4]), file.name.removesuffix(".sql"), file.read_text("utf-8")) for file in files]


def check_schema(link: Link, place: str, schema: str) -> bool:
    """Say whether all migrations are applied; false where there are no tables yet, or older ones.

    Raises:
        StoreError: the tables are somebody else's, or newer than this program.
    """
    ((ours,),) = link.one(_IS_OURS)
    if not ours:
        if not link.one(_EXISTS, schema)[0][1]:
            raise StoreError(f"{place}: the role may not use the schema {schema}; let the role own it")
        ((empty,),) = link.one(_IS_EMPTY, schema)
        if not empty:
            raise StoreError(
                f"{place}: expected a store of Opportune or nothing in the schema {schema}, found other tables;"
                " give another database, or a search_path in the URL"
            )
        return False
    newest = migrations()[-1][0]
    found = max((number for (number,) in link.one(_APPLIED)), default=0)
    if found > newest:
        raise StoreError(
            f"{place}: expected schema {newest} or earlier, found {found} of a newer version; upgrade Opportune"
        )
    return found == newest


def migrate(link: Link, place: str, schema: str, clock: Callable[[], datetime]) -> tuple[str, ...]:
    """Apply what is not applied yet and give the names; several processes may start at once, the first one does it."""
    if check_schema(link, place, schema):
        return ()
    link.run([(Statement("begin"), ()), (_LOCK, (lock_key(schema, "migrations"),))])
    # Asked, not left to `if not exists`: that wants the right to make schemas even where there is nothing to make.
    if not link.one(_EXISTS, schema)[0][0]:
        link.one(Statement(f'create schema "{schema}"'))
    link.one(
        Statement(
            "create table if not exists migrations"
            " (number bigint primary key, name text not null, applied_at text not null)"
        )
    )
    applied = {number for (number,) in link.one(_APPLIED)}
    for number, name, sql in migrations():
        if number not in applied:
            link.script(sql)
            link.one(_RECORD, number, name, clock().isoformat())
    link.one(Statement("commit"))
    return tuple(name for number, name, _ in migrations() if number not in applied)
