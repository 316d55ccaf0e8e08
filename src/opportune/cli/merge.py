"""`opportune merge`, `opportune merges` and `opportune split`: who is one person, and who is not after all."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import msgspec
import typer
from rich.markup import escape

from opportune.cli.author import named as author_named
from opportune.cli.identity import CustomerArgument, named, written
from opportune.cli.output import FOUND, JsonOption, count, fail, failures, out, print_json
from opportune.cli.releases import AuthorOption, ReasonOption, StoreOption, UrlOption, expect_one, opened, service
from opportune.service.identity_links import MergeLine, merges_of
from opportune.storage import MergePersons, SplitPersons

__all__ = ["merge", "merges", "split"]


def merge(
    customer: CustomerArgument,
    other: Annotated[str, typer.Argument(help="Another identifier of the same customer.")],
    store: StoreOption = "",
    url: UrlOption = "",
    author: AuthorOption = "",
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Let two identifiers lead to one customer.

    It has one profile, one history and one set of limits from then on. It is logged, and `split` takes it back.
    """
    with failures(as_json):
        expect_one(store, url)
        who = author_named(author)
        if url:
            with service(url) as client:
                status = client.merge(customer, other, author=who, reason=reason).status
        else:
            with opened(store) as storage:
                one, second = named(storage, customer, other)
                write = MergePersons(
                    id=uuid4().hex,
                    identifier=one.value,
                    identifier_kind=one.kind,
                    other=second.value,
                    other_kind=second.kind,
                    author=who,
                    reason=reason,
                )
                status = "repeated" if written(storage, write).repeated else "recorded"
    if as_json:
        print_json({"status": status})
        return
    out.print("They are one customer." if status == "recorded" else "They were one customer already.")


def merges(
    customer: CustomerArgument, store: StoreOption = "", url: UrlOption = "", as_json: JsonOption = False
) -> None:
    """List the merges of a customer, those that were undone too."""
    with failures(as_json):
        expect_one(store, url)
        if url:
            with service(url) as client:
                lines = msgspec.convert(client.merges(customer), tuple[MergeLine, ...])
        else:
            with opened(store, read_only=True) as storage:
                (one,) = named(storage, customer)
                found = merges_of(storage, one)
                if found is None:
                    fail("nobody is known under this identifier", FOUND)
                lines = found
    if as_json:
        print_json({"merges": lines})
        return
    for line in lines:
        out.print(escape(_told(line)))
    if not lines:
        out.print("The customer has no merges.")


def split(
    customer: CustomerArgument,
    entry: Annotated[int, typer.Argument(help="Journal entry of the merge, as `merges` lists it.")],
    store: StoreOption = "",
    url: UrlOption = "",
    author: AuthorOption = "",
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Undo a merge.

    Everything is as if it had never been, and what came since stays with its identifier.
    """
    with failures(as_json):
        expect_one(store, url)
        who = author_named(author)
        if url:
            with service(url) as client:
                sequence = client.split(customer, entry, author=who, reason=reason).sequence
        else:
            with opened(store) as storage:
                (one,) = named(storage, customer)
                lines = merges_of(storage, one) or ()
                if all(line.entry != entry for line in lines):
                    fail(f"the customer has no merge of entry {entry}; {count(len(lines), 'merge')} listed by merges")
                write = SplitPersons(id=uuid4().hex, merge=str(entry), author=who, reason=reason)
                sequence = written(storage, write).sequence
    if as_json:
        print_json({"entry": sequence})
        return
    out.print(f"The merge of entry {entry} is undone by entry {sequence}.")


def _told(line: MergeLine) -> str:
    names = f"{line.one or '(erased)'} and {line.other or '(erased)'}"
    who = f" by {line.author}" if line.author else ""
    why = f": {line.reason}" if line.reason else ""
    at = "before what retention keeps" if line.at is None else f"{line.at:%Y-%m-%d %H:%M} UTC"
    text = f"entry {line.entry}, {at}{who}: {names}{why}"
    if line.undone is None:
        return text
    who = f" by {line.undone_by}" if line.undone_by else ""
    why = f": {line.undone_because}" if line.undone_because else ""
    return f"{text}\n  undone by entry {line.undone}{who}{why}"
