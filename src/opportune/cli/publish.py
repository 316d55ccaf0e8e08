"""`opportune publish`: make a strategy the one in use."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
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
from opportune.service.publishing import Offer
from opportune.service.publishing import publish as publish_to
from opportune.strategy.check import check_directory

__all__ = ["publish"]


def publish(
    project: Annotated[Path, typer.Argument(help="Folder of the strategy.")],
    store: StoreOption = "",
    url: UrlOption = "",
    author: AuthorOption = "",
    reason: ReasonOption = "",
    another_project: Annotated[
        bool, typer.Option("--another-project", help="Publish although the strategy in use has another name.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check a strategy and make it the one in use.

    Its tests must pass, and recent requests are tried on it. Running processes serve it within a second. A strategy
    that is refused changes nothing; exit code 1 then.
    """
    with failures(as_json):
        expect_one(store, url)
        now = datetime.now(UTC)
        files = dict(check_directory(project, now).project.files)
        if url:
            with service(url) as client:
                release = client.publish(files, author=named(author), reason=reason, another_project=another_project)
        else:
            offer = Offer(files, named(author), reason, another_project, now=now)
            with opened(store, made=True) as storage:
                release = msgspec.convert(msgspec.to_builtins(publish_to(storage, offer, uuid4().hex)), Release)
    if as_json:
        print_json(release)
    else:
        print_release(release, is_served=bool(url))
