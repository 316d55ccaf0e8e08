"""The load generator against a tiny server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from benchmarks.load import Load, http_post

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def _request(number: int) -> bytes:
    return http_post("/", b"%08d" % number, "test")


def _is_good(answer: bytes) -> bool:
    return answer == ANSWER


class Server:
    """Answers every request; stalls for `stall` seconds at request number 50."""

    def __init__(self) -> None:
        self.stall = 0.0
        self.answer = ANSWER
        self.goodbye = b""
        self.seen = 0
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            if self.goodbye:
                connection.sendall(self.goodbye)
                return
            while connection.recv(65536):
                with self._lock:
                    self.seen += 1
                    if self.seen == 50:
                        time.sleep(self.stall)
                connection.sendall(self.answer)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def load(server: Server) -> Iterator[Load]:
    load = Load("127.0.0.1", server.port, connections=2)
    yield load
    load.close()


def test_every_planned_request_is_sent_and_answered_once(server: Server, load: Load) -> None:
    result = load.run(_request, _is_good, rate=200, seconds=0.5)

    assert len(result.latencies) == server.seen == 100
    assert (result.errors, result.unanswered) == (0, 0)


def test_a_stall_is_charged_to_all_who_would_have_come_meanwhile(server: Server, load: Load) -> None:
    server.stall = 0.3

    result = load.run(_request, _is_good, rate=200, seconds=0.5)

    assert (result.latencies > 0.1).sum() >= 30


def test_answers_that_are_not_wanted_count_as_errors(server: Server, load: Load) -> None:
    server.answer = ANSWER.replace(b"200 OK", b"503 No")

    result = load.run(_request, _is_good, rate=100, seconds=0.2)

    assert result.errors == 20
    assert len(result.latencies) == 0


def test_a_closed_loop_sends_as_fast_as_answers_come(server: Server, load: Load) -> None:
    result = load.run(_request, _is_good, rate=None, seconds=0.2)

    assert len(result.latencies) == server.seen > 40


def test_what_a_server_says_to_an_idle_connection_is_no_answer(server: Server) -> None:
    server.goodbye = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
    load = Load("127.0.0.1", server.port, 4)
    for connection in load._connections:
        connection.socket.settimeout(5)
        assert connection.socket.recv(1, socket.MSG_PEEK)
        connection.socket.setblocking(False)
    server.goodbye = b""

    result = load.run(_request, _is_good, 200.0, 0.1)
    load.close()

    assert (len(result.latencies), result.errors, result.unanswered) == (20, 0, 0)
