"""Where a store in PostgreSQL is: from the URL of a user to what libpq takes."""

from __future__ import annotations

import re
from typing import NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from opportune.errors import StoreError

__all__ = ["Address"]

SCHEMA = "opportune"
"""Where our tables are, unless the URL names another search_path."""

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,40}")
_SEARCH_PATH = re.compile(r"-c\s*search_path=(\S+)|--search_path=(\S+)")

STATEMENT_SECONDS = 10
LOCK_SECONDS = 5
ANSWER_SECONDS = 12
"""How long we wait for a server that says nothing: a little longer than it may work at a statement."""
_IDLE_SECONDS = 2
"""A writer that stops in the middle of its transaction holds up all others; then the server ends it."""

_SETTINGS = {
    # A commit that returned has been flushed, whatever role or database say.
    "synchronous_commit": "on",
    "default_transaction_isolation": r"read\ committed",
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "lock_timeout": f"{LOCK_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{_IDLE_SECONDS}s",
    "client_connection_check_interval": "1s",
    # Every look-up goes by a key. Plans are made once and must be right for the tables as they will be, not as they
    # are when the store is new and a scan looks cheap.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}

_CONNECTION = {
    "connect_timeout": "3",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "8000",
    "application_name": "opportune",
}


class Address(NamedTuple):
    """A store in a database.

    Args:
        conninfo: for libpq; holds the password, if there is one.
        schema: of our tables.
        place: for messages; without user and password.
    """

    conninfo: str
    schema: str
    place: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Read a URL such as "postgresql://user@host:5432/database".

        Raises:
            StoreError: libpq does not understand it; the message repeats nothing of it.
        """
        try:
            given = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
        except psycopg.ProgrammingError:
            raise StoreError(
                "store URL: expected postgresql://USER@HOST:PORT/DATABASE?OPTIONS as libpq takes it, found something"
                " else; percent-encode special characters of user and password"
            ) from None
        found = _SEARCH_PATH.search(given.get("options", ""))
        schema = SCHEMA if found is None else found.group(1) or found.group(2)
        if not _NAME.fullmatch(schema):
            raise StoreError(
                "store URL: expected as search_path one name of small letters, digits and underscores, found another"
            )
        host = given.get("host") or given.get("hostaddr") or "local"
        if "port" in given:
            host += f":{given['port']}"
        place = f"postgresql://{host}/{given.get('dbname', '')}"
        if schema != SCHEMA:
            place += f" (schema {schema})"
        return cls(make_conninfo("", **{**_CONNECTION, **given, "client_encoding": "UTF8"}), schema, place)

    def session(self, **settings: str) -> str:
        """The conninfo of a session of ours; what we need wins over what the URL or the role says."""
        given = conninfo_to_dict(self.conninfo)
        wanted = {"search_path": self.schema, **_SETTINGS, **settings}
        options = " ".join([str(given.get("options", "")), *(f"-c {name}={value}" for name, value in wanted.items())])
        return make_conninfo(self.conninfo, options=options.strip())
