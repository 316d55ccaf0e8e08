"""`opportune serve`: start the decision service."""

from __future__ import annotations

import errno
import gc
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import structlog
import typer
from rich.markup import escape

from opportune.cli.author import named
from opportune.cli.output import bar, count, err, fail, failures, program
from opportune.cli.releases import STORE, expect_store
from opportune.errors import StoreAwayError, StoreBusyError
from opportune.service import EmbeddedRuntime, Settings
from opportune.service.erasure_list import list_of
from opportune.service.fleet import serve_fleet
from opportune.service.http import App
from opportune.service.http.server import bind
from opportune.service.http.server import serve as serve_app
from opportune.service.logs import set_up_logs
from opportune.service.revisions import strategy_from_files
from opportune.service.starting import Start, begin_with
from opportune.service.waiting import WaitingService
from opportune.storage import Storage, open_storage
from opportune.strategy.check import check_directory

__all__ = ["serve"]

COLLECT_AFTER = (200_000, 20, 100)
"""Thresholds of the garbage collector at the start: what is read and compiled then stays, and is much."""


def serve(
    project: Annotated[
        Path | None, typer.Argument(help="Folder of the strategy; what the store says is in use if left out.")
    ] = None,
    store: Annotated[
        str, typer.Option(help="File of the store, or its URL; made if missing, where PROJECT is named.")
    ] = STORE,
    workers: Annotated[int, typer.Option(help="Processes that decide; more than one need PostgreSQL.", min=1)] = 1,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8080,
    open_to_network: Annotated[
        bool,
        typer.Option(
            "--open-to-network",
            help="Needed for any host but loopback: everyone who reaches the port can read and write everything.",
        ),
    ] = False,
    kernel: Annotated[str, typer.Option(help="auto, numpy or numba.")] = "auto",
) -> None:
    """Serve decisions over HTTP until a signal to stop.

    A strategy that the store never had is published first, and never starts with problems. After a crash the service
    starts again with everything that was acknowledged.
    """
    gc.set_threshold(*COLLECT_AFTER)
    with failures():
        _check_options(host, open_to_network, kernel)
        checked = None if project is None else check_directory(project)
        files = None if checked is None else dict(checked.project.files)
        if files is None:
            expect_store(store)
        bound = _bound(host, port)
        try:
            storage = open_storage(store)
        except (StoreAwayError, StoreBusyError) as error:
            if "://" not in store:
                raise
            if files is None:
                fail(f"{error}; with the folder of a strategy it would answer by the fallbacks meanwhile")
            err.print(escape(f"opportune: {error}"))
            _serve_when_there(store, files, bound, host, workers, kernel)
            return
        is_shared = storage.cluster.shared
        if workers > 1 and not is_shared:
            storage.close()
            bound.close()
            fail(
                f"--workers {workers}: one process alone writes a file of SQLite; use --workers 1, or move the store"
                " with 'opportune copy --from FILE --to postgresql://...' and serve that"
            )
        _forget_again(storage)
        entries = storage.last_sequence()
        start = begin_with(storage, files, uuid4().hex, author=named(""), kernel=kernel, checked=checked)
        strategy = start.strategy
        if is_shared:
            storage.close()
        else:
            runtime = EmbeddedRuntime(strategy, storage, Settings(kernel=kernel))
            with bar("Learning from the journal") as progress:
                runtime.prepare(progress)
    set_up_logs()
    log = structlog.get_logger()

    def tell(bound_port: int) -> None:
        err.print(escape(f"Opportune serves {strategy.plan.name} on http://{_in_url(host)}:{bound_port}"))
        err.print(escape(f"store {storage.place} ({count(entries, 'entry', 'entries') if entries else 'new'})"))
        if is_shared:
            deciding = count(workers, "process decides", "processes decide")
            err.print(f"{deciding}, one learns or stands by; Ctrl+C stops them")
        else:
            address = f"http://{_in_url(host)}:{bound_port}"
            err.print(escape(f"'{program()} publish FOLDER --url {address}' changes the strategy; Ctrl+C stops it"))
        for note in start.notes:
            err.print(escape(note))
        log.info("ready", host=host, port=bound_port, revision=strategy.plan.revision)

    if is_shared:
        serve_fleet(store, kernel, bound, workers, tell)
    else:
        runtime.address = f"{_in_url(host)}:{bound.getsockname()[1]}"
        serve_app(App(runtime), bound, tell)


def _serve_when_there(
    store: str, files: dict[str, str], bound: socket.socket, host: str, workers: int, kernel: str
) -> None:
    """Answer by the fallbacks of the folder until the store is there, and then as always."""
    waiting = WaitingService(strategy_from_files(files)[0], bound)
    set_up_logs()

    def tell(port: int) -> None:
        err.print(escape(f"Opportune answers by the fallbacks of the folder on http://{_in_url(host)}:{port}"))
        err.print("it goes on by itself when the store is there; Ctrl+C stops it")

    def go_on(port: int) -> None:
        err.print("the store is there: decisions are made again")
        waiting.end(store)

    def begin(storage: Storage) -> Start:
        _forget_again(storage)
        return begin_with(storage, files, uuid4().hex, author=named(""), kernel=kernel)

    waiting.start(store, begin, tell)
    # Its processes are started already: they wait for the store, and then for the revision.
    serve_fleet(store, kernel, bound, workers, go_on)
    if waiting.failure is not None:
        raise waiting.failure


def _forget_again(storage: Storage) -> None:
    """Erase whom a restored backup knows and the list of erasures names, before anybody is decided for."""
    listed = list_of(storage)
    again = 0 if listed is None else listed.apply(storage)
    if again:
        err.print(f"{count(again, 'erasure', 'erasures')} made again, of what an older backup had brought back")


def _check_options(host: str, open_to_network: bool, kernel: str) -> None:
    if kernel not in ("auto", "numpy", "numba"):
        fail("--kernel: expected auto, numpy or numba")
    if not _is_loopback(host) and not open_to_network:
        fail(
            f"--host {host}: other machines could reach the service, which asks nobody who they are; put a proxy that"
            " does in front, or add --open-to-network if you mean it"
        )


def _bound(host: str, port: int) -> socket.socket:
    try:
        return bind(host, port)
    except OSError as error:
        is_elsewhere = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
        option = "--host" if is_elsewhere else "--port"
        fail(f"cannot listen on {host} port {port}: {error.strerror}; choose another with {option}")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
