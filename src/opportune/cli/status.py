"""`opportune status`: which processes are there, and is all well?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import httpx
import msgspec
import typer
from rich.markup import escape

from opportune.cli.output import FOUND, JsonOption, count, fail, failures, out, print_json
from opportune.cli.releases import address
from opportune.service.status import ProcessStatus, Status, status_of
from opportune.storage import open_storage

__all__ = ["status"]

NAMES = ("host", "pid", "role", "address", "revision", "model", "position", "lag", "age", "health")
NUMBERS = frozenset(("pid", "revision", "position", "lag", "age"))
SECONDS = 5.0
"""How long a service may take to answer."""


class _Refusal(msgspec.Struct):
    code: str


def status(
    url: Annotated[
        str, typer.Option(help="Address of any process that serves.", callback=address)
    ] = "http://127.0.0.1:8080",
    store: Annotated[str, typer.Option(help="URL of a shared store, asked in place of a process.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Show every process, what it serves, and what it learned.

    Exit code 1 where no process decides or learns, or one does not serve the current revision.
    """
    with failures(as_json):
        found = _of_store(store) if store else _of_service(url)
    if as_json:
        print_json(found)
    else:
        for line in _table(found.processes):
            out.print(escape(line))
        for problem in found.problems:
            out.print(escape(problem))
        if not found.problems:
            out.print(
                f"All is well: revision {found.revision}, {count(found.journal, 'entry', 'entries')}{_lost(found)}."
            )
        for warning in found.warnings:
            out.print(escape(f"Note: {warning}"))
    if found.problems:
        raise typer.Exit(FOUND)


def _of_store(store: str) -> Status:
    with open_storage(store, read_only=True) as storage:
        if not storage.cluster.shared:
            fail("--store: a file is served by one process, which only itself can be asked; use --url")
        return status_of(storage, datetime.now(UTC))


def _of_service(url: str) -> Status:
    try:
        answer = httpx.get(f"{url.rstrip('/')}/v1/status", timeout=SECONDS)
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=Status)
    except httpx.HTTPStatusError as error:
        fail(f"--url {url}: the service answered with status {error.response.status_code}{_detail(error.response)}")
    except (httpx.HTTPError, httpx.InvalidURL):
        fail(f"--url {url}: no service answers at this address; start one, correct the address, or ask with --store")
    except msgspec.MsgspecError:
        fail(f"--url {url}: expected the status of an installation, found another answer; is it an Opportune service?")


def _detail(answer: httpx.Response) -> str:
    """Give what the service said of its refusal, as the end of a sentence."""
    try:
        return f" and {msgspec.json.decode(answer.content, type=_Refusal).code}; see that its store is there"
    except msgspec.MsgspecError:
        return "; is it an Opportune service?"


def _lost(found: Status) -> str:
    number = sum(process.health == "lost" for process in found.processes)
    return f"; {count(number, 'lost process', 'lost processes')} of the last hour" if number else ""


def _table(processes: tuple[ProcessStatus, ...]) -> Iterator[str]:
    """Give the lines of the table; wider than the terminal rather than cut."""
    rows = [NAMES, *(_cells(process) for process in processes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(NAMES, row, widths, strict=True)
        padded = (cell.rjust(width) if name in NUMBERS else cell.ljust(width) for name, cell, width in cells)
        yield "  ".join(padded).rstrip()


def _cells(one: ProcessStatus) -> tuple[str, ...]:
    cells = (one.host, one.pid, one.role, one.address, one.revision, one.model, one.position, one.lag)
    return (*map(str, cells), f"{one.age_seconds:.1f} s", one.health)
