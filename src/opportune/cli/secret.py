"""`opportune secret`: the key that proofs are signed with, for the customer's own server."""

from __future__ import annotations

from typing import Annotated

import typer

from opportune.cli.output import JsonOption, err, fail, failures, print_json
from opportune.cli.releases import STORE, OnlyStoreOption, opened
from opportune.customers.identity.proof import key_text
from opportune.errors import StoreError
from opportune.service.identity_links import SECRET
from opportune.storage import open_storage

__all__ = ["secret"]


def secret(
    name: Annotated[str, typer.Argument(help="What it is for: identity.")],
    store: OnlyStoreOption = "",
    as_json: JsonOption = False,
) -> None:
    """Print the key that proofs of identity are signed with.

    Whoever has it can say of any two identifiers that they are one person's: hand it to the server that knows that, and
    to nobody else. The store draws it when it is first asked for, on SQLite while no service runs; from then on it is
    printed beside one too.
    """
    with failures(as_json):
        if name != SECRET:
            fail(f"expected the secret '{SECRET}', found '{name[:100]}'")
        key = key_text(_key(store))
    if as_json:
        print_json({"name": name, "key": key})
        return
    err.print("Key of HMAC-SHA256, to be kept where only your server reads it:")
    typer.echo(key)


def _key(store: str) -> bytes:
    """Read the key, beside a service too; where none was drawn yet, have it drawn."""
    try:
        with open_storage(store or STORE, read_only=True) as storage:
            return storage.secret(SECRET)
    except StoreError:
        pass
    otherwise = "the key itself goes over no network, so print it once with the service stopped; the store keeps it"
    with opened(store, otherwise=otherwise) as storage:
        return storage.secret(SECRET)
