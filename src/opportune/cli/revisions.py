"""`opportune revisions`: what was published, when, by whom, why, and what changed."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from rich.markup import escape

from opportune.cli.output import JsonOption, failures, out, print_json
from opportune.cli.releases import StoreOption, UrlOption, expect_one, opened, service
from opportune.client import RevisionLine
from opportune.service.releasing import listed

__all__ = ["revisions"]


def revisions(store: StoreOption = "", url: UrlOption = "", as_json: JsonOption = False) -> None:
    """List all revisions, with who, why and what changed.

    A star stands before the one in use. With --store it works beside a running service.
    """
    with failures(as_json):
        expect_one(store, url)
        if url:
            with service(url) as client:
                lines = client.revisions()
        else:
            with opened(store, read_only=True) as storage:
                current = storage.revisions()
                live = current[-1].number if current else 0
                lines = msgspec.convert(msgspec.to_builtins(listed(storage, live)), list[RevisionLine])
    if as_json:
        print_json(lines)
    else:
        _print(lines)


def _print(lines: Iterable[RevisionLine]) -> None:
    for line in lines:
        when = "at a time that is no longer kept" if line.at is None else f"{line.at:%Y-%m-%d %H:%M:%S}Z"
        by = f" by {line.author}" if line.author else ""
        back = "" if line.returns_to is None else f", back to revision {line.returns_to}"
        why = f": {line.reason}" if line.reason else ""
        out.print(escape(f"{'*' if line.live else ' '} {line.number}  {line.hash[:12]}  {when}{by}{back}{why}"))
        for change in line.changes:
            out.print(escape(f"      {change}"))
    if not lines:
        out.print("Nothing was published yet.")
