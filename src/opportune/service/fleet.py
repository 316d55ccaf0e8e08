"""All processes of one host behind one address: several that decide, and one that learns or stands by to."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence

from opportune.service.http.balance import Board
from opportune.service.http.server import BACKLOG
from opportune.service.process import Task
from opportune.service.supervisor import COMMAND, Child, Supervisor

__all__ = ["serve_fleet"]


def serve_fleet(
    store: str,
    kernel: str,
    bound: socket.socket,
    workers: int,
    on_ready: Callable[[int], None],
    command: Sequence[str] = COMMAND,
) -> None:
    """Serve with several processes until a signal to stop.

    Connections are taken once all processes are ready.

    Args:
        store: URL of a shared store in which a revision is published.
        bound: of `bind`; closed at the end.
        workers: processes that decide, >= 1. The one that learns is always a process of its own: learning would hold
            up decisions, and a process that decides can end at any time when it knows nothing that others do not.
        on_ready: called with the port once requests are taken.
        command: starts a process.
    """
    board = Board.make(workers)
    bound.setblocking(False)
    host, port = bound.getsockname()[:2]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    deciders = [
        Child(
            f"decider {number}",
            Task(
                role="decider",
                store=store,
                kernel=kernel,
                listening=bound.fileno(),
                board=board,
                number=number,
                address=address,
            ).line(),
            (bound.fileno(), board),
        )
        for number in range(workers)
    ]
    learner = Child("learner", Task(role="learner", store=store, kernel=kernel).line())

    def open_up() -> None:
        bound.listen(BACKLOG)
        on_ready(port)

    try:
        asyncio.run(Supervisor([*deciders, learner], open_up, command).run())
    finally:
        bound.close()
        os.close(board)
