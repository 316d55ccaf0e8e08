"""`opportune rollback`: go back to an earlier revision."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import msgspec
import typer

from opportune.cli.author import named
from opportune.cli.output import JsonOption, failures, print_json
from opportune.cli.releases import (
    AuthorOption,
    ReasonOption,
    StoreOption,
    UrlOption,
    expect_one,
    opened,
    print_release,
    service,
)
from opportune.client import Release
from opportune.service.course import Course
from opportune.service.publishing import earlier, publish

__all__ = ["rollback"]


def rollback(
    number: Annotated[
        int, typer.Argument(help="Number of the revision; 0 takes the one before the current one.", min=0)
    ] = 0,
    store: StoreOption = "",
    url: UrlOption = "",
    author: AuthorOption = "",
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Go back to an earlier revision.

    It is published again, under a new number. Running processes serve it within a second. Going back twice goes back
    further.
    """
    with failures(as_json):
        expect_one(store, url)
        if url:
            with service(url) as client:
                release = client.rollback(number or None, author=named(author), reason=reason)
        else:
            with opened(store) as storage:
                offer = earlier(storage, Course(storage), number or None, named(author), reason)
                release = msgspec.convert(msgspec.to_builtins(publish(storage, offer, uuid4().hex)), Release)
    if as_json:
        print_json(release)
    else:
        print_release(release, is_served=bool(url))
