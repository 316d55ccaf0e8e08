"""One connection to PostgreSQL: prepared statements in pipelines, bounded in time.

It stands on the driver's thin layer over libpq. The layer above spends 300 µs of the client's processor on the
statements of one small group, this one 60 µs; and it has no limit for a server that hangs with its socket open.
"""

from __future__ import annotations

import itertools
import select
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from psycopg import pq

from opportune.storage.postgres.values import DECODERS, ENCODERS, OIDS

__all__ = ["Link", "LinkError", "Row", "Statement", "Step"]

Row = tuple[Any, ...]

CONNECT_SECONDS = 3.0
"""Longest wait for a connection."""

_FAILED = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE, pq.ExecStatus.NONFATAL_ERROR)


class LinkError(Exception):
    """What the server refused, or what happened to the connection; holds no value of a statement.

    Args:
        message: in the server's words.
        code: SQLSTATE; "" where the connection is lost.
        hung: the server did not answer in time.
    """

    def __init__(self, message: str, code: str = "", *, hung: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hung = hung


class Statement(NamedTuple):
    """A statement of ours: prepared at its first use on a connection, planned once for all values.

    Args:
        sql: with $1, $2 ... for its values.
        types: of the values, by the names of `ENCODERS`.
    """

    sql: str
    types: tuple[str, ...] = ()

    def encode(self, values: Sequence[Any]) -> list[bytes | None]:
        """Values as they go over the wire."""
        return [
            None if value is None else ENCODERS[kind](value) for kind, value in zip(self.types, values, strict=True)
        ]


Step = tuple[Statement, Sequence[Any]]


class Link:
    """A connection for one thread at a time; useless after an error that left it `lost`.

    Args:
        conninfo: as libpq takes it.
        seconds: longest wait for the answers of one `run`.

    Raises:
        LinkError: the server cannot be reached or refuses.
    """

    def __init__(self, conninfo: str, seconds: float) -> None:
        self._seconds = seconds
        self._numbers = itertools.count()
        self._prepared: dict[str, bytes] = {}
        self._connection = _connect(conninfo)
        self._connection.nonblocking = 1
        self._connection.enter_pipeline_mode()
        self._poll = select.poll()

    @property
    def lost(self) -> bool:
        """Whether it is closed or broken."""
        return self._connection.status != pq.ConnStatus.OK

    @property
    def server_version(self) -> int:
        """Such as 150018 for 15.18."""
        return self._connection.server_version

    @property
    def socket(self) -> int:
        """Descriptor to wait at for notices.

        Raises:
            LinkError: the connection is lost.
        """
        with self._closing_on_error():
            return self._connection.socket

    def close(self) -> None:
        """End it; a transaction that is open is rolled back by the server."""
        self._connection.finish()

    def run(self, steps: Sequence[Step]) -> list[list[Row]]:
        """Send all steps at once, and return the rows of each.

        Steps after one that fails are not run.

        Raises:
            LinkError: of the first step that fails; where the connection is `lost`, the fate of all steps is unknown.
        """
        with self._closing_on_error():
            expected: list[str] = []
            for statement, values in steps:
                self._send(statement, values, expected)
            self._connection.pipeline_sync()
            return self._receive(expected)

    def one(self, statement: Statement, *values: Any) -> list[Row]:
        """Rows of one statement."""
        return self.run([(statement, values)])[0]

    def script(self, sql: str) -> None:
        """Run statements without values, one after the other.

        Raises:
            LinkError: one of them fails; the others are not run.
        """
        with self._closing_on_error():
            self._connection.exit_pipeline_mode()
            self._connection.send_query(sql.encode())
            failure = None
            end = time.monotonic() + self._seconds
            while (result := self._next_result(end)) is not None:
                if result.status in _FAILED and failure is None:
                    failure = _failure(result)
            self._connection.enter_pipeline_mode()
        if failure is not None:
            raise failure

    def notices(self) -> list[str]:
        """What other sessions have told since the last call; does not wait.

        Raises:
            LinkError: the connection is lost.
        """
        with self._closing_on_error():
            self._connection.consume_input()
            found = []
            while (notice := self._connection.notifies()) is not None:
                found.append(notice.extra.decode())
            return found

    def _send(self, statement: Statement, values: Sequence[Any], expected: list[str]) -> None:
        """Put a statement on its way; add one item per result to come: the text that it prepares, or "" for rows."""
        name = self._prepared.get(statement.sql)
        if name is None:
            name = self._prepared[statement.sql] = b"s%d" % next(self._numbers)
            self._connection.send_prepare(name, statement.sql.encode(), [OIDS[kind] for kind in statement.types])
            expected.append(statement.sql)
        encoded = statement.encode(values)
        self._connection.send_query_prepared(name, encoded, [pq.Format.BINARY] * len(encoded), pq.Format.BINARY)
        expected.append("")

    def _receive(self, expected: Sequence[str]) -> list[list[Row]]:
        end = time.monotonic() + self._seconds
        answers: list[list[Row]] = []
        failure: LinkError | None = None
        try:
            for prepared in expected:
                result = self._next_answer(end)
                if result.status in _FAILED:
                    failure = failure or _failure(result)
                elif not prepared and failure is None:
                    answers.append(_rows(result))
                if prepared and result.status != pq.ExecStatus.COMMAND_OK:
                    del self._prepared[prepared]
            self._next_answer(end)  # the end of the pipeline
        except (psycopg.Error, LinkError):
            # A server that ends the connection says why before.
            if failure is None:
                raise
            self.close()
        if failure is not None:
            raise failure
        return answers

    def _next_answer(self, end: float) -> pq.abc.PGresult:
        """The next result; libpq puts a None after the results of every statement."""
        while (result := self._next_result(end)) is None:
            if self.lost:
                raise LinkError("the connection is lost")
        return result

    def _next_result(self, end: float) -> pq.abc.PGresult | None:
        connection = self._connection
        while connection.flush():
            self._wait(select.POLLIN | select.POLLOUT, end)
            connection.consume_input()
        while connection.is_busy():
            self._wait(select.POLLIN, end)
            connection.consume_input()
        return connection.get_result()

    def _wait(self, events: int, end: float) -> None:
        self._poll.register(self._connection.socket, events)
        if not self._poll.poll(max(0.0, end - time.monotonic()) * 1_000):
            raise LinkError(f"no answer for {self._seconds:g} seconds", hung=True)

    @contextmanager
    def _closing_on_error(self) -> Iterator[None]:
        """Close where the conversation broke off in the middle: nobody could tell whose answer comes next."""
        try:
            yield
        except LinkError as error:
            if not error.code:
                self.close()
            raise
        except psycopg.Error as error:
            if self.lost:
                # What the driver says of a call on a lost connection is about the call.
                raise LinkError("the connection is lost") from error
            self.close()
            raise LinkError(_first_line(str(error)) or "the connection is lost") from error
        except BaseException:
            self.close()
            raise


def _rows(result: pq.abc.PGresult) -> list[Row]:
    decoders = [(column, DECODERS[result.ftype(column)]) for column in range(result.nfields)]
    value = result.get_value
    return [
        tuple([None if (content := value(row, column)) is None else decode(content) for column, decode in decoders])
        for row in range(result.ntuples)
    ]


def _failure(result: pq.abc.PGresult) -> LinkError:
    """The refusal without its details, which repeat values."""
    message = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"the connection is lost"
    code = result.error_field(pq.DiagnosticField.SQLSTATE) or b""
    return LinkError(_first_line(message.decode(errors="replace")), code.decode())


def _connect(conninfo: str) -> pq.abc.PGconn:
    """Connect step by step: in one step, the driver would keep the interpreter's lock until a hung server answers."""
    connection = pq.PGconn.connect_start(conninfo.encode())
    until = time.monotonic() + CONNECT_SECONDS
    state = pq.PollingStatus.WRITING
    while connection.status != pq.ConnStatus.BAD and state != pq.PollingStatus.OK:
        if state == pq.PollingStatus.FAILED:
            break
        poll = select.poll()
        # Another address has another socket.
        poll.register(connection.socket, select.POLLOUT if state == pq.PollingStatus.WRITING else select.POLLIN)
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            connection.finish()
            raise LinkError(f"no answer to a connection within {CONNECT_SECONDS:g} seconds")
        state = pq.PollingStatus(connection.connect_poll())
    if connection.status != pq.ConnStatus.OK:
        message = connection.get_error_message()
        connection.finish()
        raise LinkError(_refusal(message))
    return connection


def _refusal(message: str) -> str:
    """Why there is no connection, of the first address that was tried, without libpq's preamble."""
    line = _first_line(message.removeprefix("connection to server ").removeprefix("connection failed: "))
    return line or "no answer"


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0]
