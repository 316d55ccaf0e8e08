"""What publishing and going back share: where they write to, whose name they carry, what they print."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
import typer
from rich.markup import escape

from opportune.cli.output import FOUND, Failure, count, out
from opportune.client import Client, Release
from opportune.errors import InputError, ServiceError, StoreBusyError
from opportune.storage import Storage, open_storage
from opportune.storage.sqlite.file import check_file

__all__ = [
    "STORE",
    "AuthorOption",
    "OnlyStoreOption",
    "ReasonOption",
    "StoreOption",
    "UrlOption",
    "address",
    "expect_one",
    "expect_store",
    "opened",
    "print_release",
    "service",
]

STORE = "opportune.db"


def address(url: str) -> str:
    """Pass on what can be the address of a service."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise typer.BadParameter(_NO_ADDRESS) from error
    if url and not (parts.scheme in ("http", "https") and parts.hostname):
        raise typer.BadParameter(_NO_ADDRESS)
    return url


_NO_ADDRESS = "expected an address that begins with http:// or https://, such as http://127.0.0.1:8080"

StoreOption = Annotated[
    str, typer.Option(help=f"File of the store, or its URL; {STORE} if neither this nor --url is given.")
]
OnlyStoreOption = Annotated[str, typer.Option(help=f"File of the store, or its URL; {STORE} if left out.")]
UrlOption = Annotated[
    str,
    typer.Option(
        help="Address of a running service, such as http://127.0.0.1:8080, in place of its store.", callback=address
    ),
]
AuthorOption = Annotated[str, typer.Option(help="Who does it; the name of the system's user if left out.")]
ReasonOption = Annotated[str, typer.Option(help="Why, in your words.")]


@contextmanager
def opened(store: str, *, read_only: bool = False, made: bool = False, otherwise: str = "") -> Iterator[Storage]:
    """Open a store; where a service holds it, say how to reach that.

    Args:
        made: whether a store that is missing is made.
        otherwise: what to do then where the command takes no --url.
    """
    if not made:
        expect_store(store)
    try:
        storage = open_storage(store or STORE, read_only=read_only)
    except StoreBusyError as error:
        remedy = otherwise or "add --url with its address, such as --url http://127.0.0.1:8080"
        raise Failure(f"{error}: {remedy}", 2) from error
    with storage:
        yield storage


def expect_store(store: str) -> None:
    """Refuse a file that is not there: under a misspelt name an empty store would be made, and asked.

    Raises:
        StoreError: nothing is there, or no store.
    """
    scheme, separator, rest = (store or STORE).partition("://")
    if not separator or scheme == "sqlite":
        check_file(Path(rest.removeprefix("/") if separator else scheme), read_only=True)


def expect_one(store: str, url: str) -> None:
    """Refuse a store and a service at once."""
    if store and url:
        raise Failure("expected --store or --url, found both", 2)


@contextmanager
def service(url: str) -> Iterator[Client]:
    """Talk to a running service; its refusals become problems like those found here."""
    try:
        with Client(url, timeout=10.0, retries=0) as client:
            yield client
    except msgspec.ValidationError as error:
        message = f"--url {url}: the service answers as another version of Opportune does; ask with its own command"
        raise Failure(message, 2) from error
    except ServiceError as error:
        if error.problems:
            raise InputError(error.problems) from error
        raise Failure(f"--url {url}: {error}", FOUND if 400 <= error.status < 500 else 2) from error


def print_release(release: Release, *, is_served: bool) -> None:
    """Say what became of a strategy.

    Args:
        is_served: a service answers with it already.
    """
    word = "live" if is_served else "the current one"
    if release.repeated:
        out.print(f"Revision {release.number} is {word} already; nothing changed.")
        return
    back = "" if release.returns_to is None else f", back to revision {release.returns_to}"
    out.print(f"Revision {release.number} is {word}{back}.")
    for change in release.changes:
        out.print(escape(f"  {change}"))
    trial = release.trial or {"decided": 0, "refused": {}, "slowest_ms": 0.0}
    tried = f"{count(trial['decided'], 'recent request')} decided"
    slowest = f", the slowest in {trial['slowest_ms']:.1f} ms" if trial["decided"] else ""
    out.print(f"{count(release.tests, 'test')} passed; {tried}{slowest}.")
    for problem, number in trial["refused"].items():
        out.print(escape(f"  {count(number, 'recent request')} would be refused from now on: {problem}"))
    for sentence in release.advice:
        out.print(escape(f"Note: {sentence}."))
