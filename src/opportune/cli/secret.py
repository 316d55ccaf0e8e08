"""`opportune secret`: the key that proofs are signed with, for the customer's own server."""

from __future__ import annotations

from typing import Annotated

import typer

from opportune.cli.output import JsonOption, err, fail, failures, print_json
from opportune.cli.releases import StoreOption, opened
from opportune.customers.identity.proof import key_text
from opportune.service.identity_links import SECRET

__all__ = ["secret"]


def secret(
    name: Annotated[str, typer.Argument(help="What it is for: identity.")],
    store: StoreOption = "",
    as_json: JsonOption = False,
) -> None:
    """Print the key of this store that proofs of identity are signed with.

    Whoever has it can say of any two identifiers that they are one person's: hand it to the server that knows that, and
    to nobody else.
    """
    with failures(as_json):
        if name != SECRET:
            fail(f"expected the secret '{SECRET}', found '{name[:100]}'")
        with opened(store) as storage:
            key = key_text(storage.secret(SECRET))
    if as_json:
        print_json({"name": name, "key": key})
        return
    err.print("Key of HMAC-SHA256, to be kept where only your server reads it:")
    typer.echo(key)
