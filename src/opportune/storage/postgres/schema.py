"""Make and renew the tables of a store: numbered files, all that are missing in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b

from opportune.errors import StoreError
from opportune.storage.migrating import migrations
from opportune.storage.postgres.link import Link, Statement

__all__ = ["check_schema", "lock_key", "migrate"]

# In one statement, so of one moment: somebody else may be making the tables just now.
_STATE = Statement(
    "with tables as (select relname from pg_class"
    " where relnamespace = (select oid from pg_namespace where nspname = $1) and relkind in ('r', 'p', 'v', 'm'))"
    " select exists (select from tables where relname = 'migrations'), not exists (select from tables),"
    " coalesce(has_schema_privilege((select oid from pg_namespace where nspname = $1), 'usage'), true)",
    ("text",),
)
_EXISTS = Statement("select exists (select from pg_namespace where nspname = $1)", ("text",))
_APPLIED = Statement("select number::int8 from migrations order by number")
_LOCK = Statement("select pg_advisory_xact_lock($1)", ("int8",))
_RECORD = Statement("insert into migrations values ($1::int8, $2, $3)", ("int8", "text", "text"))


def lock_key(schema: str, what: str) -> int:
    """Key of an advisory lock: one per store and purpose in a database."""
    digest = blake2b(f"opportune\0{schema}\0{what}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def check_schema(link: Link, place: str, schema: str) -> bool:
    """Say whether all migrations are applied; false where there are no tables yet, or older ones.

    Raises:
        StoreError: the tables are somebody else's, or newer than this program.
    """
    ((is_ours, is_empty, may_use),) = link.one(_STATE, schema)
    if not may_use:
        raise StoreError(f"{place}: the role may not use the schema {schema}; let the role own it")
    if not is_ours:
        if not is_empty:
            raise StoreError(
                f"{place}: expected a store of Opportune or nothing in the schema {schema}, found other tables;"
                " give another database, or a search_path in the URL"
            )
        return False
    newest = migrations("postgresql")[-1][0]
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
    for number, name, sql in migrations("postgresql"):
        if number not in applied:
            link.script(sql)
            link.one(_RECORD, number, name, clock().isoformat())
    link.one(Statement("commit"))
    return tuple(name for number, name, _ in migrations("postgresql") if number not in applied)
