"""What a PostgreSQL server must be like to keep what it has acknowledged."""

from __future__ import annotations

from opportune.errors import StoreError
from opportune.storage.postgres.link import Link, Statement

__all__ = ["VERSION_LEAST", "check_server"]

VERSION_LEAST = 15
"""The oldest version that the tests run on."""

_SETTINGS = Statement(
    "select current_setting('server_encoding'), current_setting('fsync'), current_setting('full_page_writes'),"
    " current_setting('synchronous_commit'), pg_is_in_recovery()"
)


def check_server(link: Link, place: str, read_only: bool) -> list[str]:
    """Say what is risky about a server.

    Raises:
        StoreError: it is not fit to keep a store.
    """
    version = link.server_version // 10_000
    if version < VERSION_LEAST:
        raise StoreError(f"{place}: expected PostgreSQL {VERSION_LEAST} or later, found {version}; upgrade the server")
    ((encoding, flushes, whole_pages, waits, standby),) = link.one(_SETTINGS)
    if encoding != "UTF8":
        raise StoreError(
            f"{place}: expected a database in UTF8, found {encoding}; make one with: create database NAME encoding"
            " 'UTF8' template template0"
        )
    if read_only:
        return []
    if standby:
        raise StoreError(f"{place}: expected the primary server, found a standby; connect to the primary one")
    if flushes != "on" or waits == "off":
        raise StoreError(
            f"{place}: expected a server that flushes commits, found fsync={flushes} and synchronous_commit={waits};"
            " set fsync = on, or what was acknowledged is lost with the power"
        )
    if whole_pages != "on":
        return [
            "full_page_writes is off: a page that is torn when the power goes cannot be repaired;"
            " leave it so only where the file system writes pages whole"
        ]
    return []
