"""`opportune diff`: what changed from one strategy to another, in words."""

from __future__ import annotations

from contextlib import ExitStack

from rich.markup import escape

from opportune.cli.former import FoldersArgument, GitOption, compared
from opportune.cli.output import JsonOption, count, failures, out, print_json
from opportune.cli.releases import StoreOption, opened
from opportune.strategy.diff import differences
from opportune.strategy.project import content_hash

__all__ = ["diff"]


def diff(folders: FoldersArgument, store: StoreOption = "", git: GitOption = "", as_json: JsonOption = False) -> None:
    """Say in words what changed between two strategies.

    Compares two folders, or one with the published revision of a store, or with a revision of git. Both are read as
    they are, unchecked.
    """
    with failures(as_json), ExitStack() as stack:
        wants_store = len(folders) == 1 and not git
        storage = stack.enter_context(opened(store, read_only=True)) if wants_store else None
        before, after = compared(folders, git, storage)
        changes = differences(before.project, after.project)
    if as_json:
        sides = ({"name": side.name, "revision": content_hash(side.project)} for side in (before, after))
        print_json({"before": next(sides), "after": next(sides), "changes": changes})
        return
    if not changes:
        out.print(escape(f"Nothing changed from {before.name} to {after.name}."))
        return
    out.print(escape(f"{count(len(changes), 'change')} from {before.name} to {after.name}:"))
    for change in changes:
        out.print(escape(f"  {change}"))
